"""The second component of a signature: the password, given again at that moment and behind a gate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole
from biolab.accounts.services.mail import mail_at_once
from biolab.kernel import security
from biolab.kernel.errors import Forbidden, Invalid, TooMany
from biolab.kernel.times import iso


def confirm_password(password: str, *, by: User, at: datetime, note: Callable[[str], object]) -> None:
    """Refuse unless ``password`` is the signer's; what was tried is counted and written down at once.

    Args:
        note: writes into the security log why a signature was refused, in a transaction of its own.

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
        note("locked")
        raise
    if by.check_password(password):
        security.forget(security.SIGNING, by.pk)
        return
    note("wrong_password")
    if tries == security.SIGNING.tries:
        _tell_administrators_of_lock(by, at=at)
    raise Forbidden("The password is wrong. Nothing was signed.", code="wrong_password")


def _tell_administrators_of_lock(person: User, *, at: datetime) -> None:
    administrators = User.objects.filter(is_active=True, role=PlatformRole.ADMIN)
    body = (
        f"Signing is locked for {person.printed_name} ({person.email}) since {iso(at)}, after several wrong passwords "
        "in a row. It opens again by itself. The security log has the entries."
    )
    mail_at_once(f"Signing locked: {person.printed_name}", body, administrators)
