"""Mail about ladders: who is told, and what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog
from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole
from biolab.kernel.times import iso
from governance_app.models import ApprovalStage

log = structlog.get_logger(__name__)


def tell_overdue(stage: ApprovalStage, people: Sequence[User]) -> None:
    """Remind those who can sign a stage that it is overdue, once the transaction is through."""
    request = stage.request
    due = iso(stage.due_at) if stage.due_at is not None else "—"
    lines = [
        f"“{request}” of the session “{request.session.name}” waits for a signature at stage {stage.sequence_index}, "
        f"“{stage.name}”.",
        f"It was due at {due}.",
    ]
    if request.subject_path:
        lines.append(f"Read and sign it in BioLab: {request.subject_path}")
    subject = f"Overdue: {request}, stage {stage.sequence_index}"
    transaction.on_commit(partial(_send, subject, "\n\n".join(lines), _addresses(people)))


def tell_administrators_of_lock(person: User, *, at: datetime) -> None:
    """Tell the administrators that somebody's signing was locked after wrong passwords."""
    administrators = User.objects.filter(is_active=True, role=PlatformRole.ADMIN)
    body = (
        f"Signing is locked for {person.printed_name} ({person.email}) since {iso(at)}, after several wrong passwords "
        "in a row. It opens again by itself. The security log has the entries."
    )
    _send(f"Signing locked: {person.printed_name}", body, _addresses(list(administrators)))


def _addresses(people: Sequence[User]) -> list[str]:
    return sorted({person.email for person in people if person.email})


def _send(subject: str, body: str, addresses: Sequence[str]) -> None:
    """Send one mail to each address; a mail server that is down costs the mail, is logged, and nothing else."""
    if not addresses:
        return
    subject = " ".join(subject.split())
    try:
        get_connection().send_messages([EmailMessage(subject, body, to=[address]) for address in addresses])
    except OSError:
        log.exception("mail was not sent", recipients=len(addresses))
