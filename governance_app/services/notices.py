"""What people are told about ladders, and who."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.services.mail import mail_at_once
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category, Priority
from biolab.kernel.times import iso
from governance_app.models import ApprovalStage
from governance_app.selectors.outstanding import unsigned


def tell_overdue(stage: ApprovalStage, people: Sequence[User], *, at: datetime) -> None:
    """Remind those who can sign a stage that it is overdue: in their inbox, and by mail after the transaction."""
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
    notify(
        people,
        title=subject,
        message=" ".join(lines[:2]),
        category=Category.COMPLIANCE,
        priority=Priority.HIGH,
        action_url=request.subject_path,
        meta={"request_id": request.public_id, "stage_id": stage.public_id},
        at=at,
    )
    transaction.on_commit(partial(mail_at_once, subject, "\n\n".join(lines), people))


def tell_waiting(stage: ApprovalStage, *, at: datetime) -> None:
    """Tell those who could sign the stage, and have not, that it waits for them; once a round."""
    request = stage.request
    due = f" It is due at {iso(stage.due_at)}." if stage.due_at is not None else ""
    notify(
        unsigned(stage),
        title=f"To sign: {request}",
        message=f"Stage {stage.sequence_index}, “{stage.name}”, waits for your signature.{due}",
        category=Category.COMPLIANCE,
        action_url=request.subject_path,
        meta={"request_id": request.public_id, "stage_id": stage.public_id},
        key=f"to_sign:{stage.public_id}:{stage.round}",
        at=at,
    )
