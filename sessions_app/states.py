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


class Severity(TextChoices):
    """How grave something that was told is, from the least to the gravest."""

    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"


class NoteType(TextChoices):
    OBSERVATION = "observation", "Observation"
    COMMAND = "command", "Command"
    SYSTEM = "system", "System"
    DETAIL = "detail", "Detail"
    ANOMALY = "anomaly", "Anomaly"
    SUMMARY = "summary", "Summary"


class EntryStatus(TextChoices):
    DRAFT = "draft", "Draft"
    SIGNED = "signed", "Signed"
    WITNESSED = "witnessed", "Witnessed"


class EntryMeaning(TextChoices):
    """What a signature under a notebook entry stands for."""

    AUTHORSHIP = "authorship", "Authorship"
    WITNESS = "witness", "Witness"


SIGN_ENTRY = Move("sign", sources={EntryStatus.DRAFT}, target=EntryStatus.SIGNED)
WITNESS_ENTRY = Move("witness", sources={EntryStatus.SIGNED}, target=EntryStatus.WITNESSED)

ENTRY_MACHINE = Machine(field="status", moves=(SIGN_ENTRY, WITNESS_ENTRY))


class SpeechStatus(TextChoices):
    PENDING = "pending", "Waiting"
    PROCESSING = "processing", "Being transcribed"
    DONE = "done", "Transcribed"
    FAILED = "failed", "Failed"


TAKE_SPEECH = Move("take", sources={SpeechStatus.PENDING}, target=SpeechStatus.PROCESSING)
FINISH_SPEECH = Move("finish", sources={SpeechStatus.PENDING, SpeechStatus.PROCESSING}, target=SpeechStatus.DONE)
GIVE_UP_SPEECH = Move("give up", sources={SpeechStatus.PENDING, SpeechStatus.PROCESSING}, target=SpeechStatus.FAILED)
RETRY_SPEECH = Move("retry", sources={SpeechStatus.FAILED}, target=SpeechStatus.PENDING)

SPEECH_MACHINE = Machine(field="status", moves=(TAKE_SPEECH, FINISH_SPEECH, GIVE_UP_SPEECH, RETRY_SPEECH))
