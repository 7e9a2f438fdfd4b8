"""The evidence an export carries: found in the session, as bytes to freeze and as a snapshot to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from biolab.kernel.ids import find
from biolab.kernel.storage import CHUNK
from exports_app.errors import EvidenceRefused
from exports_app.states import EvidenceType
from sessions_app.evidence import KIND_OF, entry_snapshot, event_snapshot, file_snapshot
from sessions_app.models import LabFile, LabSession, NotebookEntry, TimelineEvent
from sessions_app.notebook_export import entry_filename, entry_markdown
from sessions_app.services.files import open_file

MOST_ATTACHMENTS: Final = 200

NAMED_BY: Final[dict[str, str]] = {
    "event_id": "timeline_event",
    "file_id": "file",
    "notebook_entry_id": "notebook_entry",
    "analytics_event_id": "analytics_snapshot",
    "qc_event_id": "qc_metric",
    "remediation_event_id": "remediation_report",
}
"""Every name that an attachment may be given by, and the kind of evidence it stands for."""


@dataclass(frozen=True, kw_only=True)
class EvidenceAsked:
    """An attachment as asked for: a kind and the id of what is meant."""

    evidence_type: str
    reference_id: str
    label: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EvidenceFound:
    """An attachment with the way to its bytes; ``reference_id`` is the public id."""

    evidence_type: str
    reference_id: str
    label: str
    context: Mapping[str, Any]
    snapshot: dict[str, Any]
    filename: str
    media_type: str
    pieces: Callable[[], Iterable[bytes]]

    def told(self) -> dict[str, Any]:
        """Return what the timeline says of it."""
        return {
            "type": self.evidence_type,
            "reference_id": self.reference_id,
            "label": self.label,
            "context": dict(self.context),
        }


def read_attachment(position: int, given: Mapping[str, Any]) -> EvidenceAsked:
    """Return what one attachment of a request names.

    Raises:
        EvidenceRefused: it names nothing, several things, or another kind than it says.
    """
    names = [name for name in ("reference_id", *NAMED_BY) if given.get(name)]
    kind = given.get("type") or ""
    known = sorted(EvidenceType.values)
    if len(names) != 1:
        raise _refusal(position, "", f"Give exactly one of reference_id, {', '.join(NAMED_BY)}.")
    if kind and kind not in known:
        raise _refusal(position, "/type", f"The type is one of {', '.join(known)}.")
    if names[0] == "reference_id":
        if not kind:
            raise _refusal(position, "/type", "A reference_id needs a type.")
    elif kind and kind != NAMED_BY[names[0]]:
        raise _refusal(position, "/type", f"{names[0]} names a {NAMED_BY[names[0]]}, not a {kind}.")
    kind = kind or NAMED_BY[names[0]]
    return EvidenceAsked(
        evidence_type=kind,
        reference_id=given[names[0]],
        label=given.get("label") or "",
        context=given.get("context") or {},
    )


def find_evidence(session: LabSession, wanted: Sequence[EvidenceAsked], *, last: int) -> Iterator[EvidenceFound]:
    """Yield every attachment with the way to its bytes: events, and what belongs to the session.

    Args:
        last: the last event that the export covers.

    Raises:
        Missing: the session has no such event, file or entry.
        EvidenceRefused: the event is of another kind than was asked for.
    """
    for place, asked in enumerate(wanted):
        match asked.evidence_type:
            case EvidenceType.FILE:
                yield _file(asked, find(LabFile.objects.filter(session=session), asked.reference_id))
            case EvidenceType.NOTEBOOK_ENTRY:
                entries = NotebookEntry.objects.standing().with_signatures().filter(session=session)
                yield _entry(asked, find(entries, asked.reference_id))
            case _:
                events = TimelineEvent.objects.filter(session=session, sequence__lte=last)
                event = find(events, asked.reference_id)
                if event.kind != KIND_OF.get(asked.evidence_type, event.kind):
                    raise _refusal(place, "", f"This event is a {event.kind}, which is no {asked.evidence_type}.")
                yield _event(asked, event)


def _event(asked: EvidenceAsked, event: TimelineEvent) -> EvidenceFound:
    return _found(
        asked,
        event.public_id,
        snapshot=event_snapshot(event, asked.evidence_type),
        filename=f"event-{event.sequence}-{event.kind}.json",
        media_type="application/json",
        pieces=lambda: [event.canonical.encode()],
    )


def _entry(asked: EvidenceAsked, entry: NotebookEntry) -> EvidenceFound:
    text = entry_markdown(entry, list(entry.signatures.all()))
    return _found(
        asked,
        entry.public_id,
        snapshot=entry_snapshot(entry),
        filename=entry_filename(entry),
        media_type="text/markdown",
        pieces=lambda: [text.encode()],
    )


def _file(asked: EvidenceAsked, file: LabFile) -> EvidenceFound:
    return _found(
        asked,
        file.public_id,
        snapshot=file_snapshot(file),
        filename=file.filename,
        media_type=file.file_type,
        pieces=lambda: _bytes_of(file),
    )


def _bytes_of(file: LabFile) -> Iterator[bytes]:
    with open_file(file) as source:
        while piece := source.read(CHUNK):
            yield piece


def _found(asked: EvidenceAsked, reference_id: str, **found: Any) -> EvidenceFound:
    return EvidenceFound(
        evidence_type=asked.evidence_type,
        reference_id=reference_id,
        label=asked.label,
        context=asked.context,
        **found,
    )


def _refusal(position: int, pointer: str, detail: str) -> EvidenceRefused:
    errors = [{"pointer": f"/attachments/{position}{pointer}", "detail": detail}]
    return EvidenceRefused(detail, errors=errors)
