"""What a baseline holds of a session, and a later session held against it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from biolab.kernel.errors import Invalid
from biolab.kernel.ids import typeid
from biolab.kernel.times import iso, iso_or_none
from governance_app.models import GovernanceBaseline, TemplateSnapshot
from governance_app.rules.comparison import TOLERANCE_PERCENT, compare_contents
from governance_app.services.baseline_parts import refuse_drift
from sessions_app.models import LabSession, Protocol, ProtocolVersion, Step
from sessions_app.ports import ChannelEnvelope, readings

FORM: Final = "biolab.baseline/1"
PLACES: Final = 200  # intervals of each channel


def freeze_session(*, session: LabSession, snapshot: TemplateSnapshot | None, at: datetime) -> dict[str, Any]:
    """Return protocol, parameters, step outcomes, envelopes and template in force, as JSON values.

    Channels: ``elapsed_s`` counts from the session's start and rises; ``low`` and ``high`` are as long, in the
    channel's unit. Intervals without readings are left out.
    """
    version = session.protocol_version
    steps = session.steps.select_related("completed_by").prefetch_related("approvals").order_by("index")
    envelopes = readings().envelopes(session, origin=session.started_at or session.created_at, places=PLACES)
    return {
        "form": FORM,
        "captured_at": iso(at),
        "session": _session(session),
        "protocol": _protocol(version) if version is not None else None,
        "parameters": session.parameters,
        "steps": [_step(step) for step in steps],
        "channels": [_channel(envelope) for envelope in envelopes],
        "template_snapshot": _snapshot(snapshot) if snapshot is not None else None,
    }


def hold_against(
    *, baseline: GovernanceBaseline, session: LabSession, at: datetime, tolerance_percent: float = TOLERANCE_PERCENT
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how a session, as it stands now, kept to a baseline; and what of the session that was read from.

    Raises:
        Invalid: the session follows another protocol, or none.
        BaselineDrifted: what was frozen no longer matches its digest.
    """
    version = session.protocol_version
    if version is None or version.protocol_id != baseline.protocol_id:
        raise Invalid(
            "Only sessions of the baseline's protocol are compared with it.",
            code="not_of_one_protocol",
            errors=[{"pointer": "?execution_id", "detail": "This session follows another protocol, or none."}],
        )
    refuse_drift(baseline)
    now = freeze_session(session=session, snapshot=None, at=at)
    return compare_contents(baseline.content, now, tolerance_percent=tolerance_percent), now


def lasted_s(started_at: datetime | None, ended_at: datetime | None) -> float | None:
    """Return the seconds between two times; None where one of them is missing."""
    return None if started_at is None or ended_at is None else (ended_at - started_at).total_seconds()


def _session(session: LabSession) -> dict[str, Any]:
    return {
        "id": session.public_id,
        "name": session.name,
        "description": session.description,
        "status": session.status,
        "created_at": iso(session.created_at),
        "started_at": iso_or_none(session.started_at),
        "ended_at": iso_or_none(session.ended_at),
        "duration_s": lasted_s(session.started_at, session.ended_at),
        "head_sequence": session.head_sequence,
        "head_hash": session.head_hash,
    }


def _protocol(version: ProtocolVersion) -> dict[str, Any]:
    return {
        "id": typeid(Protocol.id_prefix, version.protocol_id),
        "version": version.version,
        "title": version.title,
        "content": version.content,
        "variables": version.variables,
        "ordered": version.ordered,
        "digest": version.digest,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "index": step.index,
        "instruction": step.instruction,
        "status": step.status,
        "started_at": iso_or_none(step.started_at),
        "completed_at": iso_or_none(step.completed_at),
        "completed_by": step.completed_by.printed_name if step.completed_by is not None else None,
        "duration_s": lasted_s(step.started_at, step.completed_at),
        "planned_duration_s": step.planned_duration_s,
        "values": step.values,
        "approvals": [
            {"name": approval.name, "by": approval.by_name, "role": approval.role, "at": iso(approval.at)}
            for approval in step.approvals.all()
        ],
    }


def _channel(envelope: ChannelEnvelope) -> dict[str, Any]:
    return {
        "name": envelope.name,
        "unit": envelope.unit,
        "count": envelope.count,
        "minimum": envelope.minimum,
        "maximum": envelope.maximum,
        "mean": envelope.mean,
        "elapsed_s": envelope.elapsed_s,
        "low": envelope.low,
        "high": envelope.high,
    }


def _snapshot(snapshot: TemplateSnapshot) -> dict[str, Any]:
    return {
        "id": snapshot.public_id,
        "template_id": snapshot.template.public_id,
        "template_key": snapshot.key,
        "version": snapshot.version,
        "digest": snapshot.digest,
    }
