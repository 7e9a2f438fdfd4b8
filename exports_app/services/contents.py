"""Puts together what an archive holds, from the frozen objects and the chain: the same export, the same contents."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from biolab import __version__
from biolab.kernel import keys
from biolab.kernel.canonical import sha256
from biolab.kernel.times import iso
from exports_app import storage
from exports_app.archive.contents import (
    ArchiveContents,
    Attachment,
    ChannelSeal,
    CheckpointRecord,
    Extra,
    LeftOut,
    Person,
    Publisher,
    SignatureRecord,
    Telemetry,
    WaiverRecord,
)
from exports_app.archive.plan import FrozenDiffers, narrative_of
from exports_app.archive.readings import read_parquet
from exports_app.archive.write import texts_of
from exports_app.models import FrozenObject, NarrativeExport
from exports_app.narrative.bundle import DossierBundle
from exports_app.narrative.page import for_print, render_page
from exports_app.services.gathering import EventTexts
from exports_app.services.printing import keep_pdf, pictures_of
from exports_app.services.readings import stored_runs
from governance_app.models import GuardrailWaiver, Signature
from governance_app.seals.waivers import simulation_text
from sessions_app.models import LabSession

MOST_EVENTS: Final = 500
"""Events that a PDF shows; of a longer session it says where the others are."""


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
    signatures, waivers = signatures_cast(export), waivers_before(session, checkpoint.sequence)
    used = {checkpoint.key_id, *(one.key_id for one in signatures), *(one.key_id for one in waivers)}
    contents = ArchiveContents(
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
            if known["key_id"] in used
        },
        signer=keys,
        publisher=Publisher(name=facts.session.team or "BioLab"),
        software_version=__version__,
        snapshot_digest=export.approval.snapshot_digest,
        export=_export_facts(export),
        attachments=tuple(_attachments(export, folder)),
        extras=tuple(_originals(export, folder)),
        signatures=tuple(map(_record, signatures)),
        waivers=waivers,
        telemetry=_telemetry(export, folder),
        people=_people(export, signatures),
        author_id=export.requested_by.public_id,
    )
    at = checkpoint.created_at
    return _with_prints(export, contents, folder=folder, at=at)


def _with_prints(export: NarrativeExport, contents: ArchiveContents, *, folder: Path, at: datetime) -> ArchiveContents:
    """Return the contents with the pictures and the PDF that the first pack made, or a word on why there is none."""
    pictures = pictures_of(export, contents.facts.channels, folder=folder, at=at)
    contents = dataclasses.replace(contents, pictures=pictures)
    page = printable(contents.facts.session.name, narrative_of(contents), pictures)
    pdf, why = keep_pdf(export, page, folder=folder, at=at)
    if pdf is None:
        return dataclasses.replace(contents, left_out=(LeftOut("data/narrative.pdf", why),))
    return dataclasses.replace(contents, pdf=_fetched(pdf, folder=folder))


def printable(title: str, narrative: Iterable[bytes], pictures: tuple[str, ...]) -> Iterator[str]:
    """Return the page that is printed of a narrative."""
    return render_page(title, for_print(texts_of(narrative), most_events=MOST_EVENTS), pictures)


def signatures_cast(export: NarrativeExport) -> list[Signature]:
    """Return every signature on the export's ladder, in the order they were cast."""
    return list(
        Signature.objects.filter(action__stage__request=export.approval)
        .select_related("action__stage", "signer")
        .order_by("chain_sequence", "signed_at", "action_id")
    )


def signatures_of(export: NarrativeExport) -> tuple[SignatureRecord, ...]:
    """Return the same as an archive holds them."""
    return tuple(map(_record, signatures_cast(export)))


def _record(signature: Signature) -> SignatureRecord:
    return SignatureRecord(
        canonical=signature.canonical,
        signature=signature.seal,
        key_id=signature.key_id,
        standing=signature.action.round == signature.action.stage.round,
    )


def waivers_before(session: LabSession, sequence: int) -> tuple[WaiverRecord, ...]:
    """Return the signatures under the session's blocked simulations, as far as an event of the chain comes after them.

    Raises:
        FrozenDiffers: a simulation is not the one that was signed under.
    """
    given = GuardrailWaiver.objects.filter(simulation__session=session, chain_sequence__lt=sequence)
    return tuple(map(_waiver, given.select_related("simulation__session").order_by("chain_sequence", "id")))


def _waiver(waiver: GuardrailWaiver) -> WaiverRecord:
    text = simulation_text(waiver.simulation)
    if sha256(text) != waiver.simulation_digest:
        raise FrozenDiffers(f"The simulation under the waiver {waiver.public_id} is not the one that was signed.")
    return WaiverRecord(waiver.canonical, waiver.seal, waiver.key_id, text.decode())


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


def _originals(export: NarrativeExport, folder: Path) -> Iterator[Extra]:
    for original in export.originals.select_related("frozen").order_by("position"):
        yield Extra(
            folder=original.folder,
            filename=original.filename,
            source=_fetched(original.frozen, folder=folder),
            media_type=original.frozen.media_type,
            digest=original.frozen_id,
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
