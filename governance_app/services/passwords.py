"""The second component of a signature: the password, given again at that moment and behind a gate."""

from __future__ import annotations

from datetime import datetime

from biolab.accounts.models import User
from biolab.kernel import security
from biolab.kernel.errors import Forbidden, Invalid, TooMany
from governance_app.models import ApprovalRequest
from governance_app.services.notices import tell_administrators_of_lock


def check_password(request: ApprovalRequest, password: str, *, by: User, at: datetime) -> None:
    """Refuse unless ``password`` is the signer's; what was tried is counted and written down at once.

    Raises:
        Invalid: none was given.
        TooMany: too many wrong ones; signing is locked for a while.
        Forbidden: it is wrong.
        RuntimeError: a transaction is open.
    """
    if not password:
        detail = "Give your password again to sign."
        raise Invalid(detail, errors=[{"pointer": "/password", "detail": detail}])
    try:
        tries = security.pass_or_refuse(security.SIGNING, by.pk, at=at)
    except TooMany:
        note_refusal(request, "locked", by=by, at=at)
        raise
    if by.check_password(password):
        security.forget(security.SIGNING, by.pk)
        return
    note_refusal(request, "wrong_password", by=by, at=at)
    if tries == security.SIGNING.tries:
        tell_administrators_of_lock(by, at=at)
    raise Forbidden("The password is wrong. Nothing was signed.", code="wrong_password")


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
