"""Puts together what an archive holds, from the frozen objects and the chain: the same export, the same contents."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from biolab import __version__
from biolab.kernel import keys
from biolab.kernel.times import iso
from exports_app import storage
from exports_app.archive.contents import (
    ArchiveContents,
    Attachment,
    ChannelSeal,
    CheckpointRecord,
    LeftOut,
    Person,
    Publisher,
    SignatureRecord,
    Telemetry,
)
from exports_app.archive.readings import read_parquet
from exports_app.models import FrozenObject, NarrativeExport
from exports_app.narrative.bundle import DossierBundle
from exports_app.services.gathering import EventTexts
from exports_app.services.readings import stored_runs
from governance_app.models import Signature
from sessions_app.models import LabSession


def archive_contents(export: NarrativeExport, *, folder: Path) -> ArchiveContents:
    """Return everything the archive of an approved export holds; frozen bytes are fetched into ``folder``.

    Raises:
        IntegrityFailed: storage does not return what was frozen.
        StorageUnreachable: it does not answer.
        ValueError: the export is not approved.
    """
    session, checkpoint = export.session, export.final_checkpoint
    if checkpoint is None:
        raise ValueError("an export is packed when its ladder is approved, not before")
    fetched = partial(_fetched, folder=folder)
    facts = DossierBundle.from_json(orjson.loads(fetched(export.facts).read_bytes()))
    signatures = list(
        Signature.objects.filter(action__stage__request=export.approval)
        .select_related("action__stage", "signer")
        .order_by("chain_sequence", "signed_at", "action_id")
    )
    return ArchiveContents(
        execution_id=session.public_id,
        export_id=export.public_id,
        version=export.version,
        finalized_at=checkpoint.created_at,
        facts=facts,
        content=fetched(export.content),
        content_digest=export.content_id,
        content_length=export.content.size,
        events=partial(iter, EventTexts(session, checkpoint.sequence)),
        genesis=genesis_of(session),
        checkpoint=CheckpointRecord(canonical=checkpoint.canonical, signature=checkpoint.signature),
        keys={
            known["key_id"]: bytes.fromhex(known["public_key"])
            for known in keys.known_keys()
            if known["key_id"] in {checkpoint.key_id, *(signature.key_id for signature in signatures)}
        },
        signer=keys,
        publisher=Publisher(name=facts.session.team or "BioLab"),
        software_version=__version__,
        snapshot_digest=export.approval.snapshot_digest,
        export=_export_facts(export),
        attachments=tuple(_attachments(export, folder)),
        signatures=tuple(
            SignatureRecord(
                canonical=signature.canonical,
                signature=signature.seal,
                key_id=signature.key_id,
                standing=signature.action.round == signature.action.stage.round,
            )
            for signature in signatures
        ),
        telemetry=_telemetry(export, folder),
        people=_people(export, signatures),
        author_id=export.requested_by.public_id,
        left_out=(LeftOut("data/narrative.pdf", "this version renders no PDF"),),
    )


def genesis_of(session: LabSession) -> dict[str, str]:
    """Return the object behind the chain's first link."""
    protocol = session.protocol_version
    return {
        "session_id": session.public_id,
        "protocol_digest": protocol.digest if protocol is not None else "",
        "created_at": iso(session.created_at),
    }


def _fetched(frozen: FrozenObject, *, folder: Path) -> Path:
    """Return a checked local copy of the frozen bytes, fetched once."""
    path = folder / frozen.sha256
    if not path.exists():
        with storage.fetch(frozen.name, sha256=frozen.sha256) as source, path.open("wb") as copy:
            shutil.copyfileobj(source, copy, storage.CHUNK)
    return path


def _attachments(export: NarrativeExport, folder: Path) -> Iterator[Attachment]:
    for attachment in export.attachments.select_related("frozen").order_by("position"):
        yield Attachment(
            id=attachment.public_id,
            evidence_type=attachment.evidence_type,
            reference_id=attachment.reference_id,
            label=attachment.label,
            digest=attachment.frozen_id,
            source=_fetched(attachment.frozen, folder=folder),
            filename=attachment.filename,
            media_type=attachment.frozen.media_type,
            context=attachment.context,
            snapshot=attachment.snapshot,
        )


def _telemetry(export: NarrativeExport, folder: Path) -> Telemetry | None:
    channels = tuple(ChannelSeal(**channel) for channel in export.telemetry["channels"])
    if not channels:
        return None
    if export.readings is None:
        return Telemetry(channels=channels, runs=partial(stored_runs, export.session), sealed=True)
    path = _fetched(export.readings, folder=folder)
    return Telemetry(channels=channels, runs=partial(read_parquet, path), sealed=False)


def _export_facts(export: NarrativeExport) -> dict[str, Any]:
    snapshot = export.approval.snapshot
    return {
        "format": export.format,
        "generated_at": iso(export.generated_at),
        "event_count": export.event_count,
        "requested_by": export.requested_by.public_id,
        "notes": export.notes,
        "metadata": export.metadata,
        "workflow_template_snapshot_id": snapshot.public_id if snapshot is not None else None,
        "workflow_template_key": snapshot.key if snapshot is not None else None,
        "workflow_template_version": snapshot.version if snapshot is not None else None,
    }


def _people(export: NarrativeExport, signatures: list[Signature]) -> tuple[Person, ...]:
    asker = export.requested_by
    people = {asker.public_id: Person(asker.public_id, asker.printed_name, asker.email)}
    for signature in signatures:
        signer = signature.signer
        people[signer.public_id] = Person(signer.public_id, signature.printed_name, signer.email)
    return tuple(people[key] for key in sorted(people))
