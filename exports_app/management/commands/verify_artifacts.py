"""Re-hash every stored archive and every frozen object."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from exports_app.services.upkeep import verify_artifacts


class Command(BaseCommand):
    """Names what is wrong, one line each; exit status 1 where something is."""

    help = "Check every stored archive and frozen object against its digest; a changed archive is taken back."

    def handle(self, *args: Any, **options: Any) -> None:
        checked = wrong = 0
        for finding in verify_artifacts(at=timezone.now()):
            checked += 1
            if finding.trouble:
                wrong += 1
                self.stdout.write(f"{finding.name}: {finding.trouble}; expected {finding.expected}")
        self.stdout.write(f"{checked} objects checked, {wrong} wrong.")
        if wrong:
            sys.exit(1)
