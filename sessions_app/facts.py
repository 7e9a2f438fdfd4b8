"""What happens at the bench."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from biolab.kernel.facts import Fact


@dataclass(frozen=True, kw_only=True)
class SessionCreated(Fact):
    """A session exists, planned or already running."""

    kind: ClassVar[str] = "session.created"
    sentence: ClassVar[str] = "Session “{title}” was created."
    title: str
    status: str
    template_id: str | None
    protocol_version: int | None
    parameters: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SessionMoved(Fact):
    """Common shape of the moves of a session."""

    from_status: str
    to_status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SessionStarted(SessionMoved):
    kind: ClassVar[str] = "session.started"
    sentence: ClassVar[str] = "The session started."


@dataclass(frozen=True, kw_only=True)
class SessionPaused(SessionMoved):
    kind: ClassVar[str] = "session.paused"
    sentence: ClassVar[str] = "The session was paused. {reason}"


@dataclass(frozen=True, kw_only=True)
class SessionResumed(SessionMoved):
    kind: ClassVar[str] = "session.resumed"
    sentence: ClassVar[str] = "The session was resumed. {reason}"


@dataclass(frozen=True, kw_only=True)
class SessionCompleted(SessionMoved):
    kind: ClassVar[str] = "session.completed"
    sentence: ClassVar[str] = "The session was completed. {reason}"


@dataclass(frozen=True, kw_only=True)
class SessionAborted(SessionMoved):
    kind: ClassVar[str] = "session.aborted"
    sentence: ClassVar[str] = "The session was aborted. {reason}"


@dataclass(frozen=True, kw_only=True)
class SessionChanged(Fact):
    """Name or description changed; both sides are kept."""

    kind: ClassVar[str] = "session.changed"
    sentence: ClassVar[str] = "The session's description was changed. {reason}"
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str


@dataclass(frozen=True, kw_only=True)
class StepMoved(Fact):
    kind: ClassVar[str] = "step.transition"
    sentence: ClassVar[str] = "Step “{instruction}”: {from_status} → {to_status}."
    step_index: int
    instruction: str
    from_status: str
    to_status: str
    auto: bool
    reason: str
    started_at: datetime | None
    completed_at: datetime | None
    values: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class NoteWritten(Fact):
    """A note; its text stands on the timeline, so that the chain covers it."""

    kind: ClassVar[str] = "note.created"
    sentence: ClassVar[str] = "{speaker} noted: {content}"
    note_id: str
    timestamp: datetime
    speaker: str
    content: str
    type: str
    tags: list[str]
    telemetry_snapshot: dict[str, Any]
    version: int
    late_entry: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class NoteCorrected(NoteWritten):
    kind: ClassVar[str] = "note.updated"
    sentence: ClassVar[str] = "A note was corrected to version {version}: {content}"


@dataclass(frozen=True, kw_only=True)
class NoteAppended(NoteWritten):
    kind: ClassVar[str] = "note.appended"
    sentence: ClassVar[str] = "A note grew to version {version}: {content}"


@dataclass(frozen=True, kw_only=True)
class NoteWithdrawn(Fact):
    kind: ClassVar[str] = "note.deleted"
    sentence: ClassVar[str] = "A note was withdrawn. {reason}"
    note_id: str
    version: int
    reason: str
