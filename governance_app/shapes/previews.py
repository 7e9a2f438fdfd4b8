"""Previews as the wire and the timeline show them, and as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from biolab.kernel.times import iso, iso_or_none
from governance_app.rules.blueprint import hours
from governance_app.rules.simulation import BLOCKED, Comparison, Forecast
from sessions_app.markdown import one_line


def insight(pair: Comparison) -> dict[str, Any]:
    """Return one stage with its twin in the baseline, and what differs."""
    after, before = pair.simulated, pair.baseline
    return {
        "index": after.index,
        "name": after.plan.name,
        "required_role": after.plan.required_role,
        "status": after.status,
        "sla_hours": hours(after.plan.sla_hours),
        "projected_due_at": iso_or_none(after.due_at),
        "blockers": list(after.blockers),
        "required_actions": list(after.required_actions),
        "auto_triggers": list(after.auto_triggers),
        "assignee_id": after.plan.assignee_id,
        "delegate_id": after.plan.delegate_id,
        "mapped_step_indexes": list(after.steps),
        "gate_keys": list(after.plan.gate_keys),
        "baseline_status": before.status if before is not None else None,
        "baseline_sla_hours": hours(before.plan.sla_hours) if before is not None else None,
        "baseline_projected_due_at": iso_or_none(before.due_at) if before is not None else None,
        "baseline_blockers": list(before.blockers) if before is not None else [],
        "baseline_assignee_id": before.plan.assignee_id if before is not None else None,
        "baseline_delegate_id": before.plan.delegate_id if before is not None else None,
        "delta_status": pair.delta_status,
        "delta_sla_hours": pair.delta_sla_hours,
        "delta_projected_due_minutes": pair.delta_due_minutes,
        "delta_new_blockers": list(pair.new_blockers),
        "delta_resolved_blockers": list(pair.resolved_blockers),
    }


def comparison(pair: Comparison) -> dict[str, Any]:
    """Return one stage as the guardrails compare it."""
    return {
        "index": pair.simulated.index,
        "name": pair.simulated.plan.name,
        "required_role": pair.simulated.plan.required_role,
        "mapped_step_indexes": list(pair.simulated.steps),
        "gate_keys": list(pair.simulated.plan.gate_keys),
        "baseline": _side(pair.baseline),
        "simulated": _side(pair.simulated),
    }


def _side(forecast: Forecast | None) -> dict[str, Any]:
    return {
        "status": forecast.status if forecast is not None else None,
        "sla_hours": hours(forecast.plan.sla_hours) if forecast is not None else None,
        "projected_due_at": iso_or_none(forecast.due_at) if forecast is not None else None,
        "blockers": list(forecast.blockers) if forecast is not None else [],
        "required_actions": list(forecast.required_actions) if forecast is not None else [],
        "auto_triggers": list(forecast.auto_triggers) if forecast is not None else [],
    }


def summary(pairs: Sequence[Comparison]) -> dict[str, Any]:
    """Return the figures over all stages that the timeline keeps of a preview."""
    blocked = [pair.simulated.index for pair in pairs if pair.simulated.status == BLOCKED]
    return {
        "stage_count": len(pairs),
        "blocked_stage_count": len(blocked),
        "blocked_stage_indexes": blocked,
        "new_blocker_count": sum(len(pair.new_blockers) for pair in pairs),
        "resolved_blocker_count": sum(len(pair.resolved_blockers) for pair in pairs),
        "delta_projection_minutes": [pair.delta_due_minutes for pair in pairs if pair.delta_due_minutes is not None],
        "stage_predictions": [
            {
                "index": pair.simulated.index,
                "status": pair.simulated.status,
                "projected_due_at": iso_or_none(pair.simulated.due_at),
                "baseline_projected_due_at": iso_or_none(pair.baseline.due_at) if pair.baseline is not None else None,
                "mapped_step_indexes": list(pair.simulated.steps),
                "delta_status": pair.delta_status,
                "delta_projected_due_minutes": pair.delta_due_minutes,
            }
            for pair in pairs
        ],
    }


def narrative(
    pairs: Sequence[Comparison],
    *,
    session: str,
    template: str,
    at: datetime,
    names: Mapping[str, str],
    warnings: Sequence[str] = (),
) -> str:
    """Return a preview as Markdown: the context, then a heading for each stage.

    Args:
        names: of the people in it, by public id.
    """
    return "".join(_told(pairs, session, template, at, names, warnings))


def _told(
    pairs: Sequence[Comparison],
    session: str,
    template: str,
    at: datetime,
    names: Mapping[str, str],
    warnings: Sequence[str],
) -> Iterator[str]:
    blocked = sum(pair.simulated.status == BLOCKED for pair in pairs)
    yield f"# Preview of {one_line(template)}\n\n"
    yield f"- Session: {one_line(session)}\n- Generated: {iso(at)}\n- Stages: {len(pairs)}, {blocked} of them blocked\n"
    for warning in warnings:
        yield f"- Warning: {one_line(warning)}\n"
    for pair in pairs:
        stage = pair.simulated
        yield f"\n## Stage {stage.index + 1}: {one_line(stage.plan.name)}\n\n"
        yield f"- Role: {one_line(stage.plan.required_role)}\n"
        for label, who in (("Assignee", stage.plan.assignee_id), ("Delegate", stage.plan.delegate_id)):
            if who is not None:
                yield f"- {label}: {one_line(names.get(who, who))}\n"
        yield f"- Status: {stage.status}{_aside(pair.delta_status)}\n"
        sla = hours(stage.plan.sla_hours)
        yield f"- SLA: {'none' if sla is None else f'{sla} h'}\n"
        yield f"- Projected due: {iso_or_none(stage.due_at) or 'none'}{_later(pair.delta_due_minutes)}\n"
        yield f"- Steps: {', '.join(str(index + 1) for index in stage.steps) or 'none'}\n"
        for label, texts in (
            ("Blockers", stage.blockers),
            ("Required actions", stage.required_actions),
            ("Triggers", stage.auto_triggers),
        ):
            yield f"- {label}:{'' if texts else ' none'}\n"
            yield from (f"  - {one_line(text)}\n" for text in texts)


def _aside(delta: str | None) -> str:
    return f" ({delta} against the baseline)" if delta is not None else " (not in the baseline)"


def _later(minutes: int | None) -> str:
    if not minutes:
        return ""
    return f" ({abs(minutes)} min {'later' if minutes > 0 else 'earlier'} than the baseline)"
