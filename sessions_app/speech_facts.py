"""What happens to recordings of speech."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from biolab.kernel.facts import Fact


@dataclass(frozen=True, kw_only=True)
class SpeechTask(Fact):
    """Common shape of what happens to a recording: the whole task as it reads afterwards.

    ``confidence`` is 0 to 1 or None. The words with their times stand on the task's row; ``words_sha256`` seals them
    and is empty where there are none, as ``sha256`` is where the recording is kept elsewhere. Without a
    ``reviewed_by`` nobody has confirmed the transcript.
    """

    task_id: str
    audio_chunk_id: str
    duration_seconds: float | None
    status: str
    transcript: str | None
    error: str | None
    confidence: float | None
    words_sha256: str
    engine: str
    attempts: int
    media_type: str
    size: int
    sha256: str
    note_id: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class SpeechTaskCreated(SpeechTask):
    kind: ClassVar[str] = "stt.task.created"
    sentence: ClassVar[str] = "Recording {audio_chunk_id} waits for its transcript."


@dataclass(frozen=True, kw_only=True)
class SpeechTaskStarted(SpeechTask):
    kind: ClassVar[str] = "stt.task.started"
    sentence: ClassVar[str] = "Recording {audio_chunk_id} is being transcribed."


@dataclass(frozen=True, kw_only=True)
class SpeechTaskDone(SpeechTask):
    kind: ClassVar[str] = "stt.task.done"
    sentence: ClassVar[str] = "Recording {audio_chunk_id} was transcribed, unverified: {transcript}"


@dataclass(frozen=True, kw_only=True)
class SpeechTaskFailed(SpeechTask):
    kind: ClassVar[str] = "stt.task.failed"
    sentence: ClassVar[str] = "Recording {audio_chunk_id} could not be transcribed: {error}"


@dataclass(frozen=True, kw_only=True)
class SpeechTaskRetried(SpeechTask):
    kind: ClassVar[str] = "stt.task.retried"
    sentence: ClassVar[str] = "Recording {audio_chunk_id} waits for its transcript once more."


@dataclass(frozen=True, kw_only=True)
class SpeechTaskConfirmed(SpeechTask):
    kind: ClassVar[str] = "stt.task.confirmed"
    sentence: ClassVar[str] = "The transcript of recording {audio_chunk_id} was confirmed: {transcript}"
