"""What the doors of the numbers answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from governance_app.analytics.cadence import BANDS
from governance_app.states import OverrideKind, OverrideRule

RISKS: Final = ["low", "medium", "high"]


def _count() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0)


def _maybe() -> serializers.FloatField:
    return serializers.FloatField(allow_null=True)


def _when() -> serializers.DateTimeField:
    return serializers.DateTimeField(allow_null=True)


class SlaSample(serializers.Serializer[Any]):
    """One predicted stage, and what became of it."""

    stage_index = _count()
    predicted_due_at = _when()
    actual_completed_at = _when()
    delta_minutes = serializers.IntegerField(allow_null=True)
    within_target = serializers.BooleanField(allow_null=True)


class AnalyticsResult(serializers.Serializer[Any]):
    """The numbers of one session, from its latest preview."""

    execution_id = serializers.CharField()
    preview_event_id = serializers.CharField()
    snapshot_id = serializers.CharField(allow_null=True)
    baseline_snapshot_id = serializers.CharField(allow_null=True)
    generated_at = serializers.DateTimeField()
    stage_count = _count()
    blocked_stage_count = _count()
    blocked_ratio = serializers.FloatField()
    overrides_applied = _count()
    override_actions_executed = _count()
    override_actions_reversed = _count()
    override_cooldown_minutes = _maybe()
    new_blocker_count = _count()
    resolved_blocker_count = _count()
    ladder_load = serializers.FloatField()
    sla_within_target_ratio = _maybe()
    mean_sla_delta_minutes = _maybe()
    sla_samples = SlaSample(many=True)
    blocker_heatmap = serializers.ListField(child=serializers.IntegerField())
    risk_level = serializers.ChoiceField(choices=RISKS)
    baseline_version_count = _count()
    approval_latency_minutes = _maybe()
    publication_cadence_days = _maybe()
    rollback_count = _count()
    blocker_churn_index = serializers.FloatField()


class LatencyBand(serializers.Serializer[Any]):
    """Reviews that took from one number of minutes to less than another."""

    label = serializers.CharField()  # type: ignore[assignment]
    start_minutes = serializers.IntegerField(allow_null=True)
    end_minutes = serializers.IntegerField(allow_null=True)
    count = _count()


class ReviewerCadence(serializers.Serializer[Any]):
    """The numbers of one reviewer."""

    reviewer_id = serializers.CharField()
    reviewer_email = serializers.CharField()
    reviewer_name = serializers.CharField()
    assignment_count = _count()
    completion_count = _count()
    pending_count = _count()
    load_band = serializers.ChoiceField(choices=BANDS)
    average_latency_minutes = _maybe()
    latency_p50_minutes = _maybe()
    latency_p90_minutes = _maybe()
    latency_bands = LatencyBand(many=True)
    blocked_ratio_trailing = _maybe()
    churn_signal = _maybe()
    rollback_precursor_count = _count()
    publish_streak = _count()
    last_publish_at = _when()
    streak_alert = serializers.BooleanField()
    related_execution_ids = serializers.ListField(child=serializers.CharField())


class LoadBandCounts(serializers.Serializer[Any]):
    """How many reviewers carry how much."""

    light = _count()
    steady = _count()
    saturated = _count()


class RiskLevelCounts(serializers.Serializer[Any]):
    """How many sessions stand how."""

    low = _count()
    medium = _count()
    high = _count()


class BlockedStage(serializers.Serializer[Any]):
    """In how many sessions the stage in one place was blocked."""

    stage_index = _count()
    count = _count()


class CadenceTotals(serializers.Serializer[Any]):
    """The numbers of all reviewers together."""

    reviewer_count = _count()
    streak_alert_count = _count()
    reviewer_latency_p50_minutes = _maybe()
    reviewer_latency_p90_minutes = _maybe()
    load_band_counts = LoadBandCounts()


class AnalyticsTotals(serializers.Serializer[Any]):
    """The numbers of all sessions in scope together."""

    preview_count = _count()
    average_blocked_ratio = serializers.FloatField()
    total_new_blockers = _count()
    total_resolved_blockers = _count()
    average_sla_within_target_ratio = _maybe()
    total_baseline_versions = _count()
    total_rollbacks = _count()
    average_approval_latency_minutes = _maybe()
    average_publication_cadence_days = _maybe()
    risk_level_counts = RiskLevelCounts()
    blocker_heatmap = BlockedStage(many=True)
    reviewer_count = _count()
    streak_alert_count = _count()
    reviewer_latency_p50_minutes = _maybe()
    reviewer_latency_p90_minutes = _maybe()
    reviewer_load_band_counts = LoadBandCounts()


class StageDetail(serializers.Serializer[Any]):
    """How one stage of a ladder fares."""

    sequence_index = _count()
    name = serializers.CharField()
    status = serializers.CharField()
    breached = serializers.BooleanField()
    resolution_minutes = _maybe()
    due_at = _when()
    completed_at = _when()


class StageMetrics(serializers.Serializer[Any]):
    """How the ladder of one export fares."""

    total = _count()
    overdue_count = _count()
    mean_resolution_minutes = _maybe()
    status_counts = serializers.DictField(child=_count())
    stage_details = serializers.DictField(child=StageDetail())


class TrendDay(serializers.Serializer[Any]):
    """How many stages became overdue on one day (UTC)."""

    date = serializers.DateField()
    count = _count()


class LateStage(serializers.Serializer[Any]):
    """A stage that is or was late."""

    stage_id = serializers.CharField()
    export_id = serializers.CharField()
    execution_id = serializers.CharField()
    sequence_index = _count()
    status = serializers.CharField()
    role = serializers.CharField()
    due_at = _when()
    resolved_at = _when()
    detected_at = _when()


class OverdueSummary(serializers.Serializer[Any]):
    """What is or was late on the ladders of exports."""

    total_overdue = _count()
    open_overdue = _count()
    resolved_overdue = _count()
    overdue_exports = serializers.ListField(child=serializers.CharField())
    role_counts = serializers.DictField(child=_count())
    mean_open_minutes = _maybe()
    open_age_buckets = serializers.DictField(child=_count(), help_text="Minutes: `lt60`, `60to180`, `gt180`.")
    trend = TrendDay(many=True)
    stage_samples = LateStage(many=True)


class AnalyticsMeta(serializers.Serializer[Any]):
    """The ladders of exports: those of the sessions told one by one, and what is or was late on any."""

    approval_stage_metrics = serializers.DictField(child=StageMetrics())
    overdue_stage_summary = OverdueSummary()


class OriginCounts(serializers.Serializer[Any]):
    """How many overrides came from somewhere."""

    executed_count = _count()
    reversed_count = _count()
    net_count = serializers.IntegerField()


class ScenarioCounts(OriginCounts):
    """Overrides whose lineage names a scenario."""

    scenario_id = serializers.CharField()
    scenario_name = serializers.CharField(allow_null=True)
    folder_name = serializers.CharField(allow_null=True)


class NotebookCounts(OriginCounts):
    """Overrides whose lineage names a notebook entry."""

    notebook_entry_id = serializers.CharField()
    notebook_title = serializers.CharField(allow_null=True)
    execution_id = serializers.CharField(allow_null=True)


class LineageSummary(serializers.Serializer[Any]):
    """Where overrides came from."""

    scenarios = ScenarioCounts(many=True)
    notebooks = NotebookCounts(many=True)


class AnalyticsReport(serializers.Serializer[Any]):
    """The numbers of sessions, reviewers and ladders."""

    generated_at = serializers.DateTimeField()
    results = AnalyticsResult(many=True)
    reviewer_cadence = ReviewerCadence(many=True)
    totals = AnalyticsTotals()
    lineage_summary = LineageSummary()
    meta = AnalyticsMeta()


class ReviewerReport(serializers.Serializer[Any]):
    """The numbers of reviewers alone."""

    reviewers = ReviewerCadence(many=True)
    totals = CadenceTotals()


class Recommendation(serializers.Serializer[Any]):
    """One piece of advice about one reviewer."""

    recommendation_id = serializers.CharField()
    rule_key = serializers.ChoiceField(choices=OverrideRule.choices)
    action = serializers.ChoiceField(choices=OverrideKind.choices)
    priority = serializers.CharField(help_text="`high` or `medium`.")
    summary = serializers.CharField()
    detail = serializers.CharField()
    reviewer_id = serializers.CharField()
    reviewer_name = serializers.CharField()
    reviewer_email = serializers.CharField()
    triggered_at = serializers.DateTimeField()
    related_execution_ids = serializers.ListField(child=serializers.CharField())
    metrics = serializers.DictField()
    allow_opt_out = serializers.BooleanField()


class RecommendationReport(serializers.Serializer[Any]):
    """What the rules advise now."""

    generated_at = serializers.DateTimeField()
    recommendations = Recommendation(many=True)
