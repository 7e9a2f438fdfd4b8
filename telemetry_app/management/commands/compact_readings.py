"""Fold the readings that wait into packed chunks now, instead of at the next beat."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from biolab.kernel.errors import Missing
from biolab.kernel.ids import find
from sessions_app.models import LabSession
from telemetry_app.services.sealing import compact_readings, compact_session


class Command(BaseCommand):
    """Safe beside running instruments and beside the beat: what one of them folds, the other leaves alone."""

    help = "Fold the readings that wait, of all sessions and of none, into packed chunks now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--session", help="only this session, such as sess_…")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["session"] is None:
            moved = compact_readings(least=1, idle_before=timezone.now(), told=self._tell)
        else:
            try:
                moved = compact_session(find(LabSession.objects.all(), options["session"]))
            except Missing:
                raise CommandError(f"There is no session {options['session']}.") from None
        self.stdout.write(f"{moved} readings were folded.")

    def _tell(self, number: int, of: int, readings: int) -> None:
        self.stderr.write(f"{number}/{of}: {readings} readings")
