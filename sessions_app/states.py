"""Statuses of sessions and steps, and the moves between them."""

from __future__ import annotations

from django.db.models import TextChoices

from biolab.kernel.machine import Machine, Move


class SessionStatus(TextChoices):
    PLANNED = "planned", "Planned"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    COMPLETED = "completed", "Completed"
    ABORTED = "aborted", "Aborted"


S = SessionStatus

START = Move("start", sources={S.PLANNED}, target=S.RUNNING)
PAUSE = Move("pause", sources={S.RUNNING}, target=S.PAUSED)
RESUME = Move("resume", sources={S.PAUSED}, target=S.RUNNING)
COMPLETE = Move("complete", sources={S.RUNNING, S.PAUSED}, target=S.COMPLETED)
ABORT = Move("abort", sources={S.PLANNED, S.RUNNING, S.PAUSED}, target=S.ABORTED)

SESSION_MACHINE = Machine(field="status", moves=(START, PAUSE, RESUME, COMPLETE, ABORT))

OPEN_STATUSES = frozenset({S.PLANNED, S.RUNNING, S.PAUSED})
LIVE_STATUSES = frozenset({S.RUNNING, S.PAUSED})
ENDED_STATUSES = frozenset({S.COMPLETED, S.ABORTED})


class StepStatus(TextChoices):
    PENDING = "pending", "Pending"
    IN_PROGRESS = "in_progress", "In progress"
    COMPLETED = "completed", "Completed"
    SKIPPED = "skipped", "Skipped"


P = StepStatus

BEGIN_STEP = Move("begin", sources={P.PENDING}, target=P.IN_PROGRESS)
COMPLETE_STEP = Move("complete", sources={P.PENDING, P.IN_PROGRESS}, target=P.COMPLETED)
SKIP_STEP = Move("skip", sources={P.PENDING, P.IN_PROGRESS}, target=P.SKIPPED)

STEP_MACHINE = Machine(field="status", moves=(BEGIN_STEP, COMPLETE_STEP, SKIP_STEP))

DONE_STEPS = frozenset({P.COMPLETED, P.SKIPPED})


class ProtocolStatus(TextChoices):
    ACTIVE = "active", "Active"
    RETIRED = "retired", "Retired"


RETIRE = Move("retire", sources={ProtocolStatus.ACTIVE}, target=ProtocolStatus.RETIRED)
REINSTATE = Move("reinstate", sources={ProtocolStatus.RETIRED}, target=ProtocolStatus.ACTIVE)

PROTOCOL_MACHINE = Machine(field="status", moves=(RETIRE, REINSTATE))


class NoteType(TextChoices):
    OBSERVATION = "observation", "Observation"
    COMMAND = "command", "Command"
    SYSTEM = "system", "System"
    DETAIL = "detail", "Detail"
    ANOMALY = "anomaly", "Anomaly"
    SUMMARY = "summary", "Summary"
