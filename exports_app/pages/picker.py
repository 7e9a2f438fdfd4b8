"""What a new export may carry: everything of the session that may be attached, by kind and by search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Q, QuerySet

from exports_app.states import EvidenceType
from sessions_app.evidence import KIND_OF
from sessions_app.models import LabFile, LabSession, TimelineEvent
from sessions_app.selectors import notebook_of

FOUND: Final = 40
EACH: Final = 12


def evidence_of(session: LabSession, kind: EvidenceType, *, words: str, most: int) -> Iterator[dict[str, Any]]:
    """Yield the newest pieces of one kind that match, as the form names them and as people do."""
    match kind:
        case EvidenceType.NOTEBOOK_ENTRY:
            entries = notebook_of(session).filter(title__icontains=words).order_by("-created_at", "-id")
            for entry in entries[:most]:
                yield _piece(kind, entry.public_id, entry.title, entry.created_by.printed_name)
        case EvidenceType.FILE:
            files = LabFile.objects.filter(session=session, filename__icontains=words)
            for file in files.order_by("-created_at", "-id")[:most]:
                yield _piece(kind, file.public_id, file.filename, file.file_type)
        case _:
            for event in _events(session, kind, words).order_by("-sequence")[:most]:
                yield _piece(kind, event.public_id, event.told, f"#{event.sequence}, {event.actor_name}")


def found_evidence(session: LabSession, kind: str, words: str) -> tuple[list[dict[str, Any]], bool]:
    """Return what matches, of one kind or of all, and whether there may be more."""
    kinds = [EvidenceType(kind)] if kind in EvidenceType.values else list(EvidenceType)
    most = FOUND if len(kinds) == 1 else EACH
    found = [list(evidence_of(session, each, words=words, most=most)) for each in kinds]
    return [piece for pieces in found for piece in pieces], any(len(pieces) == most for pieces in found)


def newest_evidence(session: LabSession) -> list[dict[str, Any]]:
    """Return what is attached most: the newest entries and files."""
    kinds = (EvidenceType.NOTEBOOK_ENTRY, EvidenceType.FILE)
    return [piece for kind in kinds for piece in evidence_of(session, kind, words="", most=EACH)]


def _events(session: LabSession, kind: EvidenceType, words: str) -> QuerySet[TimelineEvent]:
    events = TimelineEvent.objects.filter(session=session)
    if kind in KIND_OF:
        events = events.filter(kind=KIND_OF[kind])
    if words.removeprefix("#").isdecimal():
        return events.filter(sequence=min(int(words.removeprefix("#")), 2**62))
    return events.filter(Q(kind__icontains=words) | Q(canonical__icontains=words)) if words else events


def _piece(kind: EvidenceType, public_id: str, label: str, detail: str) -> dict[str, Any]:
    return {"value": f"{kind}:{public_id}", "kind": kind.label, "label": label, "detail": detail}
