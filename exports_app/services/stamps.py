"""Have packed archives stamped by a time-stamping authority, where the operator names one; packing never waits for it.

The row is the job: a sweep makes one for each ready archive that has none and rings until the authority has answered.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from biolab.kernel.errors import Missing
from biolab.kernel.leases import LEASE, Clock, kept_lease, pause_after
from exports_app.archive.layout import root_name
from exports_app.authority import MEDIA_TYPE, Stamp, StampRefused, ask_authority, read_certificates
from exports_app.facts import ArtifactStamped
from exports_app.models import ArchiveStamp, NarrativeExport
from exports_app.services.artifacts import OpenArtifact
from exports_app.services.notices import tell_administrators
from exports_app.states import ArtifactStatus
from sessions_app import timeline
from sessions_app.models import LabSession

__all__ = ["MEDIA_TYPE", "STAMP", "due_stamps", "open_stamp", "stamp_archive"]

log = structlog.get_logger(__name__)

STAMP: Final = "stamp_narrative_artifact"
RING_AGAIN: Final = timedelta(seconds=60)
AT_ONCE: Final = 100
TOLD_AFTER: Final = 5
LONGEST_PAUSE_AT: Final = 10
"""From this attempt on the pauses grow no longer: an authority that is away for a week is asked every ten minutes."""


def due_stamps(*, at: datetime) -> list[uuid.UUID]:
    """Wish for a stamp of every ready archive that has none, and return the jobs to ring for now."""
    if not settings.TIMESTAMP_URL:
        return []
    known = ArchiveStamp.objects.filter(export=OuterRef("pk"), checksum=OuterRef("artifact_checksum"))
    ready = NarrativeExport.objects.filter(~Exists(known), artifact_status=ArtifactStatus.READY)
    wishes = [
        ArchiveStamp(export_id=pk, checksum=checksum, created_at=at)
        for pk, checksum in ready.order_by("packaged_at").values_list("pk", "artifact_checksum")[:AT_ONCE]
    ]
    ArchiveStamp.objects.bulk_create(wishes, ignore_conflicts=True)
    quiet = Q(rung_at__isnull=True) | Q(rung_at__lte=at - RING_AGAIN)
    due = list(
        ArchiveStamp.objects.due(at).filter(quiet).order_by("created_at", "id").values_list("pk", flat=True)[:AT_ONCE]
    )
    ArchiveStamp.objects.filter(pk__in=due).update(rung_at=at)
    return due


def stamp_archive(*, stamp_id: uuid.UUID, clock: Clock) -> bool:
    """Ask the authority for the stamp, if it is due, and tell whether this call got it.

    Called twice, or for something that is not due, it does nothing. What goes wrong stands on the row, and is tried
    again later.
    """
    at, lease = clock(), uuid.uuid4()
    stamp = ArchiveStamp.objects.due(at).filter(pk=stamp_id).first()
    if stamp is None or not settings.TIMESTAMP_URL:
        return False
    mine = ArchiveStamp.objects.filter(pk=stamp.pk, lease=lease)
    taken = ArchiveStamp.objects.free(at).filter(pk=stamp.pk)
    if not taken.update(lease=lease, lease_until=at + LEASE, attempts=F("attempts") + 1, next_retry_at=None):
        return False
    try:
        with kept_lease(mine, clock):
            trusted = read_certificates(settings.TIMESTAMP_CERTIFICATES)
            answered = ask_authority(settings.TIMESTAMP_URL, stamp.checksum, trusted=trusted)
    except StampRefused as refusal:
        log.warning("there is no time stamp", export_id=str(stamp.export_id), why=str(refusal))
        _note_failure(stamp, lease, str(refusal), at=clock())
        return False
    return _keep(stamp, lease, answered, at=clock())


def open_stamp(*, export: NarrativeExport) -> OpenArtifact:
    """Return the authority's answer about the archive as it was packed last.

    Raises:
        Missing: there is none.
    """
    stamp = export.stamp
    if stamp is None or stamp.answer is None:
        raise Missing(f"The archive of version {export.version} has no time stamp.", code="timestamp_missing")
    answer = bytes(stamp.answer)
    filename = f"{root_name(export.session.public_id, export.version)}.tsr"
    return OpenArtifact(io.BytesIO(answer), len(answer), hashlib.sha256(answer).hexdigest(), filename)


def _keep(stamp: ArchiveStamp, lease: uuid.UUID, answered: Stamp, *, at: datetime) -> bool:
    with transaction.atomic():
        export = NarrativeExport.objects.get(pk=stamp.export_id)
        session = LabSession.objects.hold(export.session_id)
        kept = ArchiveStamp.objects.filter(pk=stamp.pk, lease=lease).update(
            lease=None,
            lease_until=None,
            stamped_at=answered.at,
            authority=answered.authority,
            authority_checked=answered.authority_checked,
            serial_number=answered.serial_number,
            answer=answered.answer,
            received_at=at,
            error="",
        )
        if not kept:
            return False
        fact = ArtifactStamped(
            export_id=export.public_id,
            version=export.version,
            checksum=stamp.checksum,
            stamped_at=answered.at,
            authority=answered.authority,
        )
        timeline.record(session, fact, by=None, at=at)
        return True


def _note_failure(stamp: ArchiveStamp, lease: uuid.UUID, error: str, *, at: datetime) -> None:
    attempt = stamp.attempts + 1
    pause = pause_after(min(attempt, LONGEST_PAUSE_AT))
    with transaction.atomic():
        noted = ArchiveStamp.objects.filter(pk=stamp.pk, lease=lease).update(
            lease=None, lease_until=None, next_retry_at=at + pause, error=error[:500]
        )
        if noted and attempt == TOLD_AFTER:
            export = NarrativeExport.objects.select_related("session").get(pk=stamp.export_id)
            tell_administrators(export, f"There is no time stamp after {attempt} attempts: {error}", at=at)
