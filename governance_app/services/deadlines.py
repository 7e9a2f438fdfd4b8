"""Stages past their due date: marked, told to those who can sign, written on the timeline. Once per due date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from governance_app.facts.approvals import StageEscalated, StageOverdue
from governance_app.models import ApprovalStage, StageAction
from governance_app.policies.approvals import possible_signers
from governance_app.services.climbing import hold_ladder, public_id_of
from governance_app.services.notices import tell_overdue
from governance_app.states import OPEN_STAGES, ActionType, LadderState
from sessions_app import timeline


def escalate_overdue_stages(*, at: datetime) -> int:
    """Escalate every current stage past its due date that has not been told yet; return how many."""
    return sum(escalate_stage(stage=stage, at=at) for stage in _unnoticed(at))


@transaction.atomic
def escalate_stage(*, stage: ApprovalStage, at: datetime) -> bool:
    """Escalate one stage unless it is no longer overdue or has been told; return whether it was."""
    ladder = hold_ladder(stage.request)
    stage = ladder.stage(stage.pk)
    due_at = stage.due_at
    waits = ladder.request.state == LadderState.PENDING and stage.status in OPEN_STAGES
    if not waits or stage.overdue_notified_at is not None or due_at is None or due_at >= at:
        return False
    people = possible_signers(stage)
    stage.overdue_notified_at = at
    stage.save(update_fields=["overdue_notified_at"])
    told = {
        **ladder.subject,
        "stage_id": stage.public_id,
        "sequence_index": stage.sequence_index,
        "due_at": due_at,
        "assignee_id": public_id_of(stage.assignee),
        "delegate_id": public_id_of(stage.delegated_to),
    }
    notified = tuple(person.public_id for person in people)
    StageAction.objects.create(
        stage=stage,
        round=stage.round,
        action_type=ActionType.ESCALATED,
        metadata={"notified_user_ids": list(notified)},
        created_at=at,
    )
    tell_overdue(stage, people, at=at)
    timeline.record(ladder.session, StageOverdue(**told), by=None, at=at)
    timeline.record(ladder.session, StageEscalated(**told, notified_user_ids=notified), by=None, at=at)
    return True


def _unnoticed(at: datetime) -> Iterator[ApprovalStage]:
    overdue = ApprovalStage.objects.overdue(at).filter(overdue_notified_at__isnull=True)
    return iter(list(overdue.select_related("request").order_by("due_at", "pk")))
