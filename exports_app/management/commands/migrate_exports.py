"""Give exports that were brought over the snapshot of the template they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from exports_app.services.brought_over import bind_snapshots


class Command(BaseCommand):
    """Prints one line of JSON; what could not be bound is appended to the log of anomalies."""

    help = "Bind exports that have a template and no snapshot to the template's published snapshot, else its highest."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        seen = list(bind_snapshots(at=now, dry_run=options["dry_run"]))
        anomalies = [bound for bound in seen if bound.anomaly]
        if anomalies and not options["dry_run"]:
            self._log([bound.as_line(at=now) for bound in anomalies])
        told = {
            "processed": len(seen),
            "updated": len(seen) - len(anomalies),
            "anomalies": len(anomalies),
            "dry_run": options["dry_run"],
        }
        self.stdout.write(json.dumps(told))

    def _log(self, lines: list[dict[str, Any]]) -> None:
        path = Path(settings.MIGRATION_LOG)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as log:
                log.writelines(f"{json.dumps(line)}\n" for line in lines)
        except OSError as error:
            raise CommandError(f"The anomalies could not be written to {path}: {error}") from error
