"""Mail: notifications, one message a person with all that waits and each in one message only; and what cannot wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from smtplib import SMTPRecipientsRefused
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import Min

from biolab.accounts.digests import Timetable
from biolab.accounts.models import Notification, User
from biolab.kernel.ids import new_uuid
from biolab.kernel.times import iso

log = structlog.get_logger(__name__)

SHOWN: Final = 50
"""Notifications that one message tells; of more it says how many there are."""


def mail_notifications(*, at: datetime) -> int:
    """Send what is due to each person and return how many messages left.

    Notifications are claimed before they are sent, so that two runs at once never send one twice; what a mail server
    that is down did not take goes back to wait.
    """
    due = _due(at)
    if not due:
        return 0
    mail_id = new_uuid()
    claimed = Notification.objects.to_mail().filter(person__in=due).values("pk")
    Notification.objects.filter(pk__in=claimed, mail_due=True).update(mail_due=False, mail_id=mail_id, mailed_at=at)
    rows = Notification.objects.filter(mail_id=mail_id).select_related("person").order_by("person", "created_at", "id")
    letters = {person: list(told) for person, told in groupby(rows, key=lambda row: row.person)}
    left = _send({person: _letter(person, told) for person, told in letters.items()})
    unsent = [person for person in letters if person not in left]
    if unsent:
        back = Notification.objects.filter(mail_id=mail_id, person__in=unsent)
        back.update(mail_due=True, mail_id=None, mailed_at=None)
    return len(left)


def mail_at_once(subject: str, body: str, people: Iterable[User]) -> None:
    """Send each of ``people`` one mail now; a mail server that is down costs the mail, is logged, and nothing else."""
    addresses = sorted({person.email for person in people if person.email})
    if not addresses:
        return
    subject = " ".join(subject.split())
    try:
        get_connection().send_messages([EmailMessage(subject, body, to=[address]) for address in addresses])
    except OSError:
        log.exception("mail was not sent", recipients=len(addresses))


def _due(at: datetime) -> list[UUID]:
    """Return whose mail leaves now."""
    wish = "person__notification_settings__"
    names = [wish + name for name in ("digest_frequency", "quiet_hours_start", "quiet_hours_end", "time_zone")]
    waiting = Notification.objects.to_mail().order_by().values_list("person", *names).annotate(Min("created_at"))
    return [
        person
        for person, frequency, begin, end, zone, oldest in waiting
        if (Timetable() if frequency is None else Timetable(frequency, begin, end, zone)).lets_go(oldest, at)
    ]


def _letter(person: User, told: Sequence[Notification]) -> EmailMessage:
    subject = told[0].title if len(told) == 1 else f"{len(told)} notifications from BioLab"
    blocks = [
        "\n".join(line for line in (row.title, row.message, _link(row.action_url), iso(row.created_at)) if line)
        for row in told[:SHOWN]
    ]
    if len(told) > SHOWN:
        blocks.append(f"And {len(told) - SHOWN} more, in your inbox: {_link('/notifications')}")
    return EmailMessage(" ".join(subject.split()), "\n\n".join(blocks), to=[person.email])


def _link(path: str) -> str:
    """Return where a mail leads; without the house's own address its reader has to know it."""
    return f"{settings.PUBLIC_URL}{path}" if path else ""


def _send(letters: dict[User, EmailMessage]) -> set[User]:
    """Send letters over one connection; return whose left, or never can because their address is refused."""
    left: set[User] = set()
    try:
        with get_connection() as connection:
            for person, letter in letters.items():
                try:
                    connection.send_messages([letter])
                except SMTPRecipientsRefused:
                    log.warning("address was refused", person=person.public_id)
                left.add(person)
    except OSError:
        log.exception("mail was not sent", letters=len(letters) - len(left))
    return left
