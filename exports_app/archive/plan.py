"""The payload of an archive, file by file: names, sources, media types, and what each must be."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from biolab.kernel.times import iso
from exports_app.archive import verify
from exports_app.archive.contents import ArchiveContents, Run, Source, Telemetry
from exports_app.archive.guide import verify_guide
from exports_app.archive.layout import attachment_place, numbered
from exports_app.archive.readings import Digests, csv_chunks, csv_metadata, write_parquet
from exports_app.archive.sign import envelope, subject_digest, telemetry_digest, waiver_envelope

MARKDOWN, JSON, JSON_LINES, TEXT = "text/markdown", "application/json", "application/jsonl", "text/plain"
PDF: Final = "application/pdf"
PARQUET: Final = "application/vnd.apache.parquet"


class FrozenDiffers(Exception):
    """Something is not what it was when the export was frozen; nothing may be released."""


@dataclasses.dataclass(frozen=True, slots=True)
class Planned:
    """One payload file to be; ``sha256`` is what it must have, empty where nothing is known beforehand."""

    name: str
    source: Source
    media_type: str
    description: str
    sha256: str = ""


def payload_plan(contents: ArchiveContents) -> list[Planned]:
    """Return every file under ``data/``, attachments numbered in the export's order."""
    places = [
        attachment_place(number, one.evidence_type, one.filename or one.reference_id)
        for number, one in enumerate(contents.attachments, start=1)
    ]
    attachments = [
        Planned(f"data/{place}", one.source, one.media_type, f"Evidence: {one.label or one.reference_id}", one.digest)
        for place, one in zip(places, contents.attachments, strict=True)
    ]
    originals = _original_places(contents)
    extras = [
        Planned(f"data/{place}", one.source, one.media_type, "Original, unchanged", one.digest)
        for place, one in zip(originals, contents.extras, strict=True)
    ]
    return [
        Planned("data/narrative.md", lambda: narrative_of(contents), MARKDOWN, "The approved dossier, then approvals"),
        *([Planned("data/narrative.pdf", contents.pdf, PDF, "The dossier for print")] if contents.pdf else []),
        Planned("data/export.json", _export(contents, originals), JSON, "The export, its digests and its keys"),
        Planned("data/attachments.json", _attachments(contents, places), JSON, "The evidence, in the export's order"),
        *attachments,
        Planned("data/events.jsonl", lambda: _events(contents), JSON_LINES, "The session's history, hash-chained"),
        Planned("data/checkpoint.json", _checkpoint(contents), JSON, "The chain's genesis and its signed end"),
        Planned("data/signatures.jsonl", _signatures(contents), JSON_LINES, "The signatures, as DSSE envelopes"),
        *(_telemetry(contents.telemetry) if contents.telemetry else []),
        *extras,
        Planned("data/VERIFY.md", verify_guide(contents), MARKDOWN, "How to verify this archive"),
        Planned("data/verify.py", Path(verify.__file__).read_bytes(), "text/x-python", "The verifier"),
    ]


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def narrative_of(contents: ArchiveContents) -> Iterator[bytes]:
    """Yield the dossier, checked against its digest as it passes, then the approvals."""
    digest, length = hashlib.sha256(), 0
    for chunk in _opened(contents.content):
        digest.update(chunk)
        length += len(chunk)
        yield chunk
    if (digest.hexdigest(), length) != (contents.content_digest, contents.content_length):
        raise FrozenDiffers("The dossier is not the one that was approved.")
    signed = ((json.loads(record.canonical), record.standing) for record in contents.signatures)
    yield verify.approvals_section(signed).encode()


def _opened(source: Source) -> Iterable[bytes]:
    if isinstance(source, bytes):
        return (source,)
    if isinstance(source, Path):
        return _file(source)
    return source()


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _original_places(contents: ArchiveContents) -> list[str]:
    return [numbered(number, one.filename, one.folder) for number, one in enumerate(contents.extras, start=1)]


def _export(contents: ArchiveContents, originals: list[str]) -> bytes:
    telemetry = contents.telemetry
    readings = telemetry_digest(telemetry.channels) if telemetry else ""
    subject = subject_digest(
        content_digest=contents.content_digest,
        attachments=((one.evidence_type, one.reference_id, one.digest) for one in contents.attachments),
        snapshot_digest=contents.snapshot_digest,
        telemetry_digest=readings,
    )
    keys = dict(contents.keys) | {contents.signer.key_id(): contents.signer.public_key()}
    session = dataclasses.asdict(contents.facts.session)
    return _json(
        dict(contents.export)
        | {
            "export_id": contents.export_id,
            "execution_id": contents.execution_id,
            "version": contents.version,
            "finalized_at": iso(contents.finalized_at),
            "session": session,
            "content_length": contents.content_length,
            "content_digest": contents.content_digest,
            "snapshot_digest": contents.snapshot_digest,
            "telemetry_digest": readings,
            "subject_digest": subject,
            "keys": [{"key_id": key_id, "public_key": key.hex()} for key_id, key in sorted(keys.items())],
            "originals": [
                {"path": place, "filename": one.filename, "sha256": one.digest}
                for place, one in zip(originals, contents.extras, strict=True)
            ],
            "telemetry": telemetry
            and {
                "sealed": telemetry.sealed,
                "channels": [dataclasses.asdict(channel) for channel in telemetry.channels],
            },
        }
    )


def _attachments(contents: ArchiveContents, places: list[str]) -> bytes:
    return _json(
        [
            {
                "id": one.id,
                "evidence_type": one.evidence_type,
                "reference_id": one.reference_id,
                "label": one.label,
                "filename": one.filename,
                "media_type": one.media_type,
                "context": dict(one.context),
                "snapshot": dict(one.snapshot),
                "digest": one.digest,
                "path": place,
            }
            for one, place in zip(contents.attachments, places, strict=True)
        ]
    )


def _events(contents: ArchiveContents) -> Iterator[bytes]:
    """Yield the chain in groups of lines; it must end where the checkpoint stands."""
    sequence, head = 0, ""
    group: list[bytes] = []
    for event in contents.events():
        sequence, head = sequence + 1, event.hash
        group.append(orjson.dumps({"canonical": event.canonical, "hash": event.hash}, option=orjson.OPT_APPEND_NEWLINE))
        if len(group) == 500:
            yield b"".join(group)
            group.clear()
    yield b"".join(group)
    claim = json.loads(contents.checkpoint.canonical)
    if (claim["sequence"], claim["head"]) != (sequence, head):
        raise FrozenDiffers(f"The checkpoint stands at event {claim['sequence']}, the chain ends at {sequence}.")


def _checkpoint(contents: ArchiveContents) -> bytes:
    record = dataclasses.asdict(contents.checkpoint)
    return _json(record | {"genesis": dict(contents.genesis)})


def _signatures(contents: ArchiveContents) -> bytes:
    envelopes = [envelope(record, contents.signer) for record in contents.signatures]
    envelopes += [waiver_envelope(record, contents.signer) for record in contents.waivers]
    return b"".join(verify.canonical(one) + b"\n" for one in envelopes)


def _telemetry(telemetry: Telemetry) -> list[Planned]:
    units = {channel.name: channel.unit for channel in telemetry.channels}

    def checked() -> Iterator[Run]:
        digests = Digests()
        yield from digests.watch(telemetry.runs())
        found = {(seal.name, seal.count, seal.digest) for seal in digests.seals(units)}
        if found != {(seal.name, seal.count, seal.digest) for seal in telemetry.channels}:
            raise FrozenDiffers("The readings are not the ones that were sealed.")

    return [
        Planned("data/telemetry.parquet", lambda: _parquet(checked()), PARQUET, "The readings, for programs"),
        Planned("data/telemetry.csv", lambda: csv_chunks(checked(), units), "text/csv", "The readings, for everyone"),
        Planned("data/telemetry.csv-metadata.json", csv_metadata(), JSON, "What the columns of telemetry.csv mean"),
    ]


def _parquet(runs: Iterable[Run]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as file:
        write_parquet(file, runs)
        file.seek(0)
        while chunk := file.read(1 << 20):
            yield chunk
