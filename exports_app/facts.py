"""What happens to exports, in the words of the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from biolab.kernel.facts import Fact

SUBJECT = "narrative_export"
SUBJECT_KEY = "export_id"


@dataclass(frozen=True, kw_only=True)
class ExportCreated(Fact):
    """A session was frozen as a dossier with its evidence."""

    kind: ClassVar[str] = "narrative_export.created"
    sentence: ClassVar[str] = "Version {version} of the narrative was frozen over {event_count} events."
    format: str
    generated_at: datetime
    event_count: int
    export_id: str
    version: int
    approval_status: str
    attachments: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class GateFact(Fact):
    """What packaging waits for has changed."""

    export_id: str
    state: str
    context: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PackagingQueued(GateFact):
    """Every signature is there: the archive may be packed."""

    kind: ClassVar[str] = "narrative_export.packaging.queued"
    sentence: ClassVar[str] = "The archive is queued for packing."


@dataclass(frozen=True, kw_only=True)
class PackagingAwaitsApproval(GateFact):
    """Signatures are missing."""

    kind: ClassVar[str] = "narrative_export.packaging.awaiting_approval"
    sentence: ClassVar[str] = "Packing waits for approval."


@dataclass(frozen=True, kw_only=True)
class PackagingHeld(GateFact):
    """The session's newest guardrail simulation is blocked."""

    kind: ClassVar[str] = "narrative_export.packaging.guardrail_blocked"
    sentence: ClassVar[str] = "Packing is held: the latest guardrail simulation is blocked."


@dataclass(frozen=True, kw_only=True)
class PackagingAttempt(Fact):
    """Common shape of one attempt's events."""

    export_id: str
    version: int
    attempt: int


@dataclass(frozen=True, kw_only=True)
class PackagingStarted(PackagingAttempt):
    kind: ClassVar[str] = "narrative_export.packaging.started"
    sentence: ClassVar[str] = "Packing of version {version} started (attempt {attempt})."


@dataclass(frozen=True, kw_only=True)
class PackagingRetrying(PackagingAttempt):
    """An attempt failed and another one is due later."""

    kind: ClassVar[str] = "narrative_export.packaging.retrying"
    sentence: ClassVar[str] = "Packing of version {version} did not succeed at attempt {attempt}; it is tried again."


@dataclass(frozen=True, kw_only=True)
class PackagingReady(Fact):
    kind: ClassVar[str] = "narrative_export.packaging.ready"
    sentence: ClassVar[str] = "The archive of version {version} is ready (attempt {attempt})."
    export_id: str
    version: int
    artifact_file_id: str
    checksum: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class PackagingFailed(PackagingAttempt):
    """The last attempt failed; a person has to look."""

    kind: ClassVar[str] = "narrative_export.packaging.failed"
    sentence: ClassVar[str] = "Packing of version {version} failed for good at attempt {attempt}: {error}"
    error: str


@dataclass(frozen=True, kw_only=True)
class ArtifactRetired(Fact):
    """An archive that was released may not leave the house any more: its approval was taken back."""

    kind: ClassVar[str] = "narrative_export.packaging.retired"
    sentence: ClassVar[str] = "The archive of version {version} was retired."
    export_id: str
    version: int
    checksum: str


@dataclass(frozen=True, kw_only=True)
class ArtifactExpired(Fact):
    kind: ClassVar[str] = "narrative_export.packaging.expired"
    sentence: ClassVar[str] = "The archive of version {version} expired; it was kept until {retention_expires_at}."
    export_id: str
    version: int
    retention_expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class ArtifactDownloaded(Fact):
    kind: ClassVar[str] = "narrative_export.packaging.downloaded"
    sentence: ClassVar[str] = "The archive of version {version} was downloaded."
    export_id: str
    version: int
    actor_id: str | None


@dataclass(frozen=True, kw_only=True)
class ArtifactStamped(Fact):
    """An authority outside the house has said that the archive was there at a time."""

    kind: ClassVar[str] = "narrative_export.packaging.timestamped"
    sentence: ClassVar[str] = "The archive of version {version} was stamped by {authority} at {stamped_at}."
    export_id: str
    version: int
    checksum: str
    stamped_at: datetime
    authority: str


@dataclass(frozen=True, kw_only=True)
class ArtifactSpoilt(Fact):
    """What storage returned is not what was packed."""

    kind: ClassVar[str] = "narrative_export.packaging.integrity_failed"
    sentence: ClassVar[str] = "The stored archive of version {version} is not the one that was packed."
    export_id: str
    version: int
    expected_checksum: str
    observed_checksum: str
