"""Pack approved exports. The row is the job: a lease says who is at work, and only its holder may publish.

A worker that dies leaves a lease that runs out, and the sweep rings for another. A worker that was only slow finds at
publishing that its lease is gone, removes what it made and goes.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from biolab.accounts.models import User
from biolab.kernel import realtime
from biolab.kernel.errors import Conflict, Forbidden, Refusal
from biolab.kernel.ids import typeid
from biolab.kernel.leases import LEASE, Clock, LeaseLost, kept_lease, pause_after
from exports_app import storage
from exports_app.archive.contents import ArchiveResult
from exports_app.archive.layout import root_name
from exports_app.archive.plan import FrozenDiffers
from exports_app.archive.write import write_archive
from exports_app.errors import IntegrityFailed
from exports_app.facts import PackagingFailed, PackagingReady, PackagingRetrying, PackagingStarted
from exports_app.models import NarrativeExport
from exports_app.services.contents import archive_contents
from exports_app.services.gate import release
from exports_app.services.notices import tell_administrators
from exports_app.states import ARTIFACT_MACHINE, CLAIM, GIVE_UP, PUBLISH, REQUEUE, RETRY, ArtifactStatus
from sessions_app import timeline
from sessions_app.models import LabSession

log = structlog.get_logger(__name__)

PROGRESS: Final = "narrative_export.packaging.progress"  # a frame of the socket, no event of the timeline
DIED: Final = "The worker stopped in the middle of the last attempt."


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt: which export, under which lease, and where its archive will lie."""

    export_id: uuid.UUID
    lease: uuid.UUID
    file: uuid.UUID
    attempt: int
    name: str


def pack_export(*, export_id: uuid.UUID, clock: Clock) -> bool:
    """Pack the export if it is due and tell whether this call published its archive.

    Called twice, or for something that is not due, it does nothing. What goes wrong is written on the row and the
    timeline, and tried again later, or given up.
    """
    job = claim_export(export_id=export_id, at=clock())
    if job is None:
        return False
    try:
        with kept_lease(_mine(job), clock), storage.workbench() as folder:
            export = NarrativeExport.objects.select_related(
                "session__protocol_version", "approval__snapshot", "requested_by", "final_checkpoint"
            ).get(pk=job.export_id)
            path = folder / "archive"
            with path.open("wb") as out:
                contents = archive_contents(export, folder=folder)
                result = write_archive(out, contents, _reporter(export, job))
            storage.put(path, job.name)
            publish(job=job, result=result, at=clock())
    except LeaseLost:
        with contextlib.suppress(Refusal):  # the sweep removes what cannot be removed now
            storage.remove(job.name)
        log.info("packing was called off", export_id=str(export_id), attempt=job.attempt)
        return False
    except Exception as error:
        log.exception("packing failed", export_id=str(export_id), attempt=job.attempt)
        note_failure(job=job, error=error, at=clock())
        return False
    _tidy(export, keep=job.name)
    return True


def claim_export(*, export_id: uuid.UUID, at: datetime) -> Job | None:
    """Take the job, if it is due, and return the attempt; None when there is nothing to do."""
    found = NarrativeExport.objects.filter(pk=export_id).values_list("session_id", flat=True).first()
    if found is None:
        return None
    with transaction.atomic():
        session = LabSession.objects.hold(found)
        export = NarrativeExport.objects.due(at).select_related("session").filter(pk=export_id).first()
        if export is None:
            return None
        if export.tries >= settings.PACKAGING_ATTEMPTS:
            _give_up(session, export, DIED, at=at)
            return None
        ARTIFACT_MACHINE.make(CLAIM, export)
        export.attempts += 1
        export.tries += 1
        export.lease, export.lease_until = uuid.uuid4(), at + LEASE
        export.artifact_file = uuid.uuid4()
        export.progress, export.next_retry_at, export.updated_at = 0.0, None, at
        export.save()
        fact = PackagingStarted(export_id=export.public_id, version=export.version, attempt=export.attempts)
        timeline.record(session, fact, by=None, at=at)
        name = storage.artifact_name(
            execution_id=session.public_id,
            version=export.version,
            file_id=typeid(NarrativeExport.FILE_PREFIX, export.artifact_file),
            filename=f"{root_name(session.public_id, export.version)}.eln",
        )
        return Job(export.pk, export.lease, export.artifact_file, export.attempts, name)


def publish(*, job: Job, result: ArchiveResult, at: datetime) -> NarrativeExport:
    """Make the stored archive the export's own and return the export.

    Raises:
        LeaseLost: the job is no longer this worker's.
    """
    with transaction.atomic():
        session, export = _held(job)
        ARTIFACT_MACHINE.make(PUBLISH, export)
        export.lease = export.lease_until = None
        export.artifact_file, export.artifact_name = job.file, job.name
        export.artifact_checksum, export.artifact_size = result.sha256, result.size
        export.artifact_manifest_digest = result.manifest_digest
        export.artifact_error, export.progress, export.queued_at = "", 1.0, None
        export.packaged_at = export.updated_at = at
        export.retention_expires_at = at + timedelta(days=settings.ARTIFACT_RETENTION_DAYS)
        export.save()
        fact = PackagingReady(
            export_id=export.public_id,
            version=export.version,
            artifact_file_id=typeid(NarrativeExport.FILE_PREFIX, job.file),
            checksum=result.sha256,
            attempt=job.attempt,
        )
        timeline.record(session, fact, by=None, at=at)
        return export


def note_failure(*, job: Job, error: Exception, at: datetime) -> None:
    """Write down that an attempt failed: tried again later, or given up where another try cannot help."""
    hopeless = isinstance(error, FrozenDiffers | IntegrityFailed)
    told = str(error) if isinstance(error, Refusal | FrozenDiffers) else f"{type(error).__name__} while packing."
    try:
        with transaction.atomic():
            session, export = _held(job)
            if hopeless or export.tries >= settings.PACKAGING_ATTEMPTS:
                _give_up(session, export, told, at=at)
                return
            ARTIFACT_MACHINE.make(RETRY, export)
            export.lease = export.lease_until = None
            export.next_retry_at = at + pause_after(export.tries)
            export.artifact_error, export.updated_at = told[:500], at
            export.save()
            fact = PackagingRetrying(export_id=export.public_id, version=export.version, attempt=job.attempt)
            timeline.record(session, fact, by=None, at=at)
    except LeaseLost:
        log.info("a failed attempt had lost its lease", export_id=str(job.export_id), attempt=job.attempt)


def requeue_export(*, export: NarrativeExport, by: User, at: datetime) -> NarrativeExport:
    """Queue an export that failed for good once more, with a full set of tries.

    Raises:
        Forbidden: the person is no administrator.
        MoveRefused: it has not failed.
        Conflict: its approval does not stand, or the guardrails hold it.
    """
    if not by.is_admin:
        raise Forbidden("Only administrators queue a failed export again.", code="administrators_only")
    with transaction.atomic():
        session = LabSession.objects.hold(export.session_id)
        export = NarrativeExport.objects.select_related("approval", "session").get(pk=export.pk)
        ARTIFACT_MACHINE.make(REQUEUE, export)
        if not NarrativeExport.objects.released().filter(pk=export.pk).exists():
            raise Conflict("This export is not approved.", code="not_approved")
        if not NarrativeExport.objects.unheld().filter(pk=export.pk).exists():
            raise Conflict("The guardrails hold this session's packaging.", code="guardrail_blocked")
        release(session, export, at=at, by=by)
        return export


def _mine(job: Job) -> QuerySet[NarrativeExport]:
    return NarrativeExport.objects.filter(pk=job.export_id, lease=job.lease)


def _held(job: Job) -> tuple[LabSession, NarrativeExport]:
    session_id = NarrativeExport.objects.values_list("session_id", flat=True).get(pk=job.export_id)
    session = LabSession.objects.hold(session_id)
    export = NarrativeExport.objects.select_related("session").get(pk=job.export_id)
    if export.lease != job.lease or export.artifact_status != ArtifactStatus.PROCESSING:
        raise LeaseLost
    return session, export


def _give_up(session: LabSession, export: NarrativeExport, error: str, *, at: datetime) -> None:
    ARTIFACT_MACHINE.make(GIVE_UP, export)
    export.lease = export.lease_until = export.next_retry_at = None
    export.artifact_error, export.failed_at, export.updated_at = error[:500], at, at
    export.save()
    fact = PackagingFailed(
        export_id=export.public_id, version=export.version, attempt=export.attempts, error=export.artifact_error
    )
    timeline.record(session, fact, by=None, at=at)
    tell_administrators(export, f"Packing was given up after {export.attempts} attempts: {error}", at=at)


def _reporter(export: NarrativeExport, job: Job) -> Callable[[float], None]:
    """Return what takes the share done: onto the row, and to whoever watches the session."""

    def report(share: float) -> None:
        if not _mine(job).update(progress=round(share, 3)):
            raise LeaseLost
        told = {"export_id": export.public_id, "version": export.version, "progress": round(share, 3)}
        realtime.ring(export.session.topic, share={"event": PROGRESS, "data": told})

    return report


def _tidy(export: NarrativeExport, *, keep: str) -> None:
    """Remove what earlier attempts at this version left in the store; what cannot be removed now, the sweep will."""
    if LabSession.objects.filter(pk=export.session_id, legal_hold=True).exists():
        return
    try:
        earlier = [name for name in storage.names_under(keep.rpartition("/")[0]) if name != keep]
        if not NarrativeExport.objects.filter(pk=export.pk, artifact_name=keep).exists():
            return  # taken back meanwhile: what was listed may be the archive that came after
        for name in earlier:
            storage.remove(name)
    except Refusal:
        log.warning("left-overs of earlier attempts stay for the sweep", export_id=export.public_id)
