"""What goes into an archive: plain values and byte sources, gathered by the packaging service."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from exports_app.narrative.bundle import DossierBundle, EventText

Source = bytes | Path | Callable[[], Iterable[bytes]]
"""A member's bytes: in memory, in a file, or from a function that starts a fresh stream each time it is called."""


class Signer(Protocol):
    """The instance's key; the module ``biolab.kernel.keys`` is one."""

    def sign(self, message: bytes, /) -> bytes: ...
    def public_key(self) -> bytes: ...
    def key_id(self) -> str: ...


class Run(NamedTuple):
    """A stretch of one channel's readings, times ascending.

    ``times``: shape (n,), int64 microseconds since 1970 UTC. ``values``: shape (n,), float64 in the channel's unit.
    """

    channel: str
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class ChannelSeal:
    """A channel's count and reading digest (``biolab.kernel.seal``), as frozen or sealed before packing."""

    name: str
    unit: str
    count: int
    digest: str


@dataclasses.dataclass(frozen=True, slots=True)
class Telemetry:
    """The readings to pack: ``runs`` starts a fresh stream at each call; per channel in time order.

    ``sealed`` says that ``channels`` repeats a ``telemetry.sealed`` event of the session; else it is what was frozen
    when the export was asked for, and ``runs`` is ``exports_app.archive.readings.read_parquet`` of the frozen object.
    """

    channels: tuple[ChannelSeal, ...]
    runs: Callable[[], Iterable[Run]]
    sealed: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Attachment:
    """One piece of evidence and its frozen bytes. ``filename`` is as its author named it; it may be hostile."""

    id: str
    evidence_type: str
    reference_id: str
    label: str
    digest: str
    source: Source
    filename: str = ""
    media_type: str = "application/octet-stream"
    context: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    snapshot: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Extra:
    """A further original kept byte for byte: a raw upload, a recording, a transcript.

    ``folder`` is ``raw``, ``audio`` or ``transcripts``; ``digest`` is the SHA-256 that the approved dossier names.
    """

    folder: str
    filename: str
    source: Source
    digest: str
    media_type: str = "application/octet-stream"


@dataclasses.dataclass(frozen=True, slots=True)
class SignatureRecord:
    """One signature as governance stored it (``exports_app.archive.sign`` defines the statement).

    ``standing`` is False where a later reset set the signature aside; it stays in the archive and says so.
    """

    canonical: str
    signature: str
    key_id: str
    standing: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class WaiverRecord:
    """One signature under a blocked guardrail simulation, as governance stored it.

    ``simulation`` is the canonical text whose SHA-256 the signed text names.
    """

    canonical: str
    signature: str
    key_id: str
    simulation: str


@dataclasses.dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A signed checkpoint: its canonical text and the Ed25519 signature over 0x02 and that text, in hex."""

    canonical: str
    signature: str


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """Someone the archive names; ``id`` is a TypeID."""

    id: str
    name: str
    email: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Publisher:
    """The laboratory that runs this instance."""

    name: str
    url: str = ""
    area: str = "Laboratory"


@dataclasses.dataclass(frozen=True, slots=True)
class LeftOut:
    """A rendering that could not be made here, and why; ``bag-info.txt`` says so."""

    what: str
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class ArchiveContents:
    """Everything of one export, frozen: packing it twice gives the same bytes.

    Args of note:
        facts: the bundle frozen with the export; its events are not read (``events`` is).
        content, content_digest, content_length: the frozen dossier's bytes, without approvals.
        export: further facts for ``export.json``; nothing that a second pack would tell differently.
        events: a fresh stream of the chain, from the session's first event to this export's ``finalized`` one.
        genesis: the object behind the chain's first ``prev_hash``.
        checkpoint: signed at (and naming) the last of ``events``.
        snapshot_digest: of the approval template's snapshot; empty where stages were given by hand.
        pictures: charts in SVG of the first channels in ``facts``, for the page.
        waivers: of the session's guardrails, signed before this export's ``finalized`` event.
        keys: key id → public key (32 bytes) of every key behind a signature or checkpoint in here.
    """

    execution_id: str
    export_id: str
    version: int
    finalized_at: datetime
    facts: DossierBundle
    content: Source
    content_digest: str
    content_length: int
    events: Callable[[], Iterable[EventText]]
    genesis: Mapping[str, Any]
    checkpoint: CheckpointRecord
    keys: Mapping[str, bytes]
    signer: Signer
    publisher: Publisher
    software_version: str
    snapshot_digest: str = ""
    export: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    extras: tuple[Extra, ...] = ()
    signatures: tuple[SignatureRecord, ...] = ()
    waivers: tuple[WaiverRecord, ...] = ()
    telemetry: Telemetry | None = None
    people: tuple[Person, ...] = ()
    author_id: str = ""
    licence: str = ""
    pictures: tuple[str, ...] = ()
    pdf: Source | None = None
    left_out: tuple[LeftOut, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class ArchiveResult:
    """The packed file: its SHA-256, its size in bytes, and the SHA-256 of its ``manifest-sha256.txt``."""

    sha256: str
    size: int
    manifest_digest: str
    filename: str
