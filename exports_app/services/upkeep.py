"""What the clock does for archives: finds jobs nobody works at, ends retention, re-checks and tidies the store."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Q

from biolab.kernel.ids import parse_id
from biolab.kernel.leases import Clock
from exports_app import storage
from exports_app.errors import IntegrityFailed, StorageUnreachable
from exports_app.facts import ArtifactExpired
from exports_app.models import DeckJob, FixityCheck, FrozenObject, NarrativeExport
from exports_app.services.artifacts import spoil
from exports_app.services.notices import tell_of_trouble
from exports_app.states import ARTIFACT_MACHINE, EXPIRE, ArtifactStatus
from sessions_app import timeline
from sessions_app.models import ImportedSession, LabFile, LabSession, Transcript
from telemetry_app.models import ImportJob

RING_AGAIN: Final = timedelta(seconds=30)
AT_ONCE: Final = 200
MOST_FINDINGS: Final = 1000
MOST_TOLD: Final = 20


def take_due(*, at: datetime) -> list[uuid.UUID]:
    """Return the exports to ring for now; each is rung for again only after a while."""
    quiet = Q(rung_at__isnull=True) | Q(rung_at__lte=at - RING_AGAIN)
    due = list(
        NarrativeExport.objects.due(at).filter(quiet).order_by("queued_at", "id").values_list("pk", flat=True)[:AT_ONCE]
    )
    NarrativeExport.objects.filter(pk__in=due).update(rung_at=at)
    return due


def expire_artifacts(*, at: datetime) -> int:
    """End the archives whose retention is over, remove their bytes and return how many; a legal hold stops it."""
    expired = 0
    for pk, session_id in NarrativeExport.objects.outlived(at).values_list("pk", "session_id")[:AT_ONCE]:
        with transaction.atomic():
            session = LabSession.objects.hold(session_id)
            export = NarrativeExport.objects.outlived(at).filter(pk=pk).first()
            if export is None or export.retention_expires_at is None:
                continue
            ARTIFACT_MACHINE.make(EXPIRE, export)
            transaction.on_commit(partial(storage.remove, export.artifact_name), robust=True)
            fact = ArtifactExpired(
                export_id=export.public_id, version=export.version, retention_expires_at=export.retention_expires_at
            )
            export.artifact_name, export.updated_at = "", at
            export.save()
            timeline.record(session, fact, by=None, at=at)
            expired += 1
    return expired


def sweep_orphans(*, at: datetime) -> int:
    """Remove stored objects older than a day that no row names, and return how many.

    Archives that were taken back stay as long as their session is under legal hold.
    """
    places = (storage.FROZEN, storage.ARTIFACTS, storage.INCOMING)
    return sum(storage.sweep_orphans(place, at=at, is_named=_is_named) for place in places)


def _is_named(name: str) -> bool:
    if name.startswith(f"{storage.FROZEN}/"):
        return FrozenObject.objects.filter(name=name).exists()
    if NarrativeExport.objects.filter(artifact_name=name).exists():
        return True
    pk = parse_id(name.split("/")[1], LabSession.id_prefix) if name.startswith(f"{storage.ARTIFACTS}/") else None
    return pk is not None and LabSession.objects.filter(pk=pk, legal_hold=True).exists()


@dataclass(frozen=True, slots=True)
class Finding:
    """One stored object and what is wrong with it; nothing where ``trouble`` is empty."""

    name: str
    expected: str
    trouble: str = ""


def verify_artifacts(*, at: datetime) -> Iterator[Finding]:
    """Re-hash everything that is stored; a changed archive of ours is taken out of circulation."""
    for export in NarrativeExport.objects.filter(artifact_status=ArtifactStatus.READY).order_by("id").iterator():
        finding, observed = _check(export.artifact_name, export.artifact_checksum)
        if observed:
            spoil(export, observed=observed, at=at)
        yield finding
    for model in (ImportedSession, LabFile, Transcript, ImportJob, DeckJob):
        stored = model._default_manager.exclude(stored_as="").order_by("pk")
        for name, sha256 in stored.values_list("stored_as", "sha256").iterator():
            yield _check(name, sha256)[0]
    for frozen in FrozenObject.objects.order_by("sha256").iterator():
        yield _check(frozen.name, frozen.sha256)[0]


def check_fixity(*, clock: Clock) -> FixityCheck:
    """Re-hash everything that is stored, write down what came of it, tell administrators of trouble, and return it."""
    begun, checked, wrong = clock(), 0, []
    for finding in verify_artifacts(at=begun):
        checked += 1
        if finding.trouble:
            wrong.append(finding)
    with transaction.atomic():
        told = FixityCheck.objects.create(
            started_at=begun,
            finished_at=clock(),
            objects_checked=checked,
            objects_wrong=len(wrong),
            findings=[asdict(finding) for finding in wrong[:MOST_FINDINGS]],
        )
        if wrong:
            tell_of_trouble(
                f"{len(wrong)} of {checked} stored objects are not as they were packed",
                "\n".join(f"{finding.name}: {finding.trouble}" for finding in wrong[:MOST_TOLD]),
                path=f"/admin/exports_app/fixitycheck/{told.pk}/change/",
                at=told.finished_at,
            )
    return told


def _check(name: str, sha256: str) -> tuple[Finding, str]:
    try:
        storage.fetch(name, sha256=sha256).close()
    except IntegrityFailed as refusal:
        observed = str(refusal.facts["observed"])
        return Finding(name, sha256, f"its SHA-256 is {observed}"), observed
    except StorageUnreachable:
        return Finding(name, sha256, "storage does not return it"), ""
    return Finding(name, sha256), ""
