"""Word about archives to the administrators: into their inbox, and by mail at once."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import structlog
from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from biolab.accounts.models import NotificationPreference, User
from biolab.accounts.roles import PlatformRole
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category, Priority, Way
from exports_app.models import NarrativeExport

log = structlog.get_logger(__name__)


def tell_administrators(export: NarrativeExport, trouble: str, *, at: datetime) -> None:
    """Tell the administrators, once the transaction is through, that an archive needs somebody."""
    tell_of_trouble(
        f"Archive of {export} needs attention",
        f"{trouble}\n\nExport {export.public_id}, version {export.version}, session “{export.session.name}”.",
        path=f"/sessions/{export.session.public_id}#exports",
        at=at,
    )


def tell_of_trouble(title: str, message: str, *, path: str, at: datetime) -> None:
    """Tell the administrators that something about the archives needs somebody."""
    administrators = list(User.objects.filter(is_active=True, role=PlatformRole.ADMIN).order_by("email"))
    notify(
        administrators,
        title=" ".join(title.split()),
        message=message,
        category=Category.EXPORTS,
        priority=Priority.URGENT,
        action_url=path,
        at=at,
    )
    digested = NotificationPreference.objects.filter(category=Category.EXPORTS, way=Way.EMAIL, enabled=True)
    by_digest = set(digested.values_list("person_id", flat=True))  # whose mail the inbox sends
    addresses = [person.email for person in administrators if person.email and person.pk not in by_digest]
    transaction.on_commit(partial(_send, f"BioLab: {' '.join(title.split())}", message, addresses), robust=True)


def _send(subject: str, body: str, addresses: list[str]) -> None:
    try:
        get_connection().send_messages([EmailMessage(subject, body, to=[address]) for address in addresses])
    except OSError:
        log.exception("mail was not sent", recipients=len(addresses))
