"""The notes of a session as a file: Markdown for people, JSON for programs. Both are written note by note."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from biolab.kernel.api import dump
from biolab.kernel.times import iso
from sessions_app.markdown import escaped, one_line
from sessions_app.models import LabSession, Note, Transcript


def as_markdown(session: LabSession, notes: Iterable[Note], *, status: str) -> Iterator[bytes]:
    """Yield the Markdown document in pieces; times are UTC."""
    started = iso(session.started_at) if session.started_at else "not yet"
    yield (
        f"# {one_line(session.name)}\n\n"
        f"**Session ID:** {session.public_id}  \n**Started:** {started}  \n**Status:** {status}\n\n"
        "---\n\n## Notes\n"
    ).encode()
    for note in notes:
        yield _note(note).encode()


def speech_of(note: Note) -> dict[str, dict[str, Any]]:
    """Return, as ``speech``, the recording of a note that was spoken; nothing for a note that was written."""
    task: Transcript | None = getattr(note, "speech", None)
    if task is None:
        return {}
    told = {"task_id": task.public_id, "audio_chunk_id": task.audio_chunk_id, "sha256": task.sha256}
    return {"speech": {**told, "unverified": task.is_unverified}}


def _note(note: Note) -> str:
    lines = [
        f"### [{note.timestamp.astimezone(UTC):%H:%M:%S}] {one_line(note.speaker) or 'Unknown'}",
        escaped(note.content),
    ]
    for speech in speech_of(note).values():
        if speech["unverified"]:
            lines.append("**Unverified speech: no person has confirmed this transcript.**")
        lines.append(
            f"*Recording {one_line(speech['audio_chunk_id'])}, SHA-256 {speech['sha256'] or 'kept elsewhere'}*"
        )
    if note.late_entry:
        lines.append(f"*Late entry, written {iso(note.created_at)}*")
    if note.telemetry_snapshot:
        values = (f"{one_line(str(name))}={_value(value)}" for name, value in sorted(note.telemetry_snapshot.items()))
        lines.append(f"**Telemetry:** {', '.join(values)}")
    if note.tags:
        lines.append(f"*Tags: {', '.join(one_line(tag) for tag in note.tags)}*")
    return "\n" + "\n\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return one_line(value)
    text = json.dumps(value, ensure_ascii=False)
    return one_line(text) if isinstance(value, dict | list) else text


def as_json(session: LabSession, notes: Iterable[dict[str, Any]], *, at: datetime) -> Iterator[bytes]:
    """Yield {session_id, session_name, exported_at, notes[]} in pieces."""
    head = dump({"session_id": session.public_id, "session_name": session.name, "exported_at": iso(at)})
    yield head[:-1] + b',"notes":['
    for index, note in enumerate(notes):
        yield (b"," if index else b"") + dump(note)
    yield b"]}"
