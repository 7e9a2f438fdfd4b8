"""The gate before every password and code given again: wrong ones are written down and counted, and lock signing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole
from biolab.accounts.services.mail import mail_at_once
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category, Priority
from biolab.kernel import security
from biolab.kernel.errors import TooMany
from biolab.kernel.times import iso


def fault_of(wrong: Callable[[], str], *, by: User, at: datetime, note: Callable[[str], object]) -> str:
    """Return what ``wrong`` finds wrong with what was given, or nothing; tries are counted before it looks.

    Args:
        note: writes into the security log why it was refused, in a transaction of its own.

    Raises:
        TooMany: too many wrong ones; signing is locked for a while, and administrators were told.
        RuntimeError: a transaction is open.
    """
    try:
        tries = security.pass_or_refuse(security.SIGNING, by.pk, at=at)
    except TooMany:
        note("locked")
        raise
    fault = wrong()
    if not fault:
        security.forget(security.SIGNING, by.pk)
        return ""
    note(fault)
    if tries == security.SIGNING.tries:
        _tell_administrators_of_lock(by, at=at)
    return fault


def _tell_administrators_of_lock(person: User, *, at: datetime) -> None:
    administrators = list(User.objects.filter(is_active=True, role=PlatformRole.ADMIN))
    title = f"Signing locked: {person.printed_name}"
    body = (
        f"Signing is locked for {person.printed_name} ({person.email}) since {iso(at)}, after several wrong passwords "
        "or codes in a row. It opens again by itself. The security log has the entries."
    )
    with transaction.atomic():
        notify(administrators, title=title, message=body, category=Category.COMPLIANCE, priority=Priority.HIGH, at=at)
        security.note("signing.locked", person=person, at=at, user_id=person.public_id)
    mail_at_once(title, body, administrators)
