"""Timeline events as the frames that sockets send. The same event gives the same frame to everyone, at any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson

from biolab.kernel.api import dump
from biolab.kernel.facts import tell
from biolab.kernel.ids import parse_id, typeid
from biolab.kernel.times import iso
from sessions_app.api.speech_forms import speech_shape
from sessions_app.live.mailbox import Frame
from sessions_app.models import LabSession, Note, TimelineEvent, Transcript
from sessions_app.ports import readings

PAGE: Final = 200
ENDINGS: Final = {"session.completed": "completed", "session.aborted": "aborted"}
NOTE_KINDS: Final = frozenset({"note.created", "note.updated", "note.appended"})


def frame_text(session_pk: UUID, event: str, data: Any, sequence: int | None = None, **members: Any) -> str:
    """Return one frame as text; frames that are no timeline event have no sequence."""
    session_id = typeid(LabSession.id_prefix, session_pk)
    return dump({"event": event, "session_id": session_id, "data": data, "sequence": sequence, **members}).decode()


def frames_after(session_pk: UUID, sequence: int, limit: int = PAGE) -> list[Frame]:
    """Return the frames of up to ``limit`` events behind a cursor, oldest first."""
    rows = list(
        TimelineEvent.objects.filter(session_id=session_pk)
        .after(sequence)
        .values_list("sequence", "kind", "canonical")[:limit]
    )
    events = [(number, kind, orjson.loads(text)) for number, kind, text in rows]
    beside = {**_note_times(events), **_words(events)}
    return [_frame(session_pk, number, kind, record, beside) for number, kind, record in events]


def head_of(session_pk: UUID) -> int:
    """Return the sequence of the session's last event."""
    return LabSession.objects.values_list("head_sequence", flat=True).get(pk=session_pk)


def readings_text(session_pk: UUID) -> str | None:
    """Return the frame with the latest value of every channel; None before the first reading."""
    session = LabSession.objects.only("team_id").get(pk=session_pk)
    latest = readings().latest(session)
    if not latest:
        return None
    data = {
        name: {"value": reading.value, "unit": reading.unit, "timestamp": iso(reading.at)}
        for name, reading in latest.items()
    }
    return frame_text(session_pk, "telemetry", data)


def _frame(session_pk: UUID, sequence: int, kind: str, record: Mapping[str, Any], beside: Mapping[str, Any]) -> Frame:
    payload = record["payload"]
    texts = [frame_text(session_pk, kind, _data(session_pk, kind, record, beside), sequence)]
    if kind in ENDINGS:
        ended = {"status": ENDINGS[kind], "ended_at": record["occurred_at"], "reason": payload.get("reason", "")}
        texts.append(frame_text(session_pk, "session.ended", ended))
    elif kind == "stt.task.done":
        texts.append(frame_text(session_pk, "transcript.chunk.ready", _chunk(payload, beside)))
    elif kind.endswith(".failed"):
        texts.append(frame_text(session_pk, "error.occurred", _error(kind, payload)))
    return Frame(sequence, tuple(texts))


def _data(session_pk: UUID, kind: str, record: Mapping[str, Any], beside: Mapping[str, Any]) -> Any:
    payload = record["payload"]
    if kind == "note.deleted":
        return {"id": payload["note_id"]}
    if kind.startswith("stt.task."):
        words = beside.get(payload["words_sha256"], [])
        return speech_shape(payload, words, typeid(LabSession.id_prefix, session_pk))
    if kind not in NOTE_KINDS:
        return payload
    return {
        "id": payload["note_id"],
        "session_id": typeid(LabSession.id_prefix, session_pk),
        "timestamp": payload["timestamp"],
        "speaker": payload["speaker"] or None,
        "content": payload["content"],
        "type": payload["type"],
        "tags": payload["tags"],
        "telemetry_snapshot": payload["telemetry_snapshot"],
        "created_at": beside.get(payload["note_id"], record["occurred_at"]),
        "updated_at": record["occurred_at"],
        "version": payload["version"],
        "late_entry": payload["late_entry"],
    }


def _chunk(payload: Mapping[str, Any], beside: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was said in a recording, for those who follow the speech alone."""
    names = ("task_id", "audio_chunk_id", "transcript", "confidence", "duration_seconds")
    return {**{name: payload[name] for name in names}, "words": beside.get(payload["words_sha256"], [])}


def _words(events: list[tuple[int, str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the words of recordings, by the digest under which the events seal them."""
    spoken = {record["payload"]["task_id"] for _, _, record in events if record["payload"].get("words_sha256")}
    keys = [key for key in (parse_id(text, Transcript.id_prefix) for text in spoken) if key is not None]
    return {task.words_sha256: task.words for task in Transcript.objects.filter(pk__in=keys)} if keys else {}


def _note_times(events: list[tuple[int, str, Any]]) -> dict[str, str]:
    """Return when each note that was changed had been written, by its id."""
    changed = {record["payload"]["note_id"] for _, kind, record in events if kind in NOTE_KINDS - {"note.created"}}
    keys = [key for key in (parse_id(text, Note.id_prefix) for text in changed) if key is not None]
    if not keys:
        return {}
    times = Note.objects.filter(pk__in=keys).values_list("pk", "created_at")
    return {typeid(Note.id_prefix, pk): iso(created_at) for pk, created_at in times}


def _error(kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return {message, source, task_id?} of something that failed; clients know speech as ``stt``."""
    message = payload.get("error") or payload.get("message") or tell(kind, payload)
    error = {"message": str(message), "source": kind.partition(".")[0]}
    task_id = payload.get("task_id") or payload.get("export_id") or payload.get("id")
    return {**error, "task_id": task_id} if task_id else error
