"""Protocols and sessions in any state, made by the services, so that their chains hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory

from biolab.accounts.models import Membership, Team, User
from biolab.accounts.roles import PlatformRole, Role
from sessions_app.models import LabSession, Protocol
from sessions_app.services.protocols import create_protocol
from sessions_app.services.sessions import move_session, start_session
from sessions_app.states import ABORT, COMPLETE, PAUSE

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEPS = "Fill the vessel\nCalibrate the pH probe\nInoculate"
_numbers = iter(range(1, 10**9))


def make_team(name: str = "Fermentation") -> Team:
    """Return a new team."""
    return Team.objects.create(name=name)


def make_member(
    team: Team | None, role: Role = Role.LEAD, *, role_on_platform: PlatformRole = PlatformRole.OPERATOR, **fields: Any
) -> User:
    """Return a new person with ``role`` in ``team``; with None in no team."""
    number = next(_numbers)
    fields = {"username": f"person{number}", "role": role_on_platform, **fields}
    person = User.objects.create_user(f"person{number}@biolab.example", fields.pop("password", None), **fields)
    if team is not None:
        Membership.objects.create(team=team, user=person, role=role)
    return person


class ProtocolFactory(factory.Factory[Protocol]):
    """A protocol of three steps; ``ordered``, ``variables`` and ``content`` as given."""

    class Meta:
        model = Protocol

    team = factory.LazyFunction(make_team)
    by = factory.LazyAttribute(lambda wish: make_member(wish.team, Role.LEAD))
    at = NINE
    title = factory.Sequence(lambda number: f"Fed-batch {number}")
    content = STEPS
    variables = ()
    ordered = False

    @classmethod
    def _create(cls, model_class: type[Protocol], *args: Any, **kwargs: Any) -> Protocol:
        return create_protocol(**kwargs)


class SessionFactory(factory.Factory[LabSession]):
    """A session; running unless a trait says otherwise.

    Traits: ``planned``, ``running``, ``paused``, ``completed``, ``aborted``; and ``with_steps`` (three, unordered) or
    ``with_ordered_steps``. ``by`` is a lead of ``team``.
    """

    class Meta:
        model = LabSession

    class Params:
        planned = factory.Trait(planned_for=datetime(2026, 3, 3, 9, 0, tzinfo=UTC))
        running = factory.Trait(after=())
        paused = factory.Trait(after=(PAUSE,))
        completed = factory.Trait(after=(COMPLETE,))
        aborted = factory.Trait(after=(ABORT,))
        with_steps = factory.Trait(
            protocol=factory.LazyAttribute(lambda wish: ProtocolFactory(team=wish.team, by=wish.by))
        )
        with_ordered_steps = factory.Trait(
            protocol=factory.LazyAttribute(lambda wish: ProtocolFactory(team=wish.team, by=wish.by, ordered=True))
        )

    team = factory.LazyFunction(make_team)
    by = factory.LazyAttribute(lambda wish: make_member(wish.team, Role.LEAD))
    at = NINE
    name = factory.Sequence(lambda number: f"Run {number}")
    description = ""
    protocol: Any = None
    parameters = factory.LazyFunction(dict)
    planned_for: Any = None
    after: Any = ()

    @classmethod
    def _create(cls, model_class: type[LabSession], *args: Any, **kwargs: Any) -> LabSession:
        moves = kwargs.pop("after")
        session = start_session(**kwargs)
        for move in moves:
            session = move_session(session=session, move=move, by=kwargs["by"], at=kwargs["at"])
        return session
