"""Keep recordings as they were received, each once, and queue them to be transcribed."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.kernel import storage
from biolab.kernel.errors import Conflict, Unsupported
from biolab.kernel.ids import new_uuid
from sessions_app import timeline
from sessions_app.errors import SessionEnded
from sessions_app.models import LabSession, Transcript
from sessions_app.models.transcript import EXTERNAL
from sessions_app.policies import require_right
from sessions_app.services.transcripts import ring_for_a_worker, told
from sessions_app.speech_facts import SpeechTaskCreated
from sessions_app.stt.containers import HEAD_BYTES, media_type_of
from sessions_app.stt.engine import engine_name
from sessions_app.wording import invalid

FOLDER: Final = "speech"
MAX_AUDIO_BYTES: Final = 25 * 1024 * 1024
MAX_CHUNK_ID: Final = 255
LONGEST_S: Final = 24 * 60 * 60.0


@transaction.atomic
def register_recording(
    *, session: LabSession, audio_chunk_id: str, by: User, at: datetime, duration_seconds: float | None = None
) -> Transcript:
    """Expect the transcript of a recording that a module outside keeps; the same recording again is the same task.

    Raises:
        Forbidden: the person may not run this session.
        SessionEnded: it takes nothing more.
        Invalid: a blank or overlong name, or a duration that cannot be.
    """
    name, duration = _chunk(audio_chunk_id), _duration(duration_seconds)
    session = _open(session, by=by)
    known = Transcript.objects.told().filter(session=session, audio_chunk_id=name).first()
    if known is not None:
        return known
    return _begin(
        Transcript(
            session=session,
            asked_by=by,
            audio_chunk_id=name,
            duration_seconds=duration,
            engine=EXTERNAL,
            created_at=at,
            updated_at=at,
        ),
        by=by,
        at=at,
    )


def keep_recording(
    *,
    session: LabSession,
    pieces: Iterable[bytes],
    by: User,
    at: datetime,
    audio_chunk_id: str = "",
    duration_seconds: float | None = None,
) -> Transcript:
    """Seal a recording, keep it as it was received, and have it transcribed; the same again is the same task.

    Args:
        pieces: the recording's bytes; read only once it is clear that the person may send them.
        audio_chunk_id: what the sender calls it; empty for a name of its own.

    Raises:
        Forbidden: the person may not run this session.
        SessionEnded: it takes nothing more.
        TooLarge: it is larger than 25 MiB.
        Unsupported: its content is neither WebM, MP4, Ogg nor WAV.
        Conflict: another recording has this name.
        StorageUnreachable: it could not be kept.
    """
    require_right(by, Right.RUN, session.team_id)
    if session.is_ended:
        raise SessionEnded("This session has ended; it takes no more recordings.")
    key = new_uuid()
    name, duration = _chunk(audio_chunk_id or f"chunk_{key.hex}"), _duration(duration_seconds)
    with storage.workbench() as folder:
        pieces = iter(pieces)
        head = b""
        while len(head) < HEAD_BYTES and (piece := next(pieces, b"")):
            head += piece
        media_type = media_type_of(head)
        if media_type is None:
            raise Unsupported("A recording is WebM, MP4, Ogg or WAV; this is none of them.")
        sealed = storage.measure(
            itertools.chain([head], pieces), folder=folder, media_type=media_type, limit=MAX_AUDIO_BYTES
        )
        known = _same(session, name, sealed.sha256)
        if known is not None:
            return known
        stored_as = f"{FOLDER}/{session.public_id}/{key.hex}"
        storage.put(sealed.path, stored_as)
    with transaction.atomic():
        session = _open(session, by=by)
        known = _same(session, name, sealed.sha256)
        if known is not None:  # sent twice at once; the sweep removes the second copy
            return known
        task = Transcript(
            id=key,
            session=session,
            asked_by=by,
            audio_chunk_id=name,
            duration_seconds=duration,
            engine=engine_name(),
            media_type=media_type,
            size=sealed.size,
            sha256=sealed.sha256,
            stored_as=stored_as,
            created_at=at,
            updated_at=at,
        )
        return _begin(task, by=by, at=at)


def due_speech(*, at: datetime) -> list[uuid.UUID]:
    """Return the recordings that nobody works at and whose time has come."""
    return list(Transcript.objects.due(at).order_by("created_at").values_list("pk", flat=True)[:200])


def sweep_recordings(*, at: datetime) -> int:
    """Remove recordings older than a day that no task names, and return how many."""
    return storage.sweep_orphans(
        FOLDER, at=at, is_named=lambda name: Transcript.objects.filter(stored_as=name).exists()
    )


def _begin(task: Transcript, *, by: User, at: datetime) -> Transcript:
    task.save(force_insert=True)
    timeline.record(task.session, told(SpeechTaskCreated, task), by=by, at=at)
    ring_for_a_worker(task)
    return task


def _open(session: LabSession, *, by: User) -> LabSession:
    session = LabSession.objects.hold(session.pk)
    require_right(by, Right.RUN, session.team_id)
    if session.is_ended:
        raise SessionEnded("This session has ended; it takes no more recordings.")
    return session


def _same(session: LabSession, name: str, sha256: str) -> Transcript | None:
    """Return the task of this recording, if it came before.

    Raises:
        Conflict: another recording has this name.
    """
    known = Transcript.objects.told().filter(session=session, audio_chunk_id=name).first()
    if known is not None and known.sha256 != sha256:
        raise Conflict("Another recording of this session has this name.", code="audio_chunk_id_taken")
    return known


def _chunk(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_CHUNK_ID:
        raise invalid("/audio_chunk_id", f"The name of a recording has 1 to {MAX_CHUNK_ID} characters.")
    return name


def _duration(seconds: float | None) -> float | None:
    if seconds is not None and not 0 <= seconds <= LONGEST_S:
        raise invalid("/duration_seconds", "A recording lasts 0 seconds to one day.")
    return seconds
