"""The numbers of governance as the wire shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from biolab.kernel.ids import typeid
from biolab.kernel.times import iso, iso_or_none
from governance_app.analytics.cadence import LATENCY_BANDS, ReviewerFigures
from governance_app.analytics.lateness import Overdue, StageRow
from governance_app.analytics.metrics import OverrideDone, Preview, SessionFigures, SlaSample, lineage_of
from governance_app.analytics.rows import Named
from sessions_app.models import LabSession

UNKNOWN: Final = Named("", "", "")


def session_id(pk: UUID) -> str:
    """Return the session's id on the wire."""
    return typeid(LabSession.id_prefix, pk)


def result_as_wire(figures: SessionFigures, preview: Preview) -> dict[str, Any]:
    """Return the numbers of one previewed session."""
    return {
        "execution_id": session_id(figures.session_id),
        "preview_event_id": preview.event_id,
        "snapshot_id": preview.snapshot_id,
        "baseline_snapshot_id": preview.baseline_snapshot_id,
        "generated_at": iso(preview.generated_at),
        "stage_count": preview.stage_count,
        "blocked_stage_count": preview.blocked_stage_count,
        "blocked_ratio": figures.blocked_ratio,
        "overrides_applied": preview.override_count,
        "override_actions_executed": figures.override_actions_executed,
        "override_actions_reversed": figures.override_actions_reversed,
        "override_cooldown_minutes": figures.override_cooldown_minutes,
        "new_blocker_count": preview.new_blocker_count,
        "resolved_blocker_count": preview.resolved_blocker_count,
        "ladder_load": figures.ladder_load,
        "sla_within_target_ratio": figures.sla_within_target_ratio,
        "mean_sla_delta_minutes": figures.mean_sla_delta_minutes,
        "sla_samples": [_sample_as_wire(sample) for sample in figures.sla_samples],
        "blocker_heatmap": list(preview.blocked_stage_indexes),
        "risk_level": figures.risk_level,
        "baseline_version_count": figures.baseline_version_count,
        "approval_latency_minutes": figures.approval_latency_minutes,
        "publication_cadence_days": figures.publication_cadence_days,
        "rollback_count": figures.rollback_count,
        "blocker_churn_index": figures.blocker_churn_index,
    }


def _sample_as_wire(sample: SlaSample) -> dict[str, Any]:
    return {
        "stage_index": sample.stage_index,
        "predicted_due_at": iso_or_none(sample.predicted_due_at),
        "actual_completed_at": iso_or_none(sample.actual_completed_at),
        "delta_minutes": sample.delta_minutes,
        "within_target": sample.within_target,
    }


def reviewer_as_wire(reviewer: ReviewerFigures, people: Mapping[UUID, Named]) -> dict[str, Any]:
    """Return the numbers of one reviewer."""
    who = people.get(reviewer.reviewer_id, UNKNOWN)
    return {
        "reviewer_id": who.public_id,
        "reviewer_email": who.email,
        "reviewer_name": who.name,
        "assignment_count": reviewer.assignment_count,
        "completion_count": reviewer.completion_count,
        "pending_count": reviewer.pending_count,
        "load_band": reviewer.load_band,
        "average_latency_minutes": reviewer.average_latency_minutes,
        "latency_p50_minutes": reviewer.latency_p50_minutes,
        "latency_p90_minutes": reviewer.latency_p90_minutes,
        "latency_bands": [
            {"label": label, "start_minutes": start, "end_minutes": end, "count": reviewer.latency_bands[label]}
            for label, start, end in LATENCY_BANDS
        ],
        "blocked_ratio_trailing": reviewer.blocked_ratio_trailing,
        "churn_signal": reviewer.churn_signal,
        "rollback_precursor_count": reviewer.rollback_precursor_count,
        "publish_streak": reviewer.publish_streak,
        "last_publish_at": iso_or_none(reviewer.last_publish_at),
        "streak_alert": reviewer.streak_alert,
        "related_execution_ids": [session_id(pk) for pk in reviewer.sessions],
    }


def overdue_as_wire(late: Overdue) -> dict[str, Any]:
    """Return what is or was late."""
    return {**late.summary(), "stage_samples": [_late_as_wire(stage) for stage in late.shown]}


def _late_as_wire(stage: StageRow) -> dict[str, Any]:
    return {
        "stage_id": stage.public_id,
        "export_id": stage.export_id,
        "execution_id": session_id(stage.session_id),
        "sequence_index": stage.sequence_index,
        "status": stage.status,
        "role": stage.role,
        "due_at": iso_or_none(stage.due_at),
        "resolved_at": iso_or_none(stage.resolved_at),
        "detected_at": iso_or_none(stage.notified_at or stage.due_at),
    }


def report_as_wire(
    *,
    results: Sequence[dict[str, Any]],
    reviewers: Sequence[dict[str, Any]],
    totals: dict[str, Any],
    cadence: dict[str, Any],
    overrides: Sequence[OverrideDone],
    meta: dict[str, Any],
    at: datetime,
) -> dict[str, Any]:
    """Return the whole answer of ``view=full``."""
    spread = {**cadence, "reviewer_load_band_counts": cadence["load_band_counts"]}
    del spread["load_band_counts"]
    return {
        "generated_at": iso(at),
        "results": list(results),
        "reviewer_cadence": list(reviewers),
        "totals": {**totals, **spread},
        "lineage_summary": {
            "scenarios": [
                {"scenario_id": origin, "scenario_name": None, "folder_name": None, **counts}
                for origin, counts in lineage_of(overrides, "scenario_id").items()
            ],
            "notebooks": [
                {"notebook_entry_id": origin, "notebook_title": None, "execution_id": None, **counts}
                for origin, counts in lineage_of(overrides, "notebook_entry_id").items()
            ],
        },
        "meta": meta,
    }
