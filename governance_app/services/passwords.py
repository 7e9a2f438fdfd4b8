"""What a signer gives again at the moment of signing, and the log of what was refused."""

from __future__ import annotations

from datetime import datetime

from biolab.accounts.models import User
from biolab.accounts.services.reentry import Components, confirm_components
from biolab.kernel import security
from governance_app.models import ApprovalRequest


def check_components(request: ApprovalRequest, given: Components, *, by: User, at: datetime) -> None:
    """Refuse unless what was given is the signer's, and enough; what was tried is counted and written down at once.

    Raises:
        Invalid: a component is missing.
        TooMany: too many wrong ones; signing is locked for a while.
        Forbidden: one is wrong.
        RuntimeError: a transaction is open.
    """
    confirm_components(given, by=by, at=at, note=lambda reason: note_refusal(request, reason, by=by, at=at))


def note_refusal(request: ApprovalRequest, reason: str, *, by: User, at: datetime) -> None:
    """Write into the security log that a signature was refused, whatever becomes of the request."""
    security.note_apart(
        "signature.refused",
        person=by,
        at=at,
        reason=reason,
        request_id=request.public_id,
        subject_id=request.subject_id,
        execution_id=request.session.public_id,
    )
