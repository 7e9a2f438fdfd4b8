"""Mail about archives, to the administrators."""

from __future__ import annotations

from functools import partial

import structlog
from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole
from exports_app.models import NarrativeExport

log = structlog.get_logger(__name__)


def tell_administrators(export: NarrativeExport, trouble: str) -> None:
    """Tell the administrators, once the transaction is through, that an archive needs somebody."""
    subject = f"BioLab: archive of {export} needs attention"
    body = f"{trouble}\n\nExport {export.public_id}, version {export.version}, session “{export.session.name}”."
    transaction.on_commit(partial(_send, " ".join(subject.split()), body), robust=True)


def _send(subject: str, body: str) -> None:
    administrators = User.objects.filter(is_active=True, role=PlatformRole.ADMIN)
    addresses = sorted(administrators.exclude(email="").values_list("email", flat=True))
    try:
        get_connection().send_messages([EmailMessage(subject, body, to=[address]) for address in addresses])
    except OSError:
        log.exception("mail was not sent", recipients=len(addresses))
