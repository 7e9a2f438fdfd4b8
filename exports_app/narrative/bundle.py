"""The frozen bundle: everything a dossier tells, as plain values, taken at one moment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Json = Any


class EventText(NamedTuple):
    """One timeline event as it was hashed: the chain's hash and the RFC 8785 text behind it."""

    hash: str
    canonical: str


@dataclasses.dataclass(frozen=True, slots=True)
class SessionFacts:
    """The session's own lines. Times are ISO 8601 UTC with ``Z``; ids are TypeIDs; absent is the empty text."""

    execution_id: str
    name: str
    status: str
    created_at: str
    updated_at: str
    description: str = ""
    team: str = ""
    started_at: str = ""
    ended_at: str = ""
    protocol_template_id: str = ""
    protocol_name: str = ""
    protocol_version: str = ""
    parameters: Mapping[str, Json] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class StepFacts:
    """One step as it stood: ``index`` from 0, ``status`` as on the wire."""

    index: int
    instruction: str
    status: str
    started_at: str = ""
    completed_at: str = ""
    completed_by: str = ""
    blocked_reason: str = ""
    reason: str = ""
    values: Mapping[str, Json] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class NoteVersionFacts:
    """One earlier text of a note."""

    version: int
    content: str
    at: str
    by: str
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class NoteFacts:
    """One note in its current version, with the versions before it and the readings stored beside it."""

    id: str
    timestamp: str
    content: str
    speaker: str = ""
    type: str = "observation"
    version: int = 1
    author: str = ""
    created_at: str = ""
    late_entry: bool = False
    reason: str = ""
    tags: tuple[str, ...] = ()
    readings: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    versions: tuple[NoteVersionFacts, ...] = ()
    unverified_speech: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """A silence in a channel's readings, longer than the channel allows; both ends ISO 8601."""

    start: str
    end: str


@dataclasses.dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One channel's statistics over the session. Numbers are in ``unit``; None where there are no readings.

    ``envelope`` holds (low, high) of up to 60 equal spans of time, first to last; None where a span is silent.
    ``digest`` is the channel's seal (``biolab.kernel.seal``).
    """

    name: str
    unit: str = ""
    count: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    first: float | None = None
    last: float | None = None
    first_at: str = ""
    last_at: str = ""
    gaps: tuple[Gap, ...] = ()
    envelope: tuple[tuple[float, float] | None, ...] = ()
    digest: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class DeviationFacts:
    """Something that did not go as written: what kind, when, in one sentence, and the event that shows it."""

    kind: str
    sentence: str
    at: str = ""
    sequence: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """One attachment: its evidence type, what it refers to, and the SHA-256 of its frozen bytes."""

    evidence_type: str
    reference_id: str
    label: str
    digest: str
    size: int = 0
    media_type: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class OriginalFacts:
    """An original that is kept byte for byte: its folder, its name as received, the SHA-256 of its bytes."""

    folder: str
    filename: str
    digest: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class DossierBundle:
    """All that a dossier tells. ``events`` may be any iterable that can be walked again, in sequence order.

    Give ``events`` as a tuple where the session is small, as a re-iterable reader of rows where it is not: the dossier
    walks it once and never holds it. ``total_events`` is its length. ``deviations`` come from
    ``exports_app.narrative.deviations.find_deviations``.
    """

    session: SessionFacts
    generated_at: str
    total_events: int
    events: Iterable[EventText]
    steps: tuple[StepFacts, ...] = ()
    notes: tuple[NoteFacts, ...] = ()
    channels: tuple[ChannelFacts, ...] = ()
    deviations: tuple[DeviationFacts, ...] = ()
    evidence: tuple[EvidenceFacts, ...] = ()
    originals: tuple[OriginalFacts, ...] = ()
    remarks: str = ""

    def as_json(self) -> dict[str, Json]:
        """Return the bundle as plain JSON values, events included; ``DossierBundle.from_json`` reads it back equal."""
        flat = dataclasses.replace(self, events=())
        return dataclasses.asdict(flat) | {"events": [list(event) for event in self.events]}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> DossierBundle:
        """Return the bundle that ``as_json`` wrote."""
        return cls(
            session=SessionFacts(**data["session"]),
            generated_at=data["generated_at"],
            total_events=data["total_events"],
            events=tuple(EventText(*event) for event in data["events"]),
            steps=tuple(StepFacts(**step) for step in data["steps"]),
            notes=tuple(_note(note) for note in data["notes"]),
            channels=tuple(_channel(channel) for channel in data["channels"]),
            deviations=tuple(DeviationFacts(**deviation) for deviation in data["deviations"]),
            evidence=tuple(EvidenceFacts(**evidence) for evidence in data["evidence"]),
            originals=tuple(OriginalFacts(**original) for original in data.get("originals", ())),
            remarks=data["remarks"],
        )


def _note(data: Mapping[str, Json]) -> NoteFacts:
    versions = tuple(NoteVersionFacts(**version) for version in data["versions"])
    return NoteFacts(**{**data, "tags": tuple(data["tags"]), "versions": versions})


def _channel(data: Mapping[str, Json]) -> ChannelFacts:
    gaps = tuple(Gap(**gap) for gap in data["gaps"])
    envelope = tuple(None if span is None else (span[0], span[1]) for span in data["envelope"])
    return ChannelFacts(**{**data, "gaps": gaps, "envelope": envelope})
