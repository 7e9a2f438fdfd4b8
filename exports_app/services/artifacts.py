"""Give archives out: checked as a whole before the first byte, and only while they are released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import IO

from django.db import transaction

from biolab.accounts.models import User
from exports_app import storage
from exports_app.archive.layout import root_name
from exports_app.errors import ArtifactGone, ArtifactNotReady, IntegrityFailed
from exports_app.facts import ArtifactDownloaded, ArtifactSpoilt
from exports_app.models import FrozenObject, NarrativeExport
from exports_app.services.notices import tell_administrators
from exports_app.states import ARTIFACT_MACHINE, GONE, SPOIL, ArtifactStatus
from sessions_app import timeline
from sessions_app.models import LabSession


@dataclass(frozen=True)
class OpenArtifact:
    """An archive on its way out: a checked local copy, open at its start; the caller closes it."""

    file: IO[bytes]
    size: int
    checksum: str
    filename: str


def require_ready(export: NarrativeExport) -> None:
    """Refuse unless the export's archive may be given out.

    Raises:
        ArtifactGone: it expired or was retired.
        ArtifactNotReady: it is not packed.
    """
    if export.artifact_status in GONE:
        raise ArtifactGone(
            f"The archive of version {export.version} was {export.artifact_status} and is no longer given out.",
            artifact_status=export.artifact_status,
        )
    if export.artifact_status != ArtifactStatus.READY:
        raise ArtifactNotReady(
            f"The archive of version {export.version} is not ready: {export.get_artifact_status_display().lower()}.",
            artifact_status=export.artifact_status,
            packaging_queue_state=export.packaging_queue_state,
        )


def open_artifact(*, export: NarrativeExport, at: datetime) -> OpenArtifact:
    """Return the archive, checked against the digest under which it was published.

    Raises:
        ArtifactGone, ArtifactNotReady: see ``require_ready``.
        StorageUnreachable: the store does not answer, or has lost it.
        IntegrityFailed: the bytes were changed; the archive is marked, the event written, administrators told.
    """
    require_ready(export)
    try:
        file = storage.fetch(export.artifact_name, sha256=export.artifact_checksum)
    except IntegrityFailed as refusal:
        spoil(export, observed=refusal.facts["observed"], at=at)
        raise
    filename = f"{root_name(export.session.public_id, export.version)}.eln"
    return OpenArtifact(file, export.artifact_size or 0, export.artifact_checksum, filename)


def note_download(*, export: NarrativeExport, by: User | None, at: datetime) -> None:
    """Write down that the archive goes out; the last moment at which it can be refused.

    Raises:
        ArtifactGone, ArtifactNotReady: it was retired or replaced while it was being checked.
    """
    with transaction.atomic():
        session = LabSession.objects.hold(export.session_id)
        now = NarrativeExport.objects.get(pk=export.pk)
        require_ready(now)
        if now.artifact_checksum != export.artifact_checksum:
            raise ArtifactNotReady(
                "The archive was replaced a moment ago; ask again.", artifact_status=now.artifact_status
            )
        fact = ArtifactDownloaded(
            export_id=now.public_id, version=now.version, actor_id=by.public_id if by is not None else None
        )
        timeline.record(session, fact, by=by, at=at)


def spoil(export: NarrativeExport, *, observed: str, at: datetime) -> None:
    """Take an archive out of circulation whose stored bytes were changed."""
    with transaction.atomic():
        session = LabSession.objects.hold(export.session_id)
        now = NarrativeExport.objects.select_related("session").get(pk=export.pk)
        if now.artifact_status != ArtifactStatus.READY or now.artifact_name != export.artifact_name:
            return
        ARTIFACT_MACHINE.make(SPOIL, now)
        now.artifact_error = "The stored archive is not the one that was packed."
        now.failed_at = now.updated_at = at
        now.save()
        fact = ArtifactSpoilt(
            export_id=now.public_id,
            version=now.version,
            expected_checksum=now.artifact_checksum,
            observed_checksum=observed,
        )
        timeline.record(session, fact, by=None, at=at)
        tell_administrators(now, f"The stored archive has the SHA-256 {observed}, not {now.artifact_checksum}.", at=at)


def read_frozen(frozen: FrozenObject) -> bytes:
    """Return frozen bytes, checked.

    Raises:
        IntegrityFailed, StorageUnreachable: storage has other bytes, or does not answer.
    """
    with storage.fetch(frozen.name, sha256=frozen.sha256) as file:
        return file.read()
