"""Re-computes the timeline of every session, or of those named, and fails when one does not hold."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson
from django.core.management.base import BaseCommand, CommandError

from biolab.kernel.ids import parse_id
from sessions_app.models import LabSession
from sessions_app.verification import Report, verify_session


class Command(BaseCommand):
    help = "Verify the hash chains and signed checkpoints of sessions; reads only; exits 1 when one does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--session", action="append", default=[], metavar="ID", help="only this session; may be repeated"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        sessions = events = 0
        bad: list[Report] = []
        for pk in self._named(options["session"]):
            report = verify_session(pk)
            sessions, events = sessions + 1, events + report.events
            if not report.valid:
                bad.append(report)
                if not options["json"]:
                    self.stdout.write(f"{report.session_id}: first bad event {report.first_bad}: {report.reason}.")
        if options["json"]:
            answer = {
                "valid": not bad,
                "sessions": sessions,
                "events": events,
                "problems": [asdict(report) for report in bad],
            }
            self.stdout.write(orjson.dumps(answer).decode())
        else:
            self.stdout.write(f"{sessions} sessions, {events} events that hold, {len(bad)} sessions that do not.")
        if bad:
            sys.exit(1)

    def _named(self, texts: list[str]) -> Iterator[UUID]:
        if not texts:
            yield from LabSession.objects.order_by("pk").values_list("pk", flat=True).iterator()
        for text in texts:
            pk = parse_id(text, LabSession.id_prefix)
            if pk is None or not LabSession.objects.filter(pk=pk).exists():
                raise CommandError(f"There is no session {text}.")
            yield pk
