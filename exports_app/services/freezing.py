"""Freeze a session into files: its dossier, its facts, its evidence, its originals, its readings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from biolab.kernel.canonical import canonical
from biolab.kernel.ids import new_uuid
from biolab.kernel.times import iso
from exports_app import storage
from exports_app.archive.readings import write_parquet
from exports_app.archive.sign import subject_digest, telemetry_digest
from exports_app.models import FrozenObject
from exports_app.narrative.bundle import DossierBundle, EvidenceFacts, OriginalFacts
from exports_app.narrative.dossier import render
from exports_app.services.evidence import EvidenceAsked, EvidenceFound, find_evidence
from exports_app.services.gathering import EventTexts, deviations_of, note_facts, session_facts, step_facts
from exports_app.services.originals import OriginalFound, find_originals, require_unchanged
from exports_app.services.readings import ReadingsTold, tell_readings
from exports_app.storage import Measured, frozen_name
from governance_app.models import TemplateSnapshot
from sessions_app.models import LabSession


@dataclass(frozen=True)
class Frozen:
    """A session as it stood at event ``head``, in files, with everything a signature will be bound to."""

    head: int
    content: Measured
    facts: Measured
    readings: Measured | None
    told: ReadingsTold
    evidence: tuple[tuple[EvidenceFound, Measured], ...]
    originals: tuple[tuple[OriginalFound, Measured], ...]
    digest: str

    def files(self) -> Iterator[Measured]:
        yield from (self.content, self.facts)
        if self.readings is not None:
            yield self.readings
        yield from (file for _, file in self.evidence)
        yield from (file for _, file in self.originals)


def freeze(
    session: LabSession,
    snapshot: TemplateSnapshot | None,
    *,
    attachments: Sequence[EvidenceAsked],
    remarks: str,
    folder: Path,
    at: datetime,
) -> Frozen:
    """Write the session as it stands into files; reads only.

    Raises:
        Missing, EvidenceRefused: an attachment is not there, or is another kind of thing.
        IntegrityFailed: readings or originals are not what was sealed or received.
        StorageUnreachable: the store does not give what is to be frozen.
    """
    head = session.head_sequence
    evidence = tuple(
        (found, storage.measure(found.pieces(), folder=folder, media_type=found.media_type))
        for found in find_evidence(session, attachments, last=head)
    )
    originals = tuple(_originals(session, folder=folder))
    parquet = folder / f"{new_uuid().hex}.parquet"
    told = tell_readings(session, last=head, keep=lambda runs: write_parquet(parquet, runs))
    readings = storage.measured(parquet, media_type="application/vnd.apache.parquet") if parquet.exists() else None
    steps, notes = step_facts(session, at=at), note_facts(session)
    bundle = DossierBundle(
        session=session_facts(session),
        generated_at=iso(at),
        total_events=head,
        events=EventTexts(session, head),
        steps=steps,
        notes=notes,
        channels=told.channels,
        deviations=deviations_of(session, steps=steps, notes=notes, channels=told.channels, last=head),
        evidence=tuple(
            EvidenceFacts(
                evidence_type=found.evidence_type,
                reference_id=found.reference_id,
                label=found.label,
                digest=file.sha256,
                size=file.size,
                media_type=file.media_type,
            )
            for found, file in evidence
        ),
        originals=tuple(
            OriginalFacts(found.folder, found.filename, file.sha256, file.size) for found, file in originals
        ),
        remarks=remarks,
    )
    pieces = (piece.encode() for piece in render(bundle))
    content = storage.measure(pieces, folder=folder, media_type="text/markdown")
    kept = canonical(dataclasses.replace(bundle, events=()).as_json())
    return Frozen(
        head=head,
        content=content,
        facts=storage.measure([kept], folder=folder, media_type="application/json"),
        readings=readings,
        told=told,
        evidence=evidence,
        originals=originals,
        digest=subject_digest(
            content_digest=content.sha256,
            attachments=[(found.evidence_type, found.reference_id, file.sha256) for found, file in evidence],
            snapshot_digest=snapshot.digest if snapshot is not None else "",
            telemetry_digest=telemetry_digest(told.seals),
        ),
    )


def _originals(session: LabSession, *, folder: Path) -> Iterator[tuple[OriginalFound, Measured]]:
    for found in find_originals(session):
        file = storage.measure(found.pieces(), folder=folder, media_type=found.media_type)
        require_unchanged(found, file.sha256)
        yield found, file


def store(frozen: Frozen) -> None:
    """Put every file under its digest; one that a row names already is there."""
    files = {file.sha256: file for file in frozen.files()}
    known = set(FrozenObject.objects.filter(pk__in=files).values_list("pk", flat=True))
    for sha256, file in files.items():
        if sha256 not in known:
            storage.put(file.path, frozen_name(file))


def name_objects(frozen: Frozen, *, at: datetime) -> dict[str, FrozenObject]:
    """Return the rows of all frozen bytes by digest, written where they are new."""
    rows = {
        file.sha256: FrozenObject(
            sha256=file.sha256, size=file.size, media_type=file.media_type, name=frozen_name(file), created_at=at
        )
        for file in frozen.files()
    }
    FrozenObject.objects.bulk_create(rows.values(), ignore_conflicts=True)
    return FrozenObject.objects.in_bulk(rows)
