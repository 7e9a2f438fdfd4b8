"""What every ladder operation does: hold the session, fold the signatures, store what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from biolab.accounts.models import User
from governance_app.facts.approvals import StageStarted
from governance_app.models import ApprovalRequest, ApprovalStage
from governance_app.rules.ladder import Standing
from governance_app.selectors.approvals import standing_of
from governance_app.services.calendars import due_after
from governance_app.states import OPEN_STAGES, LadderState, StageStatus
from sessions_app import timeline
from sessions_app.models import LabSession

CACHED = (
    "status",
    "round",
    "delegated_to",
    "started_at",
    "due_at",
    "completed_at",
    "overdue_notified_at",
)


@dataclass
class Ladder:
    """A request with its stages in order, as read while its session is held."""

    session: LabSession
    request: ApprovalRequest
    stages: Sequence[ApprovalStage]

    @property
    def standing(self) -> Standing:
        return standing_of(self.request, self.stages)

    @property
    def subject(self) -> dict[str, Any]:
        """What every fact of this ladder says of its subject."""
        return {
            "subject": self.request.subject_prefix,
            "subject_key": self.request.subject_key,
            "subject_id": self.request.subject_id,
        }

    def stage(self, pk: UUID) -> ApprovalStage:
        return next(stage for stage in self.stages if stage.pk == pk)


def read_ladder(request: ApprovalRequest, session: LabSession | None = None) -> Ladder:
    """Return the ladder of ``request`` as the database has it now."""
    request = ApprovalRequest.objects.select_related("session__team", "asked_by", "snapshot__template").get(
        pk=request.pk
    )
    if session is not None:
        request.session = session
    stages = list(request.stages.select_related("assignee", "delegated_to").order_by("sequence_index"))
    for stage in stages:
        stage.request = request
    return Ladder(request.session, request, stages)


def hold_ladder(request: ApprovalRequest) -> Ladder:
    """Return the ladder of ``request`` with its session held until the transaction ends."""
    return read_ladder(request, LabSession.objects.hold(request.session_id))


def settle(ladder: Ladder, *, at: datetime) -> ApprovalStage | None:
    """Store what the signatures make of the ladder and return the stage that started, if one did."""
    standing, request = ladder.standing, ladder.request
    started = None
    for stage in ladder.stages:
        stage.status = standing.status(stage.sequence_index)
        if stage.status in {StageStatus.APPROVED, StageStatus.REJECTED}:
            stage.completed_at = stage.completed_at or at
        if stage.status in OPEN_STAGES and stage.started_at is None:
            started = stage
            stage.started_at = at
            if stage.due_at is None and stage.sla_hours is not None:
                stage.due_at = due_after(team_id=ladder.session.team_id, hours=stage.sla_hours, at=at)
    # A ladder has one open stage at any time, so what closes is saved before what opens.
    for stage in sorted(ladder.stages, key=lambda stage: stage.status in OPEN_STAGES):
        stage.save(update_fields=CACHED)
    request.state = standing.state
    request.decided_at = at if standing.state in {LadderState.APPROVED, LadderState.REJECTED} else None
    request.save(update_fields=["state", "decided_at", "withdrawn_at"])
    return started


def tell_started(ladder: Ladder, stage: ApprovalStage, *, by: User | None, at: datetime) -> None:
    """Record that a stage became the current one."""
    fact = StageStarted(
        **ladder.subject,
        stage_id=stage.public_id,
        sequence_index=stage.sequence_index,
        required_role=stage.required_role,
        assignee_id=public_id_of(stage.assignee),
        due_at=stage.due_at,
    )
    timeline.record(ladder.session, fact, by=by, at=at)


def public_id_of(person: User | None) -> str | None:
    """Return how the wire names a person, or None for nobody."""
    return person.public_id if person is not None else None
