"""What becomes of an export's archive, and the moves between those states."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices

from biolab.kernel.machine import Machine, Move


class ArtifactStatus(TextChoices):
    """Where the packing of one export stands. ``queued`` from creation: the gate says what it waits for."""

    QUEUED = "queued", "Queued"
    PROCESSING = "processing", "Being packed"
    READY = "ready", "Ready"
    RETRYING = "retrying", "Waiting for another try"
    FAILED = "failed", "Failed"
    EXPIRED = "expired", "Expired"
    RETIRED = "retired", "Retired"


A = ArtifactStatus

CLAIM: Final = Move("pack", sources={A.QUEUED, A.RETRYING, A.PROCESSING}, target=A.PROCESSING)
PUBLISH: Final = Move("publish", sources={A.PROCESSING}, target=A.READY)
RETRY: Final = Move("retry", sources={A.PROCESSING}, target=A.RETRYING)
GIVE_UP: Final = Move("give up", sources={A.PROCESSING}, target=A.FAILED)
REQUEUE: Final = Move("requeue", sources={A.FAILED}, target=A.QUEUED)
HOLD_BACK: Final = Move("hold back", sources={A.PROCESSING, A.RETRYING, A.FAILED}, target=A.QUEUED)
RETIRE: Final = Move("retire", sources={A.READY}, target=A.RETIRED)
RELEASE: Final = Move("release", sources={A.RETIRED, A.EXPIRED}, target=A.QUEUED)
SPOIL: Final = Move("spoil", sources={A.READY}, target=A.FAILED)
EXPIRE: Final = Move("expire", sources={A.READY}, target=A.EXPIRED)

ARTIFACT_MACHINE: Final = Machine(
    field="artifact_status",
    moves=(CLAIM, PUBLISH, RETRY, GIVE_UP, REQUEUE, HOLD_BACK, RETIRE, RELEASE, SPOIL, EXPIRE),
)

GONE: Final = frozenset({A.EXPIRED, A.RETIRED})
UNFINISHED: Final = frozenset({A.QUEUED, A.RETRYING, A.PROCESSING})


class EvidenceType(TextChoices):
    """What an export may carry as evidence."""

    TIMELINE_EVENT = "timeline_event", "Timeline event"
    FILE = "file", "File"
    NOTEBOOK_ENTRY = "notebook_entry", "Notebook entry"
    ANALYTICS_SNAPSHOT = "analytics_snapshot", "Analytics snapshot"
    QC_METRIC = "qc_metric", "QC metric"
    REMEDIATION_REPORT = "remediation_report", "Remediation report"


class DeckStatus(TextChoices):
    """How far a deck is."""

    PENDING = "pending", "Waiting"
    IN_PROGRESS = "in_progress", "Being built"
    COMPLETED = "completed", "Ready"
    FAILED = "failed", "Failed"


D = DeckStatus

TAKE_DECK: Final = Move("take", sources={D.PENDING, D.IN_PROGRESS}, target=D.IN_PROGRESS)
FINISH_DECK: Final = Move("finish", sources={D.IN_PROGRESS}, target=D.COMPLETED)
RETRY_DECK: Final = Move("retry", sources={D.IN_PROGRESS}, target=D.PENDING)
GIVE_UP_DECK: Final = Move("give up", sources={D.PENDING, D.IN_PROGRESS}, target=D.FAILED)
DECK_MACHINE: Final = Machine(field="status", moves=(TAKE_DECK, FINISH_DECK, RETRY_DECK, GIVE_UP_DECK))


class Gate(TextChoices):
    """What packaging waits for."""

    GUARDRAIL_BLOCKED = "guardrail_blocked", "Held by the guardrails"
    QUEUED = "queued", "Queued"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
