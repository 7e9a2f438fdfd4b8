"""Bring the data up to date: tables, the first administrator and the demo lab."""

import os
import secrets
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole
from biolab.settings import env
from telemetry_app import stores


class Command(BaseCommand):
    """Runs before every start; everything it does may be repeated without harm."""

    help = "Migrate, make the first administrator where there is none, and lay out the demo lab."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        try:
            stores.current().prepare()
        except ImproperlyConfigured as problem:
            raise CommandError(str(problem)) from None
        self._first_administrator()
        # the demo's passwords are known to everybody: service mode has it only where it is asked for
        if env.flag("BIOLAB_DEMO", default=settings.EMBEDDED) and "seed_demo" in get_commands():
            call_command("seed_demo")

    def _first_administrator(self) -> None:
        """Make an administrator where there is no account yet, and say how to sign in."""
        note = Path(settings.DATA_DIR) / "first-administrator.txt"
        fresh = not User.objects.exists()
        if fresh and not settings.INITIAL_ADMIN_PASSWORD:
            if not settings.EMBEDDED:
                raise CommandError("Set INITIAL_ADMIN_EMAIL and INITIAL_ADMIN_PASSWORD for the first administrator.")
            settings.INITIAL_ADMIN_PASSWORD = secrets.token_urlsafe(15)
            with os.fdopen(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(f"{settings.INITIAL_ADMIN_EMAIL}\n{settings.INITIAL_ADMIN_PASSWORD}\n")
        call_command("ensure_admin", stdout=StringIO())
        administrator = User.objects.filter(role=PlatformRole.ADMIN, is_active=True).order_by("created_at").first()
        if administrator is None:
            raise CommandError("There is no active administrator; make one with `biolab manage createsuperuser`.")
        self.stdout.write(f"Administrator: {administrator.email}{self._password(note, fresh=fresh)}")

    def _password(self, note: Path, *, fresh: bool) -> str:
        """Return where the first administrator's password is to be found, or itself where it was just made."""
        if not note.exists():
            return ""
        password = note.read_text().splitlines()[1]
        return f"  password: {password}  (kept in {note})" if fresh else f"  (first password: {note})"
