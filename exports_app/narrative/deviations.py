"""What did not go as written, found in the facts of a session. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from exports_app.narrative.bundle import ChannelFacts, DeviationFacts, EventText, NoteFacts, StepFacts

_TELLING = {"session.aborted": "session aborted", "error.occurred": "error", "remediation.execute": "remediation"}


def find_deviations(
    *,
    steps: Iterable[StepFacts] = (),
    notes: Iterable[NoteFacts] = (),
    channels: Iterable[ChannelFacts] = (),
    recordings: Iterable[tuple[str, str]] = (),
    events: Iterable[EventText] = (),
) -> tuple[DeviationFacts, ...]:
    """Return the deviations, by time; those without a time come first.

    Args:
        recordings: name and time of each whose transcript is no note yet and was confirmed by nobody.
        events: those worth a look; the whole timeline will do, a query for ``tells_deviation`` kinds is faster.
    """
    noted = [*_of_steps(steps), *_of_notes(notes), *_of_recordings(recordings)]
    found = [*noted, *_of_channels(channels), *_of_events(events)]
    return tuple(sorted(found, key=lambda one: (one.at, one.sequence or 0, one.kind, one.sentence)))


def tells_deviation(event_type: str) -> bool:
    """Tell whether an event of this kind is a deviation in itself."""
    return "override" in event_type or event_type in _TELLING


def _of_steps(steps: Iterable[StepFacts]) -> Iterable[DeviationFacts]:
    for step in steps:
        if step.status == "skipped":
            why = f": {step.reason}" if step.reason else ""
            yield DeviationFacts(
                "step skipped", f"Step {step.index + 1} was skipped{why}", step.completed_at or step.started_at
            )
        elif step.blocked_reason:
            yield DeviationFacts(
                "step blocked", f"Step {step.index + 1} was blocked: {step.blocked_reason}", step.started_at
            )


def _of_notes(notes: Iterable[NoteFacts]) -> Iterable[DeviationFacts]:
    for note in notes:
        if note.late_entry:
            why = f": {note.reason}" if note.reason else ""
            written = f", written at {note.created_at}" if note.created_at else ""
            yield DeviationFacts("late entry", f"Note {note.id} was entered late{written}{why}", note.timestamp)
        if note.unverified_speech:
            yield DeviationFacts(
                "unverified speech", f"Note {note.id} is a transcript that no person confirmed", note.timestamp
            )


def _of_channels(channels: Iterable[ChannelFacts]) -> Iterable[DeviationFacts]:
    for channel in channels:
        for gap in channel.gaps:
            yield DeviationFacts("telemetry gap", f"{channel.name} was silent from {gap.start} to {gap.end}", gap.start)


def _of_recordings(recordings: Iterable[tuple[str, str]]) -> Iterable[DeviationFacts]:
    for name, at in recordings:
        yield DeviationFacts("unverified speech", f"Recording {name} has a transcript that no person confirmed", at)


def _of_events(events: Iterable[EventText]) -> Iterable[DeviationFacts]:
    for text in events:
        event: Mapping[str, Any] = orjson.loads(text.canonical)
        kind = event["event_type"]
        if not tells_deviation(kind):
            continue
        payload = event["payload"]
        why = next((str(payload[key]) for key in ("reason", "message", "note", "summary") if payload.get(key)), "")
        yield DeviationFacts(
            _TELLING.get(kind, "override"), f"{kind}{': ' if why else ''}{why}", event["occurred_at"], event["sequence"]
        )
