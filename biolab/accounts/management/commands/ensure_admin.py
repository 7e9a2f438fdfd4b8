"""Make the first administrator and the default team, once."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole
from biolab.accounts.services.bench import lodge
from biolab.accounts.services.people import add_person
from biolab.kernel.errors import Refusal


class Command(BaseCommand):
    """Does nothing as soon as there is any account."""

    help = (
        "Makes the first administrator from INITIAL_ADMIN_EMAIL, INITIAL_ADMIN_USERNAME and INITIAL_ADMIN_PASSWORD "
        "when there is no account yet. Without a password one is generated and printed once."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists():
            return
        given: str = settings.INITIAL_ADMIN_PASSWORD
        password = given or secrets.token_urlsafe(15)
        now = timezone.now()
        try:
            person = add_person(
                email=settings.INITIAL_ADMIN_EMAIL,
                username=settings.INITIAL_ADMIN_USERNAME,
                password=password,
                role=PlatformRole.ADMIN,
                by=None,
                at=now,
            )
        except Refusal as refusal:
            raise CommandError(f"{refusal.sentence} {refusal.facts.get('errors', '')}") from None
        lodge(person=person, at=now, provisional=False)
        self.stdout.write(f"Administrator: {person.email}")
        if not given:
            self.stdout.write(f"Password (shown this once): {password}")
