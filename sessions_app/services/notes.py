"""Write, correct, extend and withdraw notes. Every version is kept; nothing is overwritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.kernel.api import etag_of
from biolab.kernel.errors import Missing, Stale
from sessions_app import timeline
from sessions_app.errors import SessionEnded
from sessions_app.facts import NoteAppended, NoteCorrected, NoteWithdrawn, NoteWritten
from sessions_app.models import LabSession, Note, NoteVersion
from sessions_app.policies import require_right
from sessions_app.ports import readings
from sessions_app.states import NoteType
from sessions_app.wording import exact, invalid, reasoned, storable

LATE_AFTER: Final = timedelta(minutes=5)
FARTHEST_AHEAD: Final = timedelta(hours=24)  # as for readings: beyond that it is a clock that is wrong
MAX_CONTENT: Final = 20_000
MAX_SPEAKER: Final = 255
MAX_TAGS: Final = 50
MAX_TAG: Final = 100


@transaction.atomic
def write_note(
    *,
    session: LabSession,
    by: User,
    at: datetime,
    timestamp: datetime,
    content: str,
    speaker: str = "",
    type: str = NoteType.OBSERVATION,
    tags: Sequence[str] = (),
    telemetry_snapshot: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Note:
    """Write down what was seen at ``timestamp``.

    Args:
        telemetry_snapshot: values that belong to it; None takes the latest ones of the pinned channels at that time.
        reason: why it comes late; needed once the session has ended.

    Raises:
        Forbidden: the person may not run this session.
        SessionEnded: it has ended and no reason was given.
        Invalid: a blank or overlong value.
    """
    if telemetry_snapshot is None:
        latest = readings().latest(session, at=timestamp, pinned=True)
        telemetry_snapshot = {name: reading.value for name, reading in latest.items()}
    reason = reasoned(reason)
    session = _held(session, by=by, reason=reason)
    note = Note.objects.create(
        session=session,
        author=by,
        timestamp=_timed(timestamp, at),
        speaker=_spoken(speaker),
        content=_worded(content),
        type=_typed(type),
        tags=_tagged(tags),
        telemetry_snapshot=exact(telemetry_snapshot, pointer="/telemetry_snapshot"),
        late_entry=_comes_late(session, timestamp, at),
        created_at=at,
        updated_at=at,
    )
    _keep(note, "created", by=by, at=at, reason=reason)
    timeline.record(session, _told(NoteWritten, note, reason), by=by, at=at)
    return note


@transaction.atomic
def correct_note(
    *,
    note: Note,
    by: User,
    at: datetime,
    content: str | None = None,
    speaker: str | None = None,
    type: str | None = None,
    tags: Sequence[str] | None = None,
    reason: str = "",
    version: int | None = None,
) -> Note:
    """Correct a note; what it said before stays in its history. Values that change nothing make no version.

    Args:
        content, speaker, type, tags: what it should say; None leaves a value.
        version: the version that the caller has read; None where that does not matter.

    Raises:
        Forbidden: the person may not run this session.
        SessionEnded: it has ended and no reason was given.
        Missing: the note was withdrawn.
        Stale: somebody changed it since ``version``.
        Invalid: a blank or overlong value.
    """
    reason = reasoned(reason)
    session, note = _held_note(note, by=by, reason=reason, version=version)
    before = (note.content, note.speaker, note.type, note.tags)
    if content is not None:
        note.content = _worded(content)
    if speaker is not None:
        note.speaker = _spoken(speaker)
    if type is not None:
        note.type = _typed(type)
    if tags is not None:
        note.tags = _tagged(tags)
    if (note.content, note.speaker, note.type, note.tags) == before:
        return note
    _save_version(note, "corrected", by=by, at=at, reason=reason)
    timeline.record(session, _told(NoteCorrected, note, reason), by=by, at=at)
    return note


@transaction.atomic
def append_note(
    *,
    note: Note,
    by: User,
    at: datetime,
    text: str,
    timestamp: datetime | None = None,
    telemetry_snapshot: Mapping[str, Any] | None = None,
    reason: str = "",
    version: int | None = None,
) -> Note:
    """Add a line with its own time, in UTC, to a note; a line that comes late makes the note a late entry.

    Args:
        timestamp: when the line was spoken; None for now.
        telemetry_snapshot: values that replace the note's; None leaves them.
        version: the version that the caller has read; None where that does not matter.

    Raises:
        Forbidden, SessionEnded, Missing, Stale, Invalid: as for ``correct_note``.
    """
    reason = reasoned(reason)
    session, note = _held_note(note, by=by, reason=reason, version=version)
    spoken_at = _timed(timestamp or at, at).astimezone(UTC)
    _worded(text, pointer="/append_content")
    note.content = _worded(f"{note.content}\n[{spoken_at:%H:%M:%S}] {text}", pointer="/append_content")
    note.late_entry = note.late_entry or _comes_late(session, spoken_at, at)
    if telemetry_snapshot is not None:
        note.telemetry_snapshot = exact(telemetry_snapshot, pointer="/telemetry_snapshot")
    _save_version(note, "appended", by=by, at=at, reason=reason)
    timeline.record(session, _told(NoteAppended, note, reason), by=by, at=at)
    return note


@transaction.atomic
def withdraw_note(*, note: Note, by: User, at: datetime, reason: str = "", version: int | None = None) -> Note:
    """Take a note out of the lists. It stays on the timeline and in its history.

    Raises:
        Forbidden, SessionEnded, Missing, Stale: as for ``correct_note``.
    """
    reason = reasoned(reason)
    session, note = _held_note(note, by=by, reason=reason, version=version)
    note.withdrawn_at = at
    _save_version(note, "withdrawn", by=by, at=at, reason=reason)
    gone = NoteWithdrawn(note_id=note.public_id, version=note.version, reason=reason)
    timeline.record(session, gone, by=by, at=at)
    return note


def note_etag(note: Note) -> str:
    """Return the entity tag of a note as it reads now."""
    return etag_of(note.pk, note.version)


def _held(session: LabSession, *, by: User, reason: str) -> LabSession:
    session = LabSession.objects.hold(session.pk)
    require_right(by, Right.RUN, session.team_id)
    if session.is_ended and not reason:
        raise SessionEnded("This session has ended; give a reason for changing its notes.", needs="reason")
    return session


def _held_note(note: Note, *, by: User, reason: str, version: int | None) -> tuple[LabSession, Note]:
    """Return the session, held, and the note as it reads under that lock."""
    session = _held(LabSession(pk=note.session_id), by=by, reason=reason)
    fresh = Note.objects.standing().filter(pk=note.pk).first()
    if fresh is None:
        raise Missing("This note was withdrawn.")
    if version is not None and fresh.version != version:
        raise Stale("It has changed since you read it.", etag=note_etag(fresh))
    fresh.session = session
    return session, fresh


def _save_version(note: Note, action: str, *, by: User, at: datetime, reason: str) -> None:
    note.version += 1
    note.updated_at = at
    note.save(
        update_fields=[
            "content",
            "speaker",
            "type",
            "tags",
            "telemetry_snapshot",
            "late_entry",
            "version",
            "updated_at",
            "withdrawn_at",
        ]
    )
    _keep(note, action, by=by, at=at, reason=reason)


def _keep(note: Note, action: str, *, by: User, at: datetime, reason: str) -> None:
    NoteVersion.objects.create(
        note=note,
        version=note.version,
        action=action,
        content=note.content,
        speaker=note.speaker,
        type=note.type,
        tags=note.tags,
        telemetry_snapshot=note.telemetry_snapshot,
        reason=reason,
        by=by,
        by_name=by.printed_name,
        at=at,
    )


def _told(fact: type[NoteWritten], note: Note, reason: str) -> NoteWritten:
    return fact(
        note_id=note.public_id,
        timestamp=note.timestamp,
        speaker=note.speaker,
        content=note.content,
        type=note.type,
        tags=note.tags,
        telemetry_snapshot=note.telemetry_snapshot,
        version=note.version,
        late_entry=note.late_entry,
        reason=reason,
    )


def _comes_late(session: LabSession, timestamp: datetime, at: datetime) -> bool:
    return session.is_ended or at - timestamp > LATE_AFTER


def _timed(timestamp: datetime, at: datetime) -> datetime:
    if timestamp - at > FARTHEST_AHEAD:
        raise invalid("/timestamp", "This time lies more than 24 hours ahead.")
    return timestamp


def _worded(content: str, *, pointer: str = "/content") -> str:
    if not content.strip():
        raise invalid(pointer, "A note must say something.")
    if len(content) > MAX_CONTENT:
        raise invalid(pointer, f"A note has at most {MAX_CONTENT} characters.")
    return storable(content, pointer=pointer)


def _spoken(speaker: str) -> str:
    speaker = speaker.strip()
    if len(speaker) > MAX_SPEAKER:
        raise invalid("/speaker", f"A speaker's name has at most {MAX_SPEAKER} characters.")
    return storable(speaker, pointer="/speaker")


def _typed(type: str) -> str:
    if type not in NoteType.values:
        raise invalid("/type", f"A note is one of: {', '.join(NoteType.values)}.")
    return str(type)


def _tagged(tags: Sequence[str]) -> list[str]:
    """Return the tags without blanks around them and without repeats, in their order."""
    kept = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(kept) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in kept):
        raise invalid("/tags", f"A note has at most {MAX_TAGS} tags of at most {MAX_TAG} characters.")
    return [storable(tag, pointer="/tags") for tag in kept]
