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
class CrewChanged(Fact):
    """Common shape of coming and going; the name is the printed one of that moment."""

    person_id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class CrewJoined(CrewChanged):
    kind: ClassVar[str] = "session.crew_joined"
    sentence: ClassVar[str] = "{name} joined the crew."


@dataclass(frozen=True, kw_only=True)
class CrewLeft(CrewChanged):
    kind: ClassVar[str] = "session.crew_left"
    sentence: ClassVar[str] = "{name} left the crew."


@dataclass(frozen=True, kw_only=True)
class SessionHidden(Fact):
    """The session is off the lists of controllers, which call that deleted; all of it stays."""

    kind: ClassVar[str] = "session.hidden"
    sentence: ClassVar[str] = "The session was taken off the controllers' lists. {reason}"
    reason: str


@dataclass(frozen=True, kw_only=True)
class SessionListed(Fact):
    """The session is on the lists of controllers again."""

    kind: ClassVar[str] = "session.listed"
    sentence: ClassVar[str] = "The session was put back on the controllers' lists. {reason}"
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
class RemediationExecuted(Fact):
    """Somebody tried to free a step; ``results`` holds {action, status, message}, refused ones included."""

    kind: ClassVar[str] = "remediation.execute"
    sentence: ClassVar[str] = "Remediation of step “{instruction}”: {summary}."
    step_index: int
    instruction: str
    actions: list[str]
    results: list[dict[str, str]]
    summary: str


@dataclass(frozen=True, kw_only=True)
class RemediationReported(Fact):
    """A remediation freed a step; ``blocked_reason`` is what had blocked it."""

    kind: ClassVar[str] = "remediation.report"
    sentence: ClassVar[str] = "Step “{instruction}” is free: {summary}. It had been blocked: {blocked_reason}"
    step_index: int
    instruction: str
    blocked_reason: str
    actions: list[str]
    results: list[dict[str, str]]
    summary: str


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


@dataclass(frozen=True, kw_only=True)
class EntryWritten(Fact):
    """A notebook entry of the session; its text stands in its versions, whose digest the chain covers."""

    kind: ClassVar[str] = "notebook.created"
    sentence: ClassVar[str] = "The notebook entry “{title}” was begun."
    entry_id: str
    title: str
    version: int
    digest: str
    late_entry: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class EntryChanged(EntryWritten):
    kind: ClassVar[str] = "notebook.updated"
    sentence: ClassVar[str] = "The notebook entry “{title}” was changed to version {version}. {reason}"


@dataclass(frozen=True, kw_only=True)
class EntryWithdrawn(EntryWritten):
    kind: ClassVar[str] = "notebook.deleted"
    sentence: ClassVar[str] = "The notebook entry “{title}” was withdrawn. {reason}"


@dataclass(frozen=True, kw_only=True)
class EntrySigned(Fact):
    """Somebody signed a version of an entry; ``digest`` is what they signed."""

    kind: ClassVar[str] = "notebook.signed"
    sentence: ClassVar[str] = "{printed_name} signed version {version} of the notebook entry “{title}”."
    entry_id: str
    title: str
    version: int
    digest: str
    signature_id: str
    printed_name: str
    signature: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class EntryWitnessed(EntrySigned):
    kind: ClassVar[str] = "notebook.witnessed"
    sentence: ClassVar[str] = "{printed_name} witnessed version {version} of the notebook entry “{title}”."


@dataclass(frozen=True, kw_only=True)
class EntryExportBlocked(Fact):
    """Somebody wanted an entry of the session on its own; it leaves with an approved export alone."""

    kind: ClassVar[str] = "notebook_export.guardrail_blocked"
    sentence: ClassVar[str] = "The notebook entry “{title}” was not given out on its own: it leaves through an export."
    entry_id: str
    title: str
    version: int


@dataclass(frozen=True, kw_only=True)
class FileUploaded(Fact):
    kind: ClassVar[str] = "file.uploaded"
    sentence: ClassVar[str] = "The file “{filename}” was added. {reason}"
    file_id: str
    filename: str
    file_type: str
    file_size: int
    sha256: str
    late_entry: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class LegalHoldSet(Fact):
    """Nothing of the session may be removed until further notice."""

    kind: ClassVar[str] = "session.legal_hold.set"
    sentence: ClassVar[str] = "The session was put under legal hold. {reason}"
    reason: str


@dataclass(frozen=True, kw_only=True)
class LegalHoldLifted(Fact):
    """Retention runs again."""

    kind: ClassVar[str] = "session.legal_hold.lifted"
    sentence: ClassVar[str] = "The legal hold was lifted. {reason}"
    reason: str
