"""Write database, stored objects and keys into one file."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from biolab.backup import whole
from biolab.kernel.errors import Refusal


class Command(BaseCommand):
    """Safe beside a running server; the file holds secrets and only its owner may read it."""

    help = "Back up database, stored objects and keys into one new file, with a digest of every part."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", help="the new file, or the folder that is to hold it (its name may end in a slash)")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        path = Path(options["path"]).expanduser().resolve()
        if path.is_dir() or str(options["path"]).endswith(os.sep):
            path /= f"biolab-{now:%Y%m%dT%H%M%SZ}.tar"
        try:
            told = whole.back_up(path=path, at=now)
        except (whole.Unwilling, Refusal, OSError) as problem:
            raise CommandError(str(problem)) from problem
        for name in told.missing:
            self.stdout.write(f"{name} was removed while the backup was made, and is not in it.")
        if settings.STORAGE_BACKEND in whole.ELSEWHERE:
            self.stderr.write(
                f"The readings lie in {settings.STORAGE_BACKEND} and are not in this backup: back them up there, too."
            )
        self.stdout.write(
            f"{told.path}: {told.size} bytes, {told.objects} objects, {told.keys} key files.\n"
            f"SHA-256 {told.sha256}\n"
            "It holds private keys: keep it where nobody else reads it."
        )
