"""Bring an installation back from a backup, and check what came back."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from biolab.backup import whole
from biolab.kernel.errors import Refusal


class Command(BaseCommand):
    """Replaces the database, the stored objects and the keys; stop server and workers before."""

    help = "Bring back database, stored objects and keys from a backup, then verify every timeline and object."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="the backup")
        parser.add_argument("--force", action="store_true", help="replace what is here already")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"].expanduser().resolve()
        try:
            whole.bring_back(path=path, at=timezone.now(), over=options["force"], say=self.stdout.write)
        except (whole.Unwilling, Refusal, OSError, DatabaseError) as problem:
            raise CommandError(str(problem)) from problem
        call_command("verify_timeline", stdout=self.stdout)
        call_command("verify_artifacts", stdout=self.stdout)
