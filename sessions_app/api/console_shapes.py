"""What the console's doors answer."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from biolab.accounts.models import User
from biolab.kernel.ids import typeid
from biolab.kernel.times import iso, iso_or_none
from sessions_app.api.console_words import WORD_OF
from sessions_app.gates import Block
from sessions_app.models import LabSession, NotebookEntry, Protocol, ProtocolVersion, Step, TimelineEvent
from sessions_app.ports import Anomaly, ChannelSummary, ReadingValue, readings
from sessions_app.selectors import notebook_of, written_by_itself
from sessions_app.services.sessions import open_moves
from sessions_app.step_gates import blocks_of
from sessions_app.verification import Report

PREVIEW: Final = 10
MOST_ANOMALIES: Final = 100


def person_shape(person: User) -> dict[str, Any]:
    """Return a person as others see them."""
    return {"id": person.public_id, "name": person.printed_name}


def execution_shape(session: LabSession) -> dict[str, Any]:
    """Return a session in the console's words."""
    version = session.protocol_version
    return {
        "id": session.public_id,
        "title": session.name,
        "description": session.description,
        "status": WORD_OF[session.status],
        "template_id": typeid(Protocol.id_prefix, version.protocol_id) if version is not None else None,
        "protocol_version": version.version if version is not None else None,
        "team_id": typeid("team", session.team_id),
        "parameters": session.parameters,
        "created_by": person_shape(session.created_by),
        "created_at": iso(session.created_at),
        "updated_at": iso(session.updated_at),
        "planned_for": iso_or_none(session.planned_for),
        "started_at": iso_or_none(session.started_at),
        "ended_at": iso_or_none(session.ended_at),
        "legal_hold": session.legal_hold,
        "imported_from": session.imported_from or None,
        "head_sequence": session.head_sequence,
    }


def listed_shape(session: LabSession) -> dict[str, Any]:
    """Return a session as lists show it."""
    version = session.protocol_version
    protocol = None
    if version is not None:
        protocol = {
            "id": typeid(Protocol.id_prefix, version.protocol_id),
            "title": version.title,
            "version": version.version,
            "ordered": version.ordered,
        }
    return {"execution": execution_shape(session), "protocol": protocol}


def session_shape(session: LabSession, person: User, *, at: datetime) -> dict[str, Any]:
    """Return everything the console shows of a session to this person at a moment."""
    version = session.protocol_version
    latest = readings().latest(session)
    steps = list(session.steps.select_related("completed_by").order_by("index"))
    blocks = blocks_of(session, steps, at=at)
    moves = [move.name for move in open_moves(session, person)]
    return {
        "execution": {
            **execution_shape(session),
            "crew": [person_shape(member) for member in session.crew.all()],
            "open_moves": moves,
        },
        "protocol": run_protocol_shape(version) if version is not None else None,
        "notebook_entries": [notebook_shape(entry) for entry in notebook_of(session)],
        "steps": [step_shape(step, blocks.get(step.index)) for step in steps],
        "telemetry_channels": [
            channel_shape(channel, latest.get(channel.name)) for channel in readings().channels(session)
        ],
        "anomaly_events": [anomaly_shape(anomaly) for anomaly in readings().anomalies(session, most=MOST_ANOMALIES)],
        "auto_log_entries": [logged_shape(event) for event in written_by_itself(session)[:PREVIEW]],
        "timeline_preview": [event_shape(event) for event in session.events.order_by("-sequence")[:PREVIEW]],
    }


def step_shape(step: Step, block: Block | None) -> dict[str, Any]:
    """Return a step, with what blocks it and would free it."""
    return {
        "index": step.index,
        "instruction": step.instruction,
        "status": step.status,
        "started_at": iso_or_none(step.started_at),
        "completed_at": iso_or_none(step.completed_at),
        "completed_by": person_shape(step.completed_by) if step.completed_by is not None else None,
        "blocked_reason": block.reason if block is not None else None,
        "required_actions": list(block.required_actions) if block is not None else [],
        "auto_triggers": list(block.auto_triggers) if block is not None else [],
        "planned_duration_s": step.planned_duration_s,
        "values": step.values,
    }


def notebook_shape(entry: NotebookEntry) -> dict[str, Any]:
    """Return what the session shows of a notebook entry; ``GET /api/notebook/entries/{id}`` has its text."""
    return {
        "id": entry.public_id,
        "title": entry.title,
        "version": entry.version,
        "status": entry.status,
        "author": person_shape(entry.created_by),
        "created_at": iso(entry.created_at),
        "updated_at": iso(entry.updated_at),
    }


def channel_shape(channel: ChannelSummary, latest: ReadingValue | None) -> dict[str, Any]:
    """Return what the session holds of a channel."""
    return {
        "id": channel.id,
        "name": channel.name,
        "unit": channel.unit,
        "pinned": channel.pinned,
        "count": channel.count,
        "first_at": iso_or_none(channel.first_at),
        "last_at": iso_or_none(channel.last_at),
        "minimum": channel.minimum,
        "maximum": channel.maximum,
        "latest": latest.value if latest is not None else None,
    }


def anomaly_shape(anomaly: Anomaly) -> dict[str, Any]:
    """Return a stretch of a channel beyond its limits, or silent; it weighs most while nobody has answered for it."""
    going_on = "warning" if anomaly.answered else "critical"
    return {
        "id": anomaly.id,
        "channel": anomaly.channel,
        "channel_id": anomaly.channel_id,
        "message": f"{anomaly.channel} {anomaly.told}",
        "severity": going_on if anomaly.until is None else "info",
        "timestamp": iso(anomaly.since),
        "ended_at": iso_or_none(anomaly.until),
        "acknowledged": anomaly.answered,
    }


def logged_shape(event: TimelineEvent) -> dict[str, Any]:
    """Return what the house wrote on the timeline without a person."""
    return {
        "sequence": event.sequence,
        "source": event.kind,
        "title": event.told,
        "created_at": iso(event.occurred_at),
    }


def event_shape(event: TimelineEvent) -> dict[str, Any]:
    """Return an event: what was hashed, and the hash."""
    return {**event.record, "hash": event.hash}


def report_shape(report: Report) -> dict[str, Any]:
    """Return what verification found; ``first_bad`` and ``reason`` only where there is something."""
    found: dict[str, Any] = {"valid": report.valid, "events": report.events, "head": report.head}
    if not report.valid:
        found |= {"first_bad": report.first_bad, "reason": report.reason}
    checkpoint = report.checkpoint
    return {**found, "checkpoint": asdict(checkpoint) if checkpoint is not None else None}


def run_protocol_shape(version: ProtocolVersion) -> dict[str, Any]:
    """Return the wording a session runs, with the protocol's status now."""
    return {**version_shape(version), "id": version.protocol.public_id, "status": version.protocol.status}


def version_shape(version: ProtocolVersion) -> dict[str, Any]:
    """Return one wording of a protocol."""
    return {
        "title": version.title,
        "version": version.version,
        "content": version.content,
        "variables": version.variables,
        "ordered": version.ordered,
        "digest": version.digest,
    }


def kept_version_shape(version: ProtocolVersion) -> dict[str, Any]:
    """Return one wording as the history of its protocol shows it."""
    written = {"created_by": person_shape(version.created_by), "created_at": iso(version.created_at)}
    return {**version_shape(version), **written}


def protocol_shape(protocol: Protocol) -> dict[str, Any]:
    """Return a protocol that came through ``Protocol.objects.worded()``, as it reads now."""
    return {
        "id": protocol.public_id,
        **version_shape(protocol.wording),
        "status": protocol.status,
        "team_id": typeid("team", protocol.team_id),
        "created_by": person_shape(protocol.created_by),
        "created_at": iso(protocol.created_at),
        "updated_at": iso(protocol.updated_at),
    }
