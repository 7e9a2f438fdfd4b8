"""Have recordings transcribed by the engine of this house.

The row is the job and a lease says who is at work. A worker that dies leaves a lease that runs out; one that was only
slow finds that its lease is gone, and what it heard is dropped. What is said is written down once.
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction

from biolab.kernel import storage
from biolab.kernel.errors import Refusal, Unavailable, Unreachable
from biolab.kernel.leases import LEASE, Clock, LeaseLost, kept_lease, pause_after
from sessions_app import timeline
from sessions_app.models import LabSession, Transcript
from sessions_app.models.transcript import TranscriptQuerySet
from sessions_app.ports import readings
from sessions_app.services.transcripts import MAX_ERROR, MAX_WORDS, settle, told
from sessions_app.speech_facts import SpeechTaskStarted
from sessions_app.states import FINISH_SPEECH, GIVE_UP_SPEECH, SPEECH_MACHINE, TAKE_SPEECH, SpeechStatus
from sessions_app.stt.engine import EngineRefused, Heard, engine_called, hotwords

log = structlog.get_logger(__name__)

TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One worker's turn at a recording."""

    task: Transcript
    lease: uuid.UUID
    clock: Clock

    @property
    def row(self) -> TranscriptQuerySet:
        """The task's row, as long as the lease is this worker's."""
        return Transcript.objects.filter(pk=self.task.pk, lease=self.lease)


def run_transcription(*, task_id: uuid.UUID, clock: Clock) -> bool:
    """Transcribe the recording, if it is due, and tell whether this call finished it.

    Called twice, or for something that is not due, it does nothing. What goes wrong is written on the row, and tried
    again later, or given up.
    """
    attempt = _claim(task_id, clock)
    if attempt is None:
        return False
    task = attempt.task
    try:
        with kept_lease(attempt.row, clock), storage.fetch(task.stored_as, sha256=task.sha256) as file:
            engine = engine_called(task.engine)
            heard = engine.hear(file, media_type=task.media_type, hotwords=_hotwords(task.session))
            _finish(attempt, heard)
    except LeaseLost:
        log.info("a transcription was called off", task_id=task.public_id)
        return False
    except Exception as error:
        log.info(
            "a transcription failed",
            task_id=task.public_id,
            error=repr(error),
            exc_info=not isinstance(error, Refusal),
        )
        _note_failure(attempt, error)
        return False
    return True


def _claim(task_id: uuid.UUID, clock: Clock) -> _Attempt | None:
    """Take the task, if it is due; None when there is nothing to do."""
    at = clock()
    session_id = Transcript.objects.due(at).filter(pk=task_id).values_list("session_id", flat=True).first()
    if session_id is None:
        return None
    with transaction.atomic():
        session = LabSession.objects.hold(session_id)
        task = Transcript.objects.due(at).told().filter(pk=task_id).first()
        if task is None:
            return None
        task.session = session
        if task.attempts >= TRIES:
            task.error = "The worker stopped in the middle of it, again and again."
            settle(session, task, GIVE_UP_SPEECH, by=None, at=at)
            return None
        if task.status == SpeechStatus.PENDING:
            SPEECH_MACHINE.make(TAKE_SPEECH, task)
        lease = uuid.uuid4()
        task.lease, task.lease_until, task.attempts, task.updated_at = lease, at + LEASE, task.attempts + 1, at
        task.save(update_fields=["status", "lease", "lease_until", "attempts", "updated_at"])
        timeline.record(session, told(SpeechTaskStarted, task), by=None, at=at)
        return _Attempt(task, lease, clock)


def _hotwords(session: LabSession) -> list[str]:
    """Return what is likely to be said here: the team's channels, the glossary, and the words of the protocol."""
    wording = session.protocol_version
    return hotwords(
        channels=[channel.name for channel in readings().channels(session)],
        glossary=settings.STT_GLOSSARY,
        text=wording.content if wording is not None else "",
    )


def _finish(attempt: _Attempt, heard: Heard) -> None:
    heard = _storable(heard)
    if not heard.text:
        raise EngineRefused("Nobody speaks in this recording.")
    with transaction.atomic():
        session = LabSession.objects.hold(attempt.task.session_id)
        task = _held(attempt, session)
        task.transcript, task.confidence = heard.text, heard.confidence
        task.words = [dataclasses.asdict(word) for word in heard.words[:MAX_WORDS]]
        if task.duration_seconds is None:
            task.duration_seconds = heard.duration_s
        settle(session, task, FINISH_SPEECH, by=None, at=attempt.clock())


def _note_failure(attempt: _Attempt, error: Exception) -> None:
    """Write down that an attempt failed: tried again later, or given up where another try cannot help."""
    at = attempt.clock()
    hopeless = isinstance(error, Refusal) and not isinstance(error, Unreachable | Unavailable)
    sentence = str(error) if isinstance(error, Refusal) else f"{type(error).__name__} while transcribing."
    try:
        with transaction.atomic():
            session = LabSession.objects.hold(attempt.task.session_id)
            task = _held(attempt, session)
            task.error = sentence[:MAX_ERROR]
            if hopeless or task.attempts >= TRIES:
                settle(session, task, GIVE_UP_SPEECH, by=None, at=at)
                return
            task.lease, task.lease_until, task.updated_at = None, at + pause_after(task.attempts), at
            task.save(update_fields=["error", "lease", "lease_until", "updated_at"])
    except LeaseLost:
        log.info("a failed attempt had lost its lease", task_id=attempt.task.public_id)


def _held(attempt: _Attempt, session: LabSession) -> Transcript:
    task = attempt.row.told().first()
    if task is None:
        raise LeaseLost
    task.session = session
    return task


def _storable(heard: Heard) -> Heard:
    """Return what was heard without what no database keeps: NUL and halves of characters."""

    def clean(text: str) -> str:
        return text.replace("\x00", "").encode("utf-8", "replace").decode().strip()

    words = tuple(dataclasses.replace(word, word=clean(word.word)) for word in heard.words)
    return dataclasses.replace(heard, text=clean(heard.text), words=words)
