"""What a socket asks to be shown, and what of it its person may see now."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from biolab.accounts.auth import Identity
from biolab.accounts.policies import require_scope
from biolab.accounts.roles import Scope
from biolab.accounts.selectors import teams_of
from biolab.kernel.errors import Missing, Unauthenticated
from biolab.kernel.ids import find, parse_id
from sessions_app.live.admission import fresh_person
from sessions_app.models import LabSession
from telemetry_app.models import Channel
from telemetry_app.points import sessions_in_sight


@dataclass(frozen=True)
class Wish:
    """The readings that a socket is shown; sockets with equal wishes share a stream.

    Attributes:
        channels: the only ones, or None for all of the teams.
        sessions: the only ones, without readings outside any session; None for all.
    """

    teams: frozenset[UUID]
    channels: frozenset[UUID] | None
    sessions: frozenset[UUID] | None

    def known_channels(self) -> QuerySet[Channel]:
        channels = Channel.objects.in_use().filter(team__in=self.teams)
        return channels if self.channels is None else channels.filter(pk__in=self.channels)


@dataclass(frozen=True)
class Asked:
    """``?events=&experiment=`` as the client wrote them."""

    events: tuple[str, ...]
    experiment: str

    @classmethod
    def of(cls, query_string: bytes) -> Asked:
        query = parse_qs(query_string.decode("ascii", "replace"))
        named = [text.strip() for part in query.get("events", []) for text in part.split(",")]
        return cls(tuple(text for text in named if text), query.get("experiment", [""])[0].strip())


def granted(identity: Identity, asked: Asked) -> Wish:
    """Return what the person may be shown now; everything is read afresh.

    Raises:
        Unauthenticated: the sign-in or the token has ended.
        Forbidden: the token was not given the readings.
        Missing: a channel or the session does not exist for them.
    """
    person = fresh_person(identity) if identity.holds(timezone.now()) else None
    if person is None:
        raise Unauthenticated("This sign-in or token has ended.", code="token_revoked")
    require_scope(person, Scope.TELEMETRY_READ)
    session = find(LabSession.objects.visible_to(person), asked.experiment) if asked.experiment else None
    sessions = sessions_in_sight(person, session)
    teams = frozenset(teams_of(person).values_list("pk", flat=True)) if session is None else {session.team_id}
    if not asked.events:
        return Wish(frozenset(teams), None, sessions)
    parsed = {parse_id(text, Channel.id_prefix) for text in asked.events}
    keys = {key for key in parsed if key is not None}
    seen = Channel.objects.in_use().filter(team__in=teams, pk__in=keys).order_by()
    found = dict(seen.values_list("pk", "team_id"))
    if found.keys() != parsed:
        raise Missing("There is no channel with this id.")
    return Wish(frozenset(found.values()), frozenset(found), sessions)
