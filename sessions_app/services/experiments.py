"""What controllers do to sessions under the name of experiments, beyond starting, naming and stopping them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.policies import require_administrator
from biolab.accounts.roles import Right
from biolab.kernel.errors import Conflict
from sessions_app import timeline
from sessions_app.facts import SessionHidden, SessionListed
from sessions_app.models import LabSession
from sessions_app.policies import require_right, require_room_for_more
from sessions_app.services.sessions import move_session
from sessions_app.states import ABORT, COMPLETE
from sessions_app.wording import reasoned


@transaction.atomic
def hide_session(*, session: LabSession, by: User, at: datetime, reason: str = "") -> LabSession:
    """End the session unless it has ended, and take it off the controllers' lists; all of it stays.

    Raises:
        Forbidden: the person may not run sessions of this team (or, for one that never started, not abort them), or
            their token is for certain sessions.
        Conflict: the session is under legal hold, or off the lists already.
    """
    require_room_for_more(by)
    session = LabSession.objects.hold(session.pk, to_end=not session.is_ended)
    require_right(by, Right.RUN, session.team_id)
    if session.legal_hold:
        raise Conflict("This experiment is under legal hold.", code="legal_hold")
    if session.hidden_at is not None:
        raise Conflict("This experiment is off the lists already.", code="experiment_hidden")
    reason = reasoned(reason)
    if not session.is_ended:
        move = COMPLETE if session.status in COMPLETE.sources else ABORT
        session = move_session(session=session, move=move, by=by, at=at, reason=reason)
    session.hidden_at = session.updated_at = at
    session.save(update_fields=["hidden_at", "updated_at"])
    timeline.record(session, SessionHidden(reason=reason), by=by, at=at)
    return session


@transaction.atomic
def list_session(*, session: LabSession, by: User, at: datetime, reason: str) -> LabSession:
    """Put a session back on the controllers' lists; it stays ended.

    Raises:
        Forbidden: the person is no administrator.
        Invalid: no reason was given.
        Conflict: it is on the lists.
    """
    require_administrator(by)
    session = LabSession.objects.hold(session.pk)
    reason = reasoned(reason, needed_for="Putting an experiment back")
    if session.hidden_at is None:
        raise Conflict("This experiment is on the lists.", code="experiment_listed")
    session.hidden_at, session.updated_at = None, at
    session.save(update_fields=["hidden_at", "updated_at"])
    timeline.record(session, SessionListed(reason=reason), by=by, at=at)
    return session
