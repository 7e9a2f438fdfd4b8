"""The states of templates, ladders and stages, and the moves between those that a person decides."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices

from biolab.kernel.machine import Machine, Move


class TemplateStatus(TextChoices):
    """How far a template version has come."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    ARCHIVED = "archived", "Archived"


PUBLISH: Final = Move("publish", sources={TemplateStatus.DRAFT}, target=TemplateStatus.PUBLISHED)
ARCHIVE: Final = Move(
    "archive", sources={TemplateStatus.DRAFT, TemplateStatus.PUBLISHED}, target=TemplateStatus.ARCHIVED
)
TEMPLATE_MACHINE: Final = Machine(field="status", moves=(PUBLISH, ARCHIVE))


class LadderState(TextChoices):
    """What the signatures have made of a request."""

    PENDING = "pending", "Pending"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"


class StageStatus(TextChoices):
    """Where one stage of a ladder stands."""

    PENDING = "pending", "Not reached"
    IN_PROGRESS = "in_progress", "In progress"
    DELEGATED = "delegated", "Delegated"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    RESET = "reset", "Put back"


OPEN_STAGES: Final = frozenset({StageStatus.IN_PROGRESS, StageStatus.DELEGATED})


class ActionType(TextChoices):
    """What somebody, or the clock, did to a stage."""

    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    DELEGATED = "delegated", "Delegated"
    REASSIGNED = "reassigned", "Reassigned"
    RESET = "reset", "Put back"
    COMMENT = "comment", "Comment"
    ESCALATED = "escalated", "Escalated"


class Decision(TextChoices):
    """What a signature says."""

    APPROVED = "approved", "Approve"
    REJECTED = "rejected", "Reject"


class Meaning(TextChoices):
    """What a signature stands for; ``rejection`` belongs to a reject and to nothing else."""

    AUTHORSHIP = "authorship", "Authorship"
    REVIEW = "review", "Review"
    APPROVAL = "approval", "Approval"
    RESPONSIBILITY = "responsibility", "Responsibility"
    REJECTION = "rejection", "Rejection"


APPROVING_MEANINGS: Final = (Meaning.AUTHORSHIP, Meaning.REVIEW, Meaning.APPROVAL, Meaning.RESPONSIBILITY)


class BaselineStatus(TextChoices):
    """How far a proposed reference run has come."""

    SUBMITTED = "submitted", "Submitted"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    PUBLISHED = "published", "Published"
    ROLLED_BACK = "rolled_back", "Rolled back"


NUMBERED_BASELINES: Final = frozenset({BaselineStatus.PUBLISHED, BaselineStatus.ROLLED_BACK})
REVIEWABLE_BASELINES: Final = frozenset({BaselineStatus.SUBMITTED, BaselineStatus.REJECTED})

APPROVE_BASELINE: Final = Move("approve", sources=REVIEWABLE_BASELINES, target=BaselineStatus.APPROVED)
REJECT_BASELINE: Final = Move("reject", sources=REVIEWABLE_BASELINES, target=BaselineStatus.REJECTED)
PUBLISH_BASELINE: Final = Move("publish", sources={BaselineStatus.APPROVED}, target=BaselineStatus.PUBLISHED)
ROLL_BACK: Final = Move("roll back", sources={BaselineStatus.PUBLISHED}, target=BaselineStatus.ROLLED_BACK)
RESTORE: Final = Move("restore", sources={BaselineStatus.ROLLED_BACK}, target=BaselineStatus.PUBLISHED)
BASELINE_MACHINE: Final = Machine(
    field="status", moves=(APPROVE_BASELINE, REJECT_BASELINE, PUBLISH_BASELINE, ROLL_BACK, RESTORE)
)


class OverrideRule(TextChoices):
    """What a recommendation to override was found by."""

    CADENCE_OVERLOAD = "cadence_overload", "Too much to review, too slowly"
    STREAK_COOLDOWN = "streak_cooldown", "Many publications in a row"
    BLOCKER_CHURN_ESCALATION = "blocker_churn_escalation", "Blocked again and again"


class OverrideKind(TextChoices):
    """What an override does about a reviewer."""

    REASSIGN = "reassign", "Reassign"
    COOLDOWN = "cooldown", "Cool down"
    ESCALATE = "escalate", "Escalate"


ACTION_OF_RULE: Final = {
    OverrideRule.CADENCE_OVERLOAD: OverrideKind.REASSIGN,
    OverrideRule.STREAK_COOLDOWN: OverrideKind.COOLDOWN,
    OverrideRule.BLOCKER_CHURN_ESCALATION: OverrideKind.ESCALATE,
}


class OverrideStatus(TextChoices):
    """What became of a recommendation."""

    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    EXECUTED = "executed", "Executed"
    REVERSED = "reversed", "Reversed"


REVERSE_OVERRIDE: Final = Move("reverse", sources={OverrideStatus.EXECUTED}, target=OverrideStatus.REVERSED)
OVERRIDE_MACHINE: Final = Machine(field="status", moves=(REVERSE_OVERRIDE,))


class ModerationState(TextChoices):
    """Whether a coaching note is on show."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    FLAGGED = "flagged", "Flagged"
    RESOLVED = "resolved", "Resolved"
    REMOVED = "removed", "Removed"


M = ModerationState
PUBLISH_NOTE: Final = Move("publish", sources={M.DRAFT}, target=M.PUBLISHED)
FLAG_NOTE: Final = Move("flag", sources={M.PUBLISHED, M.RESOLVED}, target=M.FLAGGED)
RESOLVE_NOTE: Final = Move("resolve", sources={M.PUBLISHED, M.FLAGGED}, target=M.RESOLVED)
REMOVE_NOTE: Final = Move("remove", sources={M.DRAFT, M.PUBLISHED, M.FLAGGED, M.RESOLVED}, target=M.REMOVED)
MODERATION: Final = Machine(field="moderation_state", moves=(PUBLISH_NOTE, FLAG_NOTE, RESOLVE_NOTE, REMOVE_NOTE))
EDITABLE_NOTES: Final = frozenset({M.DRAFT, M.PUBLISHED, M.FLAGGED})
