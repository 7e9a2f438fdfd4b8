"""Builds real archives for tests: a key, a chain, signatures, readings, and every field as hostile as wanted."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from biolab.kernel.canonical import CHECKPOINT, EVENT, GENESIS, SIGNATURE, canonical, digest
from exports_app.archive.contents import (
    ArchiveContents,
    Attachment,
    CheckpointRecord,
    Extra,
    LeftOut,
    Person,
    Publisher,
    Run,
    SignatureRecord,
    Source,
    Telemetry,
    WaiverRecord,
)
from exports_app.archive.readings import Digests
from exports_app.archive.sign import subject_digest, telemetry_digest
from exports_app.archive.write import write_archive
from exports_app.narrative.bundle import (
    ChannelFacts,
    DeviationFacts,
    DossierBundle,
    EventText,
    EvidenceFacts,
    Gap,
    NoteFacts,
    NoteVersionFacts,
    OriginalFacts,
    SessionFacts,
    StepFacts,
)
from exports_app.narrative.dossier import render

SESSION = "sess_01k0000000000000000000000a"
EXPORT = "exp_01k0000000000000000000000b"
EVENTS = 6  # in the history of what ``contents`` gives
STARTED = "2026-03-02T09:00:00Z"
FINALIZED = datetime(2026, 3, 2, 17, 30, 1, tzinfo=UTC)
STEP_US = 1_000_000
BEGIN_US = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()) * STEP_US

HOSTILE = (
    "# Heading\r\n## [2026] forged (#99)\n```\n</code></pre><script>alert(1)</script>"
    "<img src=x onerror=alert(2)> [link](javascript:alert(3)) ![p](http://evil.invalid/x.png)\n"
    "> quote\n- item\n1. one\n+ plus\n=====\n    code\n\ttab | cell ~~gone~~ **bold** _em_ `tick` &lt; $x$ "
    "\u202eesrever\u2066\u0000\u0007\ufeff\u2028 \\ end\\"
)
HOSTILE_NAME = "../..\\C:\\Windows/\u202egnp.exe\n\x00;rm -rf ~/\"'<svg onload=1>.ht&ml"


class Key:
    """An Ed25519 key from a fixed seed, as ``biolab.kernel.keys`` would hold it."""

    def __init__(self, seed: int = 1) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)

    def public_key(self) -> bytes:
        return self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def key_id(self) -> str:
        return hashlib.sha256(self.public_key()).hexdigest()[:16]


def genesis() -> dict[str, str]:
    return {"session_id": SESSION, "protocol_digest": "ab" * 32, "created_at": STARTED}


def chain(facts: Iterable[tuple[str, dict[str, Any]]], *, who: str = "Ada Lovelace") -> tuple[EventText, ...]:
    """Return the events of a session, hashed as the timeline hashes them."""
    previous = digest(GENESIS, canonical(genesis()))
    events = []
    for sequence, (kind, payload) in enumerate(facts, start=1):
        record = {
            "id": f"ev_{sequence:026d}",
            "execution_id": SESSION,
            "event_type": kind,
            "payload": payload,
            "actor": {"id": "user_01k00000000000000000000001", "name": who, "via": ""},
            "sequence": sequence,
            "occurred_at": STARTED,
            "created_at": STARTED,
            "prev_hash": previous,
        }
        text = canonical(record)
        previous = digest(EVENT, bytes.fromhex(previous), text)
        events.append(EventText(previous, text.decode()))
    return tuple(events)


def checkpoint(events: Sequence[EventText], key: Key) -> CheckpointRecord:
    record = {
        "session_id": SESSION,
        "sequence": len(events),
        "head": events[-1].hash,
        "counts": {"events": len(events)},
        "at": STARTED,
        "key_id": key.key_id(),
    }
    text = canonical(record)
    return CheckpointRecord(text.decode(), key.sign(CHECKPOINT + text).hex())


def approved(*names: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the facts by which a history tells of signatures, and of the end of their ladder."""
    return [
        *(
            (
                "narrative_export.approval.stage_completed",
                {
                    "export_id": EXPORT,
                    "stage_id": f"stage_{index:026d}",
                    "actor_id": f"user_{index:026d}",
                    "signature": name,
                    "status": "approved",
                },
            )
            for index, name in enumerate(names or ("Ada Lovelace", "Grace Hopper"), start=1)
        ),
        ("narrative_export.approval.finalized", {"export_id": EXPORT}),
    ]


def signature(
    index: int, *, name: str, subject: str, content: str, head: EventText, sequence: int, key: Key, typed: str = ""
) -> SignatureRecord:
    record = {
        "format": "biolab.signature/1",
        "action_id": f"act_{index:026d}",
        "stage_id": f"stage_{index:026d}",
        "sequence_index": index,
        "execution_id": SESSION,
        "subject": {"prefix": "narrative_export", "id": EXPORT, "digest": subject, "content_digest": content},
        "snapshot_digest": "cd" * 32,
        "chain": {"sequence": sequence, "head": head.hash},
        "signer_id": f"user_{index:026d}",
        "printed_name": name,
        "signature": typed or name,
        "decision": "approved",
        "meaning": "review" if index == 1 else "approval",
        "role": "scientist" if index == 1 else "qa",
        "signed_at": "2026-03-02T17:00:00Z",
        "zone": "Europe/Berlin",
        "local_time": "2026-03-02T18:00:00+01:00",
        "key_id": key.key_id(),
    }
    text = canonical(record)
    return SignatureRecord(text.decode(), key.sign(SIGNATURE + text).hex(), key.key_id())


def runs(names: Sequence[str] = ("pH", "temperature"), count: int = 50) -> list[Run]:
    """Return readings that test what text must carry: negative, tiny, huge, negative zero, odd microseconds."""
    rng = np.random.default_rng(7)
    odd = np.array([-0.0, 5e-324, 1.7976931348623157e308, -1e-7, 0.1 + 0.2, 1e22])
    found = []
    for number, name in enumerate(names):
        times = BEGIN_US + np.arange(count, dtype=np.int64) * STEP_US + number
        values = np.concatenate([odd, rng.normal(size=max(0, count - len(odd)))])[:count]
        found.append(Run(name, times, values))
    return found


def facts(*, text: str = "", name: str = "Fed-batch 12") -> DossierBundle:
    """Return a small session; ``text`` goes into every field that a person or an instrument fills."""
    return DossierBundle(
        session=SessionFacts(
            execution_id=SESSION,
            name=text or name,
            status="completed",
            created_at=STARTED,
            updated_at=STARTED,
            description=text or "A run of the small reactor.",
            team=text or "Main lab",
            protocol_template_id="prot_01k0000000000000000000000c",
            protocol_name=text or "Fed-batch cultivation",
            protocol_version="3",
            parameters={text or "feed": text or 2.5},
        ),
        generated_at=STARTED,
        total_events=0,
        events=(),
        steps=(
            StepFacts(
                0, text or "Inoculate", "completed", STARTED, STARTED, text or "Ada Lovelace", values={"pH": 7.1}
            ),
            StepFacts(1, text or "Harvest", "skipped", reason=text or "contaminated"),
        ),
        notes=(
            NoteFacts(
                id="note_01k0000000000000000000000d",
                timestamp=STARTED,
                content=text or "Foam at 3 cm.\n\n- antifoam added",
                speaker=text or "Ada",
                author=text or "Ada Lovelace",
                version=2,
                late_entry=True,
                tags=(text or "foam",),
                readings={text or "pH": {"value": 7.0, "unit": text or "1"}},
                versions=(NoteVersionFacts(1, text or "Foam.", STARTED, text or "Ada Lovelace", text or "typing"),),
            ),
        ),
        channels=(
            ChannelFacts(
                text or "pH",
                unit=text or "1",
                count=3,
                minimum=6.9,
                maximum=7.2,
                mean=7.05,
                first=7.0,
                last=7.2,
                first_at=STARTED,
                last_at=STARTED,
                gaps=(Gap(STARTED, STARTED),),
                envelope=((6.9, 7.0), None, (7.0, 7.2)),
                digest="ef" * 32,
            ),
        ),
        deviations=(DeviationFacts("late entry", text or "A note was entered late", STARTED, 2),),
        evidence=(EvidenceFacts("file", "file_01k", text or "photo", "12" * 32, 10),),
        remarks=text,
    )


def contents(
    *,
    text: str = "",
    filename: str = "photo.png",
    key: Key | None = None,
    files: int = 1,
    events: Sequence[EventText] | None = None,
    with_telemetry: bool = True,
    payload: bytes = b"\x89PNG not really",
    raw: Source = b"raw bytes",
    raw_digest: str = hashlib.sha256(b"raw bytes").hexdigest(),
    readings: list[Run] | None = None,
) -> ArchiveContents:
    """Return a full, consistent set of contents; ``text`` and ``filename`` may be hostile."""
    key = key or Key()
    name = text or "Ada Lovelace"
    channel_names = (text, "=1+1") if text else ("pH", "temperature")
    readings = readings or runs(channel_names)
    passing = Digests()
    list(passing.watch(readings))
    seals = passing.seals(dict.fromkeys(channel_names, text or "1"))
    sealed = {seal.name: {"count": seal.count, "sha256": seal.digest} for seal in seals}
    if events is None:
        events = chain(
            [
                ("session.created", {"title": text or "Fed-batch 12"}),
                ("note.created", {"content": text or "Foam", "note": text or "Foam"}),
                ("telemetry.sealed", {"readings": 100, "channels": sealed}),
                *approved(name, text or "Grace Hopper"),
            ],
            who=name,
        )
    bundle = facts(text=text)
    originals = (OriginalFacts("raw", filename, raw_digest, 9),)
    told = replace(bundle, events=events, total_events=len(events), originals=originals)
    dossier = "".join(render(told)).encode()
    content_digest = hashlib.sha256(dossier).hexdigest()
    attachments = tuple(
        attachment(number, kind, body, text=text, filename=filename)
        for number, (kind, body) in enumerate(
            [("file", payload)] * files + [("notebook_entry", b"# Plan\n"), ("timeline_event", b'{"a": 1}')], start=1
        )
    )
    subject = subject_digest(
        content_digest=content_digest,
        attachments=[(one.evidence_type, one.reference_id, one.digest) for one in attachments],
        snapshot_digest="cd" * 32,
        telemetry_digest=telemetry_digest(seals) if with_telemetry else "",
    )
    signatures = tuple(
        signature(
            index,
            name=who,
            subject=subject,
            content=content_digest,
            head=events[1],
            sequence=2,
            key=key,
        )
        for index, who in ((1, name), (2, text or "Grace Hopper"))
    )
    return ArchiveContents(
        execution_id=SESSION,
        export_id=EXPORT,
        version=1,
        finalized_at=FINALIZED,
        facts=bundle,
        content=dossier,
        content_digest=content_digest,
        content_length=len(dossier),
        events=lambda: iter(events),
        genesis=genesis(),
        checkpoint=checkpoint(events, key),
        keys={key.key_id(): key.public_key()},
        signer=key,
        publisher=Publisher(text or "Main lab", url="https://lab.invalid", area=text or "Laboratory"),
        software_version="0.1.0",
        snapshot_digest="cd" * 32,
        export={"notes": text, "metadata": {text or "a": text}},
        attachments=attachments,
        extras=(Extra("raw", filename, raw, raw_digest),),
        signatures=signatures,
        telemetry=Telemetry(seals, lambda: iter(readings), sealed=True) if with_telemetry else None,
        people=(Person("user_01k00000000000000000000001", name, "ada@lab.invalid"),),
        author_id="user_01k00000000000000000000001",
        left_out=(LeftOut("narrative.pdf", text or "Pango is not installed here"),),
    )


def waived(*, key: Key | None = None) -> ArchiveContents:
    """Return contents whose guardrails were waived before the last signature."""
    key = key or Key()
    simulation = {"simulation_id": "sim_01k", "execution_id": SESSION, "number": 1, "state": "blocked"}
    told = {"simulation_id": "sim_01k", "waiver_id": "waiv_01k", "printed_name": "Ada Lovelace", "reason": "A spare."}
    events = chain(
        [
            ("session.created", {"title": "Fed-batch 12"}),
            ("governance.guardrail.waived", told),
            *approved(),
        ]
    )
    record = {
        **told,
        "format": "biolab.guardrail-waiver/1",
        "execution_id": SESSION,
        "simulation_digest": hashlib.sha256(canonical(simulation)).hexdigest(),
        "chain": {"sequence": 1, "head": events[0].hash},
        "key_id": key.key_id(),
    }
    text = canonical(record)
    signed = key.sign(SIGNATURE + text).hex()
    waiver = WaiverRecord(text.decode(), signed, key.key_id(), canonical(simulation).decode())
    return replace(contents(key=key, events=events, with_telemetry=False), waivers=(waiver,))


def attachment(number: int, kind: str, body: bytes, *, text: str = "", filename: str = "photo.png") -> Attachment:
    return Attachment(
        id=f"att_{number:026d}",
        evidence_type=kind,
        reference_id=f"ref_{number:026d}",
        label=text or "A photo",
        digest=hashlib.sha256(body).hexdigest(),
        source=body,
        filename=filename,
        media_type="image/png" if kind == "file" else "application/json",
        context={"why": text},
        snapshot={"filename": filename},
    )


def pack(of: ArchiveContents | None = None) -> bytes:
    """Return a packed archive."""
    out = io.BytesIO()
    write_archive(out, of or contents())
    return out.getvalue()


def unpack(archive: bytes, folder: Path) -> Path:
    """Unpack with the standard library and return the bag."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        file.extractall(folder)
        return folder / file.namelist()[0].split("/")[0]


def members(archive: bytes) -> dict[str, bytes]:
    """Return every member by its path below the root."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name.partition("/")[2]: file.read(name) for name in file.namelist()}


def crate(archive: bytes) -> dict[str, dict[str, Any]]:
    """Return the crate's nodes by id."""
    return {node["@id"]: node for node in json.loads(members(archive)["ro-crate-metadata.json"])["@graph"]}
