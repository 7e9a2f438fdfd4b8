"""Reads a session into the plain values that its dossier tells: what the bench holds, at one moment."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from biolab.kernel.times import iso, iso_or_none
from exports_app.narrative.bundle import (
    ChannelFacts,
    DeviationFacts,
    EventText,
    NoteFacts,
    NoteVersionFacts,
    SessionFacts,
    StepFacts,
)
from exports_app.narrative.deviations import find_deviations, tells_deviation
from sessions_app.models import LabSession, Note, NoteVersion, Step, TimelineEvent, Transcript
from sessions_app.step_gates import blocks_of

EVENTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class EventTexts:
    """The events of a session up to ``last``, read afresh from the database each time it is walked."""

    session: LabSession
    last: int

    def __iter__(self) -> Iterator[EventText]:
        rows = (
            TimelineEvent.objects.filter(session=self.session, sequence__lte=self.last)
            .order_by("sequence")
            .values_list("hash", "canonical")
        )
        for row in rows.iterator(chunk_size=EVENTS_AT_ONCE):
            yield EventText(*row)


def deviant_events(session: LabSession, *, last: int) -> list[EventText]:
    """Return the events up to ``last`` that are deviations in themselves."""
    events = TimelineEvent.objects.filter(session=session, sequence__lte=last)
    kinds = [
        kind for kind in events.order_by("kind").values_list("kind", flat=True).distinct() if tells_deviation(kind)
    ]
    rows = events.filter(kind__in=kinds).order_by("sequence").values_list("hash", "canonical")
    return [EventText(*row) for row in rows]


def session_facts(session: LabSession) -> SessionFacts:
    """Return the session's own lines."""
    version = session.protocol_version
    return SessionFacts(
        execution_id=session.public_id,
        name=session.name,
        status=session.status,
        created_at=iso(session.created_at),
        updated_at=iso(session.updated_at),
        description=session.description,
        team=session.team.name,
        started_at=iso_or_none(session.started_at) or "",
        ended_at=iso_or_none(session.ended_at) or "",
        protocol_template_id=version.protocol.public_id if version is not None else "",
        protocol_name=version.title if version is not None else "",
        protocol_version=str(version.version) if version is not None else "",
        parameters=session.parameters,
    )


def step_facts(session: LabSession, *, at: datetime) -> tuple[StepFacts, ...]:
    """Return the steps as they stand, each with the reason given at its last move, and what blocks it at a moment."""
    reasons: dict[int, str] = {}
    moves = TimelineEvent.objects.filter(session=session, kind="step.transition").order_by("sequence")
    for text in moves.values_list("canonical", flat=True).iterator(chunk_size=EVENTS_AT_ONCE):
        payload = json.loads(text)["payload"]
        reasons[payload["step_index"]] = payload.get("reason", "")
    steps = list(Step.objects.filter(session=session).select_related("completed_by").order_by("index"))
    blocks = blocks_of(session, steps, at=at)
    return tuple(
        StepFacts(
            index=step.index,
            instruction=step.instruction,
            status=step.status,
            started_at=iso_or_none(step.started_at) or "",
            completed_at=iso_or_none(step.completed_at) or "",
            completed_by=step.completed_by.printed_name if step.completed_by is not None else "",
            blocked_reason=blocks[step.index].reason if step.index in blocks else "",
            reason=reasons.get(step.index, ""),
            values=step.values,
        )
        for step in steps
    )


def note_facts(session: LabSession) -> tuple[NoteFacts, ...]:
    """Return the notes that stand, each with the versions before the current one."""
    versions: dict[object, list[NoteVersion]] = defaultdict(list)
    for version in NoteVersion.objects.filter(note__session=session).order_by("note", "version"):
        versions[version.note_id].append(version)
    notes = Note.objects.standing().filter(session=session).select_related("author", "speech").defer("speech__words")
    return tuple(_note(note, versions[note.pk]) for note in notes.order_by("timestamp", "id"))


def deviations_of(
    session: LabSession,
    *,
    steps: tuple[StepFacts, ...],
    notes: tuple[NoteFacts, ...],
    channels: tuple[ChannelFacts, ...],
    last: int,
) -> tuple[DeviationFacts, ...]:
    """Return what did not go as written, in what the session holds up to the event ``last``."""
    return find_deviations(
        steps=steps,
        notes=notes,
        channels=channels,
        recordings=_unread_recordings(session),
        events=deviant_events(session, last=last),
    )


def _unread_recordings(session: LabSession) -> tuple[tuple[str, str], ...]:
    """Return (name, time) of each recording whose transcript is neither confirmed nor a note that stands."""
    unread = Transcript.objects.unverified().filter(session=session)
    rows = unread.exclude(note__isnull=False, note__withdrawn_at__isnull=True).order_by("created_at", "id")
    return tuple((name, iso(at)) for name, at in rows.values_list("audio_chunk_id", "created_at"))


def _note(note: Note, versions: list[NoteVersion]) -> NoteFacts:
    speech: Transcript | None = getattr(note, "speech", None)
    current = next((version for version in versions if version.version == note.version), None)
    return NoteFacts(
        id=note.public_id,
        timestamp=iso(note.timestamp),
        content=note.content,
        speaker=note.speaker,
        type=note.type,
        version=note.version,
        author=versions[0].by_name if versions else note.author.printed_name,
        created_at=iso(note.created_at),
        late_entry=note.late_entry,
        reason=current.reason if current is not None else "",
        tags=tuple(str(tag) for tag in note.tags),
        readings=note.telemetry_snapshot,
        unverified_speech=speech is not None and speech.is_unverified,
        versions=tuple(
            NoteVersionFacts(
                version=version.version,
                content=version.content,
                at=iso(version.at),
                by=version.by_name,
                reason=version.reason,
            )
            for version in versions
            if version.version != note.version
        ),
    )
