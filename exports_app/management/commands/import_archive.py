"""Read an archive back as a read-only session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from biolab.accounts.models import Team, User
from biolab.accounts.roles import PlatformRole
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import parse_id
from exports_app.services.importing import import_archive


class Command(BaseCommand):
    """Prints one line of JSON: the session, how much there is of it, and where it can be read."""

    help = "Verify an archive and read it back as a session that a team may read and nobody may add to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="FILE.eln")
        parser.add_argument("--team", required=True, help="name or id of the team that may read it")
        parser.add_argument("--by", default="", help="e-mail of the administrator who does it; default: the first")
        parser.add_argument("--key", default="", help="public key of the laboratory that the archive comes from")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        try:
            session = import_archive(
                path=path,
                team=self._team(options["team"]),
                by=self._administrator(options["by"]),
                at=timezone.now(),
                key=options["key"],
            )
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        told = {
            "session_id": session.public_id,
            "name": session.name,
            "events": session.head_sequence,
            "head": session.head_hash,
            "imported_from": session.imported_from,
            "path": f"/sessions/{session.public_id}",
        }
        self.stdout.write(json.dumps(told, ensure_ascii=False))

    def _team(self, given: str) -> Team:
        key = parse_id(given, Team.id_prefix)
        teams = list(Team.objects.filter(pk=key) if key is not None else Team.objects.filter(name=given))
        if len(teams) != 1:
            raise CommandError(f"{len(teams) or 'No'} team is called {given!r}; give its id.")
        return teams[0]

    def _administrator(self, email: str) -> User:
        people = User.objects.filter(is_active=True, role=PlatformRole.ADMIN).order_by("pk")
        found = (people.filter(email__iexact=email) if email else people).first()
        if found is None:
            raise CommandError("There is no such administrator; name one with --by.")
        return found
