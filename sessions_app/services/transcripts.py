"""Take what was heard in a recording, have it heard again, and have people confirm it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.kernel.errors import Conflict, Refusal, Stale
from biolab.kernel.leases import knock
from biolab.kernel.machine import Move, MoveRefused
from sessions_app import timeline
from sessions_app.errors import SessionEnded
from sessions_app.models import LabSession, Note, Transcript
from sessions_app.models.transcript import EXTERNAL
from sessions_app.policies import require_right
from sessions_app.services.notes import MAX_CONTENT, correct_note, write_note
from sessions_app.speech_facts import (
    SpeechTask,
    SpeechTaskConfirmed,
    SpeechTaskDone,
    SpeechTaskFailed,
    SpeechTaskRetried,
    SpeechTaskStarted,
)
from sessions_app.states import FINISH_SPEECH, GIVE_UP_SPEECH, RETRY_SPEECH, SPEECH_MACHINE, TAKE_SPEECH, SpeechStatus
from sessions_app.stt.engine import engine_name
from sessions_app.wording import invalid, reasoned

log = structlog.get_logger(__name__)

RUN: Final = "speech.transcribe"
TAG: Final = "auto-transcription"
MAX_ERROR: Final = 2_000
MAX_WORDS: Final = 10_000
SHORTEST_NOTE: Final = 2

OUTCOMES: Final = {FINISH_SPEECH: SpeechTaskDone, GIVE_UP_SPEECH: SpeechTaskFailed, TAKE_SPEECH: SpeechTaskStarted}
"""What an engine may report, and how the timeline tells it."""


@transaction.atomic
def report_speech(
    *,
    task: Transcript,
    status: str,
    by: User,
    at: datetime,
    transcript: str | None = None,
    error: str | None = None,
    confidence: float | None = None,
    words: Sequence[Mapping[str, Any]] | None = None,
    version: str | None = None,
) -> Transcript:
    """Take what a module outside reports: that it is at work, what was said, or why it cannot be heard.

    Args:
        transcript, error, confidence, words: None leaves a value.
        version: the entity tag that the caller has read; None where that does not matter.

    Raises:
        Forbidden: the person may not run this session.
        MoveRefused: the status does not allow it.
        Stale: somebody changed it since ``version``.
        Invalid: done without a transcript, failed without an error, or an overlong value.
    """
    session, task = _held(task, by=by, version=version)
    move = SPEECH_MACHINE.between(task.status, status)
    if move is None or move not in OUTCOMES:
        open_moves = [move.target for move in SPEECH_MACHINE.open_moves(task) if move in OUTCOMES]
        raise MoveRefused(f"A transcript that is {task.status} does not become {status}.", open_statuses=open_moves)
    task.engine = EXTERNAL  # whoever was to transcribe it here: no worker of this house takes it up again
    if transcript is not None:
        task.transcript = transcript.strip()
    if error is not None:
        task.error = error.strip()
    if confidence is not None:
        task.confidence = confidence
    if words is not None:
        task.words = [dict(word) for word in words]
    return settle(session, task, move, by=by, at=at)


def settle(session: LabSession, task: Transcript, move: Move, *, by: User | None, at: datetime) -> Transcript:
    """Make a move of an engine; the caller holds the session and has set what the engine said.

    A transcript whose engine is sure enough becomes a note at once, which stays unverified until a person confirms it.

    Raises:
        MoveRefused, Invalid: as for ``report_speech``.
    """
    if move is FINISH_SPEECH:
        task.transcript, task.error = _said(task.transcript), ""
    elif move is GIVE_UP_SPEECH and not task.error:
        raise invalid("/error", "Say why it failed.")
    if len(task.error) > MAX_ERROR:
        raise invalid("/error", f"An error has at most {MAX_ERROR} characters.")
    if len(task.words) > MAX_WORDS:
        raise invalid("/words", f"A transcript has at most {MAX_WORDS} words.")
    SPEECH_MACHINE.make(move, task)
    task.lease, task.lease_until, task.updated_at = None, None, at
    task.save()
    if move is FINISH_SPEECH and _is_sure(task):
        try:
            with transaction.atomic():
                task.note = _note(session, task, by=task.asked_by, at=at, reason="Transcribed after the session ended.")
                task.save(update_fields=["note"])
        except Refusal as refusal:  # who recorded it may no longer write here; a person confirms it then
            task.note = None
            log.info("a transcript became no note", task_id=task.public_id, refusal=str(refusal))
    timeline.record(session, told(OUTCOMES[move], task), by=by, at=at)
    return task


@transaction.atomic
def retry_speech(*, task: Transcript, by: User, at: datetime, version: str | None = None) -> Transcript:
    """Have a recording that failed transcribed once more, by the engine that is set now where the audio is here.

    Raises:
        Forbidden: the person may not run this session.
        MoveRefused: it has not failed.
        Stale: somebody changed it since ``version``.
    """
    session, task = _held(task, by=by, version=version)
    SPEECH_MACHINE.make(RETRY_SPEECH, task)
    task.engine = engine_name() if task.sha256 else EXTERNAL
    task.error, task.attempts, task.lease, task.lease_until, task.updated_at = "", 0, None, None, at
    task.save()
    timeline.record(session, told(SpeechTaskRetried, task), by=by, at=at)
    ring_for_a_worker(task)
    return task


@transaction.atomic
def confirm_speech(
    *,
    task: Transcript,
    by: User,
    at: datetime,
    transcript: str | None = None,
    reason: str = "",
    version: str | None = None,
) -> Transcript:
    """Say that a transcript reads as it was spoken, corrected where need be; it stands as a note from then on.

    Args:
        transcript: what was said; None takes the transcript, or its note, as it reads.
        reason: needed once the session has ended.

    Raises:
        Forbidden: the person may not run this session.
        SessionEnded: it has ended and no reason was given.
        Conflict: there is no transcript yet, or it was confirmed before with other words.
        Stale: somebody changed it since ``version``.
        Invalid: a blank or overlong text.
    """
    reason = reasoned(reason)
    session, task = _held(task, by=by, version=version)
    if task.status != SpeechStatus.DONE:
        raise Conflict("Only a finished transcript can be confirmed.", code="speech_not_done", status_now=task.status)
    if task.reviewed_by_id is not None:
        if transcript is None or transcript.strip() == task.transcript:
            return task
        raise Conflict("This transcript was confirmed before; correct its note.", code="speech_confirmed")
    if session.is_ended and not reason:
        raise SessionEnded("This session has ended; give a reason for changing its notes.", needs="reason")
    note = task.note if task.note is not None and task.note.withdrawn_at is None else None
    text = transcript if transcript is not None else note.content if note is not None else task.transcript
    task.transcript = _said(text)
    if note is None:
        note = _note(session, task, by=by, at=at, reason=reason)
    else:
        note = correct_note(note=note, content=task.transcript, by=by, at=at, reason=reason)
    task.note, task.reviewed_by, task.reviewed_at, task.updated_at = note, by, at, at
    task.save()
    timeline.record(session, told(SpeechTaskConfirmed, task), by=by, at=at)
    return task


def told(fact: type[SpeechTask], task: Transcript) -> SpeechTask:
    """Return the task as it reads now, as a fact of the timeline and as its doors show it."""
    return fact(
        task_id=task.public_id,
        audio_chunk_id=task.audio_chunk_id,
        duration_seconds=task.duration_seconds,
        status=task.status,
        transcript=task.transcript or None,
        error=task.error or None,
        confidence=task.confidence,
        words_sha256=task.words_sha256,
        engine=task.engine,
        attempts=task.attempts,
        media_type=task.media_type,
        size=task.size,
        sha256=task.sha256,
        note_id=task.note.public_id if task.note is not None else None,
        reviewed_by=task.reviewed_by.public_id if task.reviewed_by is not None else None,
        reviewed_at=task.reviewed_at,
        created_at=task.created_at,
        updated_at=task.updated_at,
    )


def ring_for_a_worker(task: Transcript) -> None:
    """Ring for a worker after the commit, unless a module outside transcribes."""
    if task.engine != EXTERNAL:
        transaction.on_commit(partial(knock, RUN, str(task.pk)), robust=True)


def _held(task: Transcript, *, by: User, version: str | None) -> tuple[LabSession, Transcript]:
    """Return the session, held, and the task as it reads under that lock."""
    session = LabSession.objects.hold(task.session_id)
    require_right(by, Right.RUN, session.team_id)
    fresh = Transcript.objects.told().get(pk=task.pk)
    if version is not None and fresh.etag != version:
        raise Stale("It has changed since you read it.", etag=fresh.etag)
    fresh.session = session
    return session, fresh


def _note(session: LabSession, task: Transcript, *, by: User, at: datetime, reason: str) -> Note:
    return write_note(
        session=session,
        by=by,
        at=at,
        timestamp=task.created_at - timedelta(seconds=task.duration_seconds or 0),
        speaker=task.asked_by.printed_name,
        content=task.transcript,
        tags=[TAG],
        reason=reason if session.is_ended else "",
    )


def _is_sure(task: Transcript) -> bool:
    """Tell whether the rule makes a note of this transcript before a person has read it."""
    sure_enough = task.confidence is not None and task.confidence >= settings.STT_NOTE_CONFIDENCE
    return sure_enough and len(task.transcript) >= SHORTEST_NOTE and task.asked_by.is_active


def _said(text: str) -> str:
    text = text.strip()
    if not text:
        raise invalid("/transcript", "A finished transcript says something.")
    if len(text) > MAX_CONTENT:
        raise invalid("/transcript", f"A transcript has at most {MAX_CONTENT} characters.")
    return text
