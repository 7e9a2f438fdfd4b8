"""Mail about ladders: who is told, and what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.services.mail import mail_at_once
from biolab.kernel.times import iso
from governance_app.models import ApprovalStage


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
    transaction.on_commit(partial(mail_at_once, subject, "\n\n".join(lines), people))
