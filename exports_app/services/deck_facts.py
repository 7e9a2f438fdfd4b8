"""Reads a session into what its deck tells, each claim with the number of the event that shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Q

from exports_app.decks.outline import ChannelTold, Claim, SessionTold
from exports_app.decks.slides import Chart
from exports_app.models import NarrativeExport
from exports_app.narrative.bundle import NoteFacts, StepFacts
from exports_app.services.gathering import deviations_of, note_facts, session_facts, step_facts
from governance_app.models import GuardrailSimulation
from governance_app.states import LadderState
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.ports import ChannelEnvelope, ChannelSummary, readings
from sessions_app.states import DONE_STEPS

PLACES: Final = 200
MOST_CHANNELS: Final = 12
MOST_NOTES: Final = 60
_TOLD: Final = (
    Q(kind__startswith="session.")
    | Q(kind__contains=".approval.")
    | Q(
        kind__in=(
            "step.transition",
            "note.created",
            "telemetry.channel.added",
            "telemetry.gap",
            "telemetry.sealed",
            "narrative_export.created",
            "narrative_export.packaging.ready",
            "governance.guardrail.simulated",
        )
    )
)


@dataclass
class _Events:
    """The numbers of the events that claims are backed by; the last of each kind."""

    kinds: dict[str, int] = field(default_factory=dict)
    steps: dict[int, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    exports: dict[str, int] = field(default_factory=dict)
    gaps: list[tuple[int, str]] = field(default_factory=list)

    def take(self, sequence: int, kind: str, payload: Mapping[str, Any]) -> None:
        self.kinds[kind] = sequence
        if kind == "step.transition":
            self.steps[payload["step_index"]] = sequence
        elif kind == "note.created":
            self.notes[payload["note_id"]] = sequence
        elif kind == "telemetry.channel.added":
            self.channels[payload.get("name", "")] = sequence
        elif kind == "telemetry.gap":
            self.gaps.append((sequence, str(payload.get("channel", ""))))
        elif "export_id" in payload:
            self.exports[payload["export_id"]] = sequence


def tell_session(session: LabSession, *, at: datetime) -> SessionTold:
    """Return what the session's record holds now; reads only."""
    facts, head = session_facts(session), session.head_sequence
    events = _events(session, head)
    steps, notes = step_facts(session, at=at), note_facts(session)
    found = deviations_of(session, steps=steps, notes=notes, channels=(), last=head)
    gaps = [Claim(f"{name} fell silent", sequence) for sequence, name in events.gaps]
    done = sum(step.status in DONE_STEPS for step in steps)
    return SessionTold(
        name=facts.name,
        head=head,
        opening=tuple(_opening(session, events)),
        steps=tuple(_step(step, events) for step in steps),
        steps_done=Claim(f"{done} of {len(steps)} steps done") if steps else Claim("This session follows no steps."),
        channels=tuple(_channels(session, events)),
        deviations=(*(Claim(one.sentence, one.sequence or _shown_by(one.sentence, events)) for one in found), *gaps),
        approvals=tuple(_approvals(session, events)),
        next_steps=tuple(_next(session, steps, notes, events)),
        notes=tuple(_note(note, events) for note in notes[:MOST_NOTES]),
    )


def _events(session: LabSession, head: int) -> _Events:
    found = _Events()
    rows = TimelineEvent.objects.filter(_TOLD, session=session, sequence__lte=head).order_by("sequence")
    for sequence, kind, text in rows.values_list("sequence", "kind", "canonical").iterator(chunk_size=500):
        found.take(sequence, kind, json.loads(text)["payload"])
    return found


def _opening(session: LabSession, events: _Events) -> list[Claim]:
    version, kinds = session.protocol_version, events.kinds
    protocol = f"Protocol “{version.title}”, version {version.version}" if version is not None else "No protocol"
    claims = [Claim(f"{protocol}; team {session.team.name}", kinds.get("session.created"))]
    if session.started_at is not None:
        claims.append(
            Claim(f"Started {_moment(session.started_at)}", kinds.get("session.started", kinds.get("session.created")))
        )
    if session.ended_at is not None:
        kind = f"session.{session.status}"
        claims.append(Claim(f"{session.get_status_display()} {_moment(session.ended_at)}", kinds.get(kind)))
    else:
        claims.append(
            Claim(
                f"Status: {session.get_status_display()}",
                kinds.get("session.paused") if session.status == "paused" else None,
            )
        )
    return claims


def _step(step: StepFacts, events: _Events) -> Claim:
    ended = f" — {step.status}"
    if step.completed_by:
        ended = f" — {step.status}, {step.completed_by}"
    return Claim(f"{step.index + 1}. {step.instruction}{ended}", events.steps.get(step.index))


def _channels(session: LabSession, events: _Events) -> list[ChannelTold]:
    held = sorted(readings().channels(session), key=_interest)[:MOST_CHANNELS]
    origin = min((one.first_at for one in held if one.first_at is not None), default=None)
    if origin is None:
        return []
    envelopes = {one.name: one for one in readings().envelopes(session, origin=origin, places=PLACES)}
    return [_channel(one, envelopes[one.name], events) for one in held if one.name in envelopes]


def _interest(channel: ChannelSummary) -> tuple[bool, bool, int, str]:
    """Return where a channel stands: the pinned first, those that never moved last."""
    return not channel.pinned, channel.minimum == channel.maximum, -channel.count, channel.name


def _channel(held: ChannelSummary, drawn: ChannelEnvelope, events: _Events) -> ChannelTold:
    shown_by = events.kinds.get("telemetry.sealed", events.channels.get(held.name))
    unit = f" {held.unit}" if held.unit else ""
    claims = [Claim(f"{held.count:,} readings", shown_by)]
    if held.first_at is not None and held.last_at is not None:
        claims.append(Claim(f"{_moment(held.first_at)} to {_moment(held.last_at)}", shown_by))
    claims.append(Claim(f"Lowest {drawn.minimum:.4g}{unit}, highest {drawn.maximum:.4g}{unit}", shown_by))
    if drawn.mean is not None:
        claims.append(Claim(f"Mean {drawn.mean:.4g}{unit}", shown_by))
    chart = Chart(
        channel=held.name,
        unit=held.unit,
        hours=tuple(second / 3600 for second in drawn.elapsed_s),
        low=tuple(drawn.low),
        high=tuple(drawn.high),
    )
    return ChannelTold(chart, tuple(claims))


def _approvals(session: LabSession, events: _Events) -> list[Claim]:
    claims = []
    exports = NarrativeExport.objects.filter(session=session).select_related("approval").order_by("-version")
    for export in exports.prefetch_related("approval__stages")[:6]:
        stages = list(export.approval.stages.all())
        signed = sum(stage.status == "approved" for stage in stages)
        archive = f", archive {export.artifact_status}" if export.approval.state == LadderState.APPROVED else ""
        claims.append(
            Claim(
                f"Version {export.version}: {export.approval.state}, {signed} of {len(stages)} stages signed{archive}",
                events.exports.get(export.public_id),
            )
        )
    return claims


def _next(
    session: LabSession, steps: tuple[StepFacts, ...], notes: tuple[NoteFacts, ...], events: _Events
) -> list[Claim]:
    claims = []
    if not session.is_ended:
        open_ones = [step for step in steps if step.status not in DONE_STEPS]
        for step in open_ones[:3]:
            why = f" (blocked: {step.blocked_reason})" if step.blocked_reason else ""
            claims.append(Claim(f"Step {step.index + 1}: {step.instruction}{why}", events.steps.get(step.index)))
    unread = [note for note in notes if note.unverified_speech]
    if unread:
        claims.append(Claim(f"Confirm {len(unread)} transcribed notes", events.notes.get(unread[0].id)))
    pending = NarrativeExport.objects.filter(session=session, approval__state=LadderState.PENDING).order_by("-version")
    for export in pending[:2]:
        claims.append(Claim(f"Sign version {export.version} of the narrative", events.exports.get(export.public_id)))
    if GuardrailSimulation.objects.holding().filter(session=session).exists():
        claims.append(
            Claim("Clear or waive the guardrails that hold packing", events.kinds.get("governance.guardrail.simulated"))
        )
    if session.is_ended and not NarrativeExport.objects.filter(session=session).exists():
        claims.append(Claim("Freeze the session and ask for approval"))
    return claims


def _note(note: NoteFacts, events: _Events) -> Claim:
    return Claim(f"{note.timestamp[11:16]} {note.speaker or note.author}: {note.content}", events.notes.get(note.id))


def _shown_by(sentence: str, events: _Events) -> int | None:
    """Return the event behind a deviation that names its step or its note."""
    words = sentence.split()
    if len(words) > 1 and words[0] == "Step" and words[1].isdecimal():
        return events.steps.get(int(words[1]) - 1)
    if len(words) > 1 and words[0] == "Note":
        return events.notes.get(words[1])
    return None


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
