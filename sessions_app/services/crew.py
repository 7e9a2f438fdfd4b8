"""Who is at the bench: the crew of a session, who read it whatever team they are in."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from biolab.accounts.models import Membership, User
from biolab.accounts.policies import require_scope
from biolab.accounts.roles import Right, Scope
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category
from biolab.kernel.errors import Conflict, Missing
from sessions_app import timeline
from sessions_app.errors import SessionEnded
from sessions_app.facts import CrewJoined, CrewLeft
from sessions_app.models import LabSession
from sessions_app.policies import require_right


@transaction.atomic
def join_crew(*, session: LabSession, person: User, by: User, at: datetime) -> LabSession:
    """Put a person into the crew and tell them; of a session that has ended the crew stays as it is.

    Whoever runs the session names members of its team; only those who manage the team let somebody else in.

    Raises:
        Forbidden: ``by`` may not run the session, or not let this person in.
        SessionEnded: it has ended.
        Conflict: the person belongs to the crew already, or has no active account.
    """
    session = LabSession.objects.hold(session.pk)
    of_the_team = Membership.objects.filter(team=session.team_id, user=person).exists()
    require_right(by, Right.RUN if of_the_team else Right.MANAGE_MEMBERS, session.team_id)
    _require_open(session)
    if not person.is_active:
        raise Conflict("This account has ended.", code="account_ended")
    if session.crew.filter(pk=person.pk).exists():
        raise Conflict("This person belongs to the crew already.", code="already_in_the_crew")
    session.crew.add(person)
    if person.pk != by.pk:
        notify(
            [person],
            title=f"You are in the crew of “{session.name}”",
            category=Category.SESSIONS,
            at=at,
            action_url=f"/sessions/{session.public_id}",
        )
    timeline.record(session, CrewJoined(person_id=person.public_id, name=person.printed_name), by=by, at=at)
    return session


@transaction.atomic
def leave_crew(*, session: LabSession, person: User, by: User, at: datetime) -> LabSession:
    """Take a person out of the crew; anyone may leave by themselves.

    Raises:
        Forbidden: ``by`` may not run the session.
        SessionEnded: it has ended.
        Missing: the person is not in the crew.
    """
    session = LabSession.objects.hold(session.pk)
    if by.pk == person.pk:
        require_scope(by, Scope.SESSIONS_WRITE)
    else:
        require_right(by, Right.RUN, session.team_id)
    _require_open(session)
    if not session.crew.filter(pk=person.pk).exists():
        raise Missing("This person is not in the crew.")
    session.crew.remove(person)
    timeline.record(session, CrewLeft(person_id=person.public_id, name=person.printed_name), by=by, at=at)
    return session


def _require_open(session: LabSession) -> None:
    if session.is_ended:
        raise SessionEnded("This session has ended; its crew stays as it was.")
