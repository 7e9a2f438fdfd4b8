"""Legal holds: while one stands, nothing of the session expires, is removed or taken off a list."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.policies import require_scope
from biolab.accounts.roles import Scope
from biolab.kernel.errors import Conflict, Forbidden
from sessions_app import timeline
from sessions_app.facts import LegalHoldLifted, LegalHoldSet
from sessions_app.models import LabSession
from sessions_app.wording import reasoned


def set_legal_hold(*, session: LabSession, reason: str, by: User, at: datetime) -> LabSession:
    """Put the session under legal hold and return it.

    Raises:
        Forbidden: the person is no administrator. Invalid: no reason. Conflict: it is under one already.
    """
    return _turn(session, LegalHoldSet(reason=_said(reason)), held=True, by=by, at=at)


def lift_legal_hold(*, session: LabSession, reason: str, by: User, at: datetime) -> LabSession:
    """End the legal hold of the session and return it; what is overdue goes with the next sweep.

    Raises:
        Forbidden: the person is no administrator. Invalid: no reason. Conflict: there is none.
    """
    return _turn(session, LegalHoldLifted(reason=_said(reason)), held=False, by=by, at=at)


def _said(reason: str) -> str:
    return reasoned(reason, needed_for="A legal hold")


@transaction.atomic
def _turn(
    session: LabSession, fact: LegalHoldSet | LegalHoldLifted, *, held: bool, by: User, at: datetime
) -> LabSession:
    require_scope(by, Scope.SESSIONS_WRITE)
    if not by.is_admin:
        raise Forbidden("Only administrators set and lift legal holds.", code="administrators_only")
    session = LabSession.objects.hold(session.pk)
    if session.legal_hold is held:
        told = "is under legal hold already" if held else "is not under legal hold"
        raise Conflict(f"This session {told}.", code="legal_hold_unchanged")
    session.legal_hold, session.updated_at = held, at
    session.save(update_fields=["legal_hold", "updated_at"])
    timeline.record(session, fact, by=by, at=at)
    return session
