"""Requests for approval: opened, delegated, put back, commented on, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from biolab.accounts.models import User
from biolab.kernel.errors import Conflict, Forbidden, Invalid
from governance_app.errors import LadderClosed
from governance_app.facts.approvals import LadderWithdrawn, StageDelegated, StageReset
from governance_app.models import ApprovalRequest, ApprovalStage, StageAction
from governance_app.policies.approvals import may_delegate, may_reset, objection_to_signer, require_writer
from governance_app.rules.blueprint import check_json
from governance_app.services.climbing import Ladder, hold_ladder, read_ladder, settle
from governance_app.services.opening import StageSpec, Subject, open_request
from governance_app.states import OPEN_STAGES, ActionType, LadderState, StageStatus
from sessions_app import timeline

__all__ = [
    "StageSpec",
    "Subject",
    "comment_stage",
    "delegate_stage",
    "open_request",
    "require_delegable",
    "require_resettable",
    "require_withdrawable",
    "reset_stage",
    "withdraw_request",
]

LONGEST_NOTES = 10_000


@transaction.atomic
def delegate_stage(
    *,
    stage: ApprovalStage,
    delegate: User,
    by: User,
    at: datetime,
    due_at: datetime | None = None,
    notes: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> ApprovalRequest:
    """Let ``delegate`` sign the stage and return the request; a stage not yet reached keeps waiting its turn.

    Raises:
        LadderClosed, Conflict: the ladder or the stage is decided.
        Forbidden: neither assignee nor delegate, and no lead.
        Invalid: the delegate could not sign it, or the due date has passed.
    """
    ladder = hold_ladder(stage.request)
    stage = _delegable(ladder, stage, by=by)
    _check_text(notes, metadata)
    _check_delegate(ladder, stage, delegate)
    if due_at is not None and due_at <= at:
        detail = "The due date has passed already."
        raise Invalid(detail, errors=[{"pointer": "/due_at", "detail": detail}])
    replaced = stage.delegated_to
    stage.delegated_to = delegate
    if due_at is not None and due_at != stage.due_at:
        stage.due_at, stage.overdue_notified_at = due_at, None
    settle(ladder, at=at)
    StageAction.objects.create(
        stage=stage,
        round=stage.round,
        action_type=ActionType.DELEGATED if replaced is None else ActionType.REASSIGNED,
        actor=by,
        delegation_target=delegate,
        notes=notes,
        metadata=dict(metadata or {}),
        created_at=at,
    )
    fact = StageDelegated(
        **ladder.subject,
        stage_id=stage.public_id,
        sequence_index=stage.sequence_index,
        delegate_id=delegate.public_id,
        notes=notes,
    )
    timeline.record(ladder.session, fact, by=by, at=at)
    return ladder.request


@transaction.atomic
def reset_stage(
    *,
    stage: ApprovalStage,
    notes: str,
    by: User,
    at: datetime,
    metadata: Mapping[str, Any] | None = None,
) -> ApprovalRequest:
    """Put a reached stage back to be signed again, later ones with it, and return the request.

    Raises:
        LadderClosed: the request was withdrawn.
        Conflict: the stage has not been reached.
        Forbidden: the person may neither sign it nor lead.
        Invalid: no notes.
    """
    ladder = hold_ladder(stage.request)
    stage = _resettable(ladder, stage, by=by)
    if not notes.strip():
        detail = "Say why the stage is put back."
        raise Invalid(detail, errors=[{"pointer": "/notes", "detail": detail}])
    _check_text(notes, metadata)
    for later in ladder.stages:
        if later.sequence_index >= stage.sequence_index:
            later.round += 1
            later.delegated_to = None
            later.started_at = later.due_at = later.completed_at = later.overdue_notified_at = None
    settle(ladder, at=at)
    StageAction.objects.create(
        stage=stage,
        round=stage.round,
        action_type=ActionType.RESET,
        actor=by,
        notes=notes,
        metadata=dict(metadata or {}),
        created_at=at,
    )
    fact = StageReset(**ladder.subject, stage_id=stage.public_id, sequence_index=stage.sequence_index, notes=notes)
    timeline.record(ladder.session, fact, by=by, at=at)
    return ladder.request


@transaction.atomic
def comment_stage(
    *, stage: ApprovalStage, notes: str, by: User, at: datetime, metadata: Mapping[str, Any] | None = None
) -> StageAction:
    """Write a comment on a stage and return it; it decides nothing.

    Raises:
        Forbidden: an account that only reads.
        Invalid: nothing to say.
    """
    ladder = hold_ladder(stage.request)
    stage = ladder.stage(stage.pk)
    require_writer(by)
    if not notes.strip():
        detail = "Write a comment."
        raise Invalid(detail, errors=[{"pointer": "/notes", "detail": detail}])
    _check_text(notes, metadata)
    return StageAction.objects.create(
        stage=stage,
        round=stage.round,
        action_type=ActionType.COMMENT,
        actor=by,
        notes=notes,
        metadata=dict(metadata or {}),
        created_at=at,
    )


@transaction.atomic
def withdraw_request(*, request: ApprovalRequest, by: User, at: datetime, notes: str = "") -> ApprovalRequest:
    """Take a pending request back and return it.

    Raises:
        LadderClosed: it is decided or withdrawn already.
        Forbidden: somebody else asked.
    """
    ladder = hold_ladder(request)
    _withdrawable(ladder, by=by)
    _check_text(notes, None)
    ladder.request.withdrawn_at = at
    settle(ladder, at=at)
    timeline.record(ladder.session, LadderWithdrawn(**ladder.subject, actor_id=by.public_id, notes=notes), by=by, at=at)
    return ladder.request


def require_delegable(*, stage: ApprovalStage, by: User) -> None:
    """Refuse whoever could not delegate the stage now whatever they sent: what a door asks before it reads the body.

    Raises:
        LadderClosed, Conflict, Forbidden: as ``delegate_stage``.
    """
    _delegable(read_ladder(stage.request), stage, by=by)


def require_resettable(*, stage: ApprovalStage, by: User) -> None:
    """Refuse whoever could not put the stage back now whatever they sent.

    Raises:
        LadderClosed, Conflict, Forbidden: as ``reset_stage``.
    """
    _resettable(read_ladder(stage.request), stage, by=by)


def require_withdrawable(*, request: ApprovalRequest, by: User) -> None:
    """Refuse whoever could not withdraw the request now whatever they sent.

    Raises:
        LadderClosed, Forbidden: as ``withdraw_request``.
    """
    _withdrawable(read_ladder(request), by=by)


def _withdrawable(ladder: Ladder, *, by: User) -> None:
    _require_pending(ladder)
    require_writer(by)
    if ladder.request.asked_by_id != by.pk:
        raise Forbidden("Only who asked for the approval may withdraw it.", code="not_the_asker")


def _delegable(ladder: Ladder, stage: ApprovalStage, *, by: User) -> ApprovalStage:
    stage = ladder.stage(stage.pk)
    _require_pending(ladder)
    if stage.status not in {*OPEN_STAGES, StageStatus.PENDING}:
        raise Conflict(
            f"Stage {stage.sequence_index} is {stage.status}.", code="stage_decided", status_now=stage.status
        )
    require_writer(by)
    if not may_delegate(by, stage):
        raise Forbidden(
            "Only the stage's assignee or delegate, a lead of the team or an administrator may delegate it."
        )
    return stage


def _resettable(ladder: Ladder, stage: ApprovalStage, *, by: User) -> ApprovalStage:
    stage = ladder.stage(stage.pk)
    if ladder.request.state == LadderState.WITHDRAWN:
        raise LadderClosed("The request was withdrawn.", state=ladder.request.state)
    if stage.status in {StageStatus.PENDING, StageStatus.RESET}:
        raise Conflict(f"Stage {stage.sequence_index} has not been reached.", code="stage_not_reached")
    require_writer(by)
    if not may_reset(by, stage):
        raise Forbidden("Only who may sign this stage, a lead of the team or an administrator may put it back.")
    return stage


def _check_delegate(ladder: Ladder, stage: ApprovalStage, delegate: User) -> None:
    request = ladder.request
    detail = ""
    if delegate.pk == request.asked_by_id:
        detail = "A stage is never delegated to whoever asked for the approval."
    elif objection_to_signer(delegate, stage) is not None:
        detail = f"{delegate} could not sign this stage."
    elif not request.allow_repeat_signers and str(delegate.pk) in {given.signer for given in ladder.standing.counted}:
        detail = f"{delegate} has signed another stage of this ladder."
    if detail:
        raise Invalid(detail, code="cannot_sign", errors=[{"pointer": "/delegate_id", "detail": detail}])


def _check_text(notes: str, metadata: Mapping[str, Any] | None) -> None:
    if len(notes) > LONGEST_NOTES or "\x00" in notes:
        detail = f"Notes hold at most {LONGEST_NOTES} characters."
        raise Invalid(detail, errors=[{"pointer": "/notes", "detail": detail}])
    check_json({"notes": notes, "metadata": dict(metadata or {})}, "/metadata")


def _require_pending(ladder: Ladder) -> None:
    if ladder.request.state != LadderState.PENDING:
        raise LadderClosed(f"This request is {ladder.request.state}.", state=ladder.request.state)
