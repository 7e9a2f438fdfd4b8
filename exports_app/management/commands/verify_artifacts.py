"""Re-hash everything that is stored."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from exports_app.services.upkeep import check_fixity


class Command(BaseCommand):
    """Names what is wrong, one line each; exit status 1 where something is."""

    help = "Check every stored object against its digest; a changed archive is taken back."

    def handle(self, *args: Any, **options: Any) -> None:
        told = check_fixity(clock=timezone.now)
        for finding in told.findings:
            self.stdout.write(f"{finding['name']}: {finding['trouble']}; expected {finding['expected']}")
        self.stdout.write(f"{told.objects_checked} objects checked, {told.objects_wrong} wrong.")
        if told.objects_wrong:
            sys.exit(1)
