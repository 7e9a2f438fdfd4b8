"""What happens on a ladder, in the words of the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from biolab.kernel.facts import Fact


@dataclass(frozen=True, kw_only=True)
class LadderFact(Fact):
    """Something that happened on the ladder of a subject that governance knows only by prefix and id.

    ``subject`` is the prefix of the event's kind; the payload names the subject's id by ``subject_key``.
    """

    subject: str
    subject_key: str
    subject_id: str

    def payload(self) -> dict[str, Any]:
        values = super().payload()
        key, value = values.pop("subject_key"), values.pop("subject_id")
        return {key: value, **values}


@dataclass(frozen=True, kw_only=True)
class StageStarted(LadderFact):
    """A stage became the current one."""

    kind: ClassVar[str] = "{subject}.approval.stage_started"
    sentence: ClassVar[str] = "Approval stage {sequence_index} started; it waits for the role {required_role}."

    stage_id: str
    sequence_index: int
    required_role: str
    assignee_id: str | None
    due_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class StageSigned(LadderFact):
    """A signature counted and the stage still needs others."""

    kind: ClassVar[str] = "{subject}.approval.stage_signed"
    sentence: ClassVar[str] = "“{signature}” signed approval stage {sequence_index}; {remaining} more needed."

    stage_id: str
    sequence_index: int
    signature: str
    actor_id: str
    remaining: int


@dataclass(frozen=True, kw_only=True)
class StageCompleted(LadderFact):
    """A signature decided a stage."""

    kind: ClassVar[str] = "{subject}.approval.stage_completed"
    sentence: ClassVar[str] = "Approval stage {sequence_index} was {status}, signed “{signature}”."

    stage_id: str
    sequence_index: int
    status: str
    signature: str
    actor_id: str


@dataclass(frozen=True, kw_only=True)
class LadderFinalized(LadderFact):
    """Every stage is approved."""

    kind: ClassVar[str] = "{subject}.approval.finalized"
    sentence: ClassVar[str] = "Every approval stage is signed; the ladder is {status}."

    approved_at: datetime
    approver_id: str
    status: str = "approved"


@dataclass(frozen=True, kw_only=True)
class LadderRejected(LadderFact):
    """One rejection closed the ladder."""

    kind: ClassVar[str] = "{subject}.approval.rejected"
    sentence: ClassVar[str] = "The approval was rejected at stage {sequence_index}."

    stage_id: str
    sequence_index: int
    actor_id: str


@dataclass(frozen=True, kw_only=True)
class StageDelegated(LadderFact):
    """Somebody else may sign a stage now."""

    kind: ClassVar[str] = "{subject}.approval.stage_delegated"
    sentence: ClassVar[str] = "Approval stage {sequence_index} was delegated."

    stage_id: str
    sequence_index: int
    delegate_id: str
    notes: str


@dataclass(frozen=True, kw_only=True)
class StageReset(LadderFact):
    """A reached stage was put back, and every later one with it."""

    kind: ClassVar[str] = "{subject}.approval.stage_reset"
    sentence: ClassVar[str] = "Approval stage {sequence_index} was put back: {notes}"

    stage_id: str
    sequence_index: int
    notes: str


@dataclass(frozen=True, kw_only=True)
class StageOverdue(LadderFact):
    """A current stage passed its due date unsigned."""

    kind: ClassVar[str] = "{subject}.approval.stage_overdue"
    sentence: ClassVar[str] = "Approval stage {sequence_index} is overdue since {due_at}."

    stage_id: str
    sequence_index: int
    due_at: datetime
    assignee_id: str | None
    delegate_id: str | None


@dataclass(frozen=True, kw_only=True)
class StageEscalated(StageOverdue):
    """Those who can sign an overdue stage were told."""

    kind: ClassVar[str] = "{subject}.approval.stage_escalated"
    sentence: ClassVar[str] = "Those who can sign approval stage {sequence_index} were reminded."

    notified_user_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LadderWithdrawn(LadderFact):
    """The asker took the request back."""

    kind: ClassVar[str] = "{subject}.approval.withdrawn"
    sentence: ClassVar[str] = "The request for approval was withdrawn."

    actor_id: str
    notes: str


@dataclass(frozen=True, kw_only=True)
class AuditReviewed(Fact):
    """An auditor put their name under a part of the timeline."""

    kind: ClassVar[str] = "governance.audit.reviewed"
    sentence: ClassVar[str] = "“{signature}” reviewed the events {first_sequence} to {last_sequence}."

    review_id: str
    first_sequence: int
    last_sequence: int
    first_hash: str
    last_hash: str
    reviewer_id: str
    printed_name: str
    signature: str
    notes: str
