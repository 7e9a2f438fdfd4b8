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
