"""Recordings: sounds that need no engine, and tasks in any state."""

from __future__ import annotations

import io
import wave
from typing import Any

from biolab.accounts.models import User
from sessions_app.models import LabSession, Transcript
from sessions_app.services.recordings import keep_recording, register_recording
from sessions_app.services.transcripts import report_speech
from tests.factories.sessions import NINE

WORDS = [
    {"word": "Foam", "start": 0.1, "end": 0.5, "confidence": 0.9},
    {"word": "rises.", "start": 0.5, "end": 0.9, "confidence": 0.7},
]


def silence(seconds: float = 0.1) -> bytes:
    """Return a WAV file in which nothing is said."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(b"\x00\x00" * int(16_000 * seconds))
    return file.getvalue()


def make_recording(session: LabSession, *, by: User, name: str = "chunk_001", **wish: Any) -> Transcript:
    """Return a recording that was handed in and waits."""
    return keep_recording(session=session, pieces=[silence()], audio_chunk_id=name, by=by, at=NINE, **wish)


def make_task(
    session: LabSession, *, by: User, name: str = "chunk_001", status: str = "pending", **said: Any
) -> Transcript:
    """Return a task of a module outside, in any status; it says that foam rises, unless ``said`` tells otherwise."""
    task = register_recording(session=session, audio_chunk_id=name, by=by, at=NINE, duration_seconds=8.4)
    if status == "pending":
        return task
    usual: dict[str, dict[str, Any]] = {
        "processing": {},
        "done": {"transcript": "Foam rises.", "words": WORDS},
        "failed": {"error": "The microphone was off."},
    }
    return report_speech(task=task, status=status, by=by, at=NINE, **{**usual[status], **said})
