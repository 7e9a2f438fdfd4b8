"""Lay out the demo lab and say who can sign in to it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole
from biolab.demo import people
from biolab.demo.lab import lay_out


class Command(BaseCommand):
    """Runs before every start of the embedded mode; what is there already stays as it is."""

    help = "Make the demo lab: people, a protocol, a template, a finished session with its export, one that runs."

    def handle(self, *args: Any, **options: Any) -> None:
        administrator = User.objects.filter(role=PlatformRole.ADMIN, is_active=True).order_by("created_at").first()
        if administrator is None:
            raise CommandError("There is no administrator yet; run ensure_admin first.")
        lay_out(administrator=administrator, at=timezone.now())
        self.stdout.write(f"Demo accounts, all with the password {people.PASSWORD}:")
        for character in people.CAST:
            self.stdout.write(f"  {character.email:<26} {character.name}, {character.role.label.lower()}")
