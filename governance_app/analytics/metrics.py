"""Governance in numbers, session by session: what previews foretold, what became of it, and how baselines fared.

Pure: plain rows in, plain figures out. docs/analytics.md says what each number means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

MINUTE: Final = timedelta(minutes=1)
MINUTE_S: Final = 60.0
DAY_S: Final = 86_400.0
HIGH_RISK, MEDIUM_RISK = 1.0, 0.5

RiskLevel = Literal["low", "medium", "high"]


class Prediction(NamedTuple):
    """When a preview expected one stage to be done, and the steps it rests on."""

    stage_index: int
    due_at: datetime | None
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The latest preview of a session."""

    event_id: str
    generated_at: datetime
    snapshot_id: str | None
    baseline_snapshot_id: str | None
    stage_count: int
    blocked_stage_count: int
    blocked_stage_indexes: tuple[int, ...]
    override_count: int
    new_blocker_count: int
    resolved_blocker_count: int
    predictions: tuple[Prediction, ...]

    @property
    def blocked_ratio(self) -> float:
        """The share of stages that were blocked; 0 without stages."""
        return self.blocked_stage_count / self.stage_count if self.stage_count else 0.0


@dataclass(frozen=True, slots=True)
class OverrideDone:
    """An override that was executed or reversed.

    ``added`` and ``removed`` count the reviewers that a reassignment, or its reversal, put on the baseline and took
    off it; ``cooldown_minutes`` is the length of a cooldown.
    """

    action: str
    reversed: bool
    added: int = 0
    removed: int = 0
    cooldown_minutes: float = 0.0
    scenario_id: str | None = None
    notebook_entry_id: str | None = None

    @property
    def load(self) -> float:
        """What it does to the load of the ladder."""
        if self.action == "reassign":
            return self.added - self.removed
        if self.action == "cooldown":
            return 1.0 if self.reversed else -1.0
        if self.action == "escalate":
            return -0.5 if self.reversed else 0.5
        return 0.0

    def taken_back(self) -> OverrideDone:
        """Return its reversal."""
        return replace(self, reversed=True, added=self.removed, removed=self.added)


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """One version of a baseline, from its submission on; ``rollbacks`` counts how often it was taken back."""

    id: UUID
    reviewer_ids: tuple[UUID, ...]
    submitted_at: datetime
    reviewed_at: datetime | None = None
    reviewed_by: UUID | None = None
    published_at: datetime | None = None
    published_by: UUID | None = None
    rollbacks: int = 0

    @property
    def latency_minutes(self) -> float | None:
        """From submission to review."""
        if self.reviewed_at is None:
            return None
        return (self.reviewed_at - self.submitted_at).total_seconds() / MINUTE_S


@dataclass(frozen=True, slots=True)
class SessionRows:
    """All that is known of one session; ``steps`` says when each completed step was."""

    session_id: UUID
    preview: Preview | None = None
    steps: Mapping[int, datetime] = field(default_factory=dict)
    overrides: Sequence[OverrideDone] = ()
    baselines: Sequence[BaselineRow] = ()


class SlaSample(NamedTuple):
    """One predicted stage and what became of it; the last two are None until all its steps are complete."""

    stage_index: int
    predicted_due_at: datetime | None
    actual_completed_at: datetime | None
    delta_minutes: int | None

    @property
    def within_target(self) -> bool | None:
        return None if self.delta_minutes is None else self.delta_minutes <= 0


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """The numbers of one session."""

    session_id: UUID
    preview: Preview | None
    blocked_ratio: float
    override_actions_executed: int
    override_actions_reversed: int
    override_cooldown_minutes: float | None
    ladder_load: float
    sla_samples: tuple[SlaSample, ...]
    sla_within_target_ratio: float | None
    mean_sla_delta_minutes: float | None
    risk_level: RiskLevel
    approval_latency_minutes: float | None
    publication_cadence_days: float | None
    baseline_version_count: int
    rollback_count: int
    blocker_churn_index: float

    @property
    def churn(self) -> int:
        """Baselines and rollbacks together."""
        return self.baseline_version_count + self.rollback_count


def figures_of(rows: SessionRows) -> SessionFigures:
    """Return the numbers of one session."""
    preview, baselines = rows.preview, rows.baselines
    samples = tuple(_sample(one, rows.steps) for one in preview.predictions) if preview is not None else ()
    deltas = [sample.delta_minutes for sample in samples if sample.delta_minutes is not None]
    within = sum(delta <= 0 for delta in deltas) / len(deltas) if deltas else None
    blocked = preview.blocked_ratio if preview is not None else 0.0
    planned = preview.stage_count + preview.override_count if preview is not None else 0
    rollbacks = sum(baseline.rollbacks for baseline in baselines)
    cooldown = sum(
        -done.cooldown_minutes if done.reversed else done.cooldown_minutes
        for done in rows.overrides
        if done.action == "cooldown"
    )
    return SessionFigures(
        session_id=rows.session_id,
        preview=preview,
        blocked_ratio=blocked,
        override_actions_executed=sum(not done.reversed for done in rows.overrides),
        override_actions_reversed=sum(done.reversed for done in rows.overrides),
        override_cooldown_minutes=float(cooldown) or None,
        ladder_load=planned + sum(done.load for done in rows.overrides),
        sla_samples=samples,
        sla_within_target_ratio=within,
        mean_sla_delta_minutes=mean_of(deltas),
        risk_level=risk_of(blocked, within),
        approval_latency_minutes=mean_of(baseline.latency_minutes for baseline in baselines),
        publication_cadence_days=cadence_days(baseline.published_at for baseline in baselines),
        baseline_version_count=len(baselines),
        rollback_count=rollbacks,
        blocker_churn_index=blocked * (len(baselines) + rollbacks),
    )


def risk_of(blocked_ratio: float, within: float | None) -> RiskLevel:
    """Return how a session stands: blocked stages and missed targets add up; targets not yet due add nothing."""
    score = blocked_ratio + (max(0.0, 1.0 - within) if within is not None else 0.0)
    return "high" if score >= HIGH_RISK else "medium" if score >= MEDIUM_RISK else "low"


def cadence_days(published: Iterable[datetime | None]) -> float | None:
    """Return the mean gap between publications in days; None with fewer than two."""
    times = sorted(at for at in published if at is not None)
    if len(times) < 2:
        return None
    return mean_of((after - before).total_seconds() / DAY_S for before, after in pairwise(times))


def mean_of(values: Iterable[float | None]) -> float | None:
    """Return the mean of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def totals_of(sessions: Sequence[SessionFigures]) -> dict[str, Any]:
    """Return the numbers of all sessions together; averages are of sessions, each counted once."""
    previewed = [(one, one.preview) for one in sessions if one.preview is not None]
    heat = Counter(index for _, preview in previewed for index in preview.blocked_stage_indexes)
    return {
        "preview_count": len(previewed),
        "average_blocked_ratio": mean_of(one.blocked_ratio for one, _ in previewed) or 0.0,
        "total_new_blockers": sum(preview.new_blocker_count for _, preview in previewed),
        "total_resolved_blockers": sum(preview.resolved_blocker_count for _, preview in previewed),
        "average_sla_within_target_ratio": mean_of(one.sla_within_target_ratio for one in sessions),
        "total_baseline_versions": sum(one.baseline_version_count for one in sessions),
        "total_rollbacks": sum(one.rollback_count for one in sessions),
        "average_approval_latency_minutes": mean_of(one.approval_latency_minutes for one in sessions),
        "average_publication_cadence_days": mean_of(one.publication_cadence_days for one in sessions),
        "risk_level_counts": {
            level: sum(one.risk_level == level for one, _ in previewed) for level in ("low", "medium", "high")
        },
        "blocker_heatmap": [{"stage_index": index, "count": heat[index]} for index in sorted(heat)],
    }


def lineage_of(overrides: Iterable[OverrideDone], name: Literal["scenario_id", "notebook_entry_id"]) -> dict[str, Any]:
    """Return, for each scenario or notebook entry that overrides came from, how many were executed and reversed."""
    found: dict[str, Counter[bool]] = {}
    for done in overrides:
        origin = done.scenario_id if name == "scenario_id" else done.notebook_entry_id
        if origin is not None:
            found.setdefault(origin, Counter())[done.reversed] += 1
    return {
        origin: {
            "executed_count": counts[False],
            "reversed_count": counts[True],
            "net_count": counts[False] - counts[True],
        }
        for origin, counts in found.items()
    }


def _sample(prediction: Prediction, steps: Mapping[int, datetime]) -> SlaSample:
    done = [at for index in prediction.steps if (at := steps.get(index)) is not None]
    actual = max(done) if done and len(done) == len(prediction.steps) else None
    delta = None
    if actual is not None and prediction.due_at is not None:
        delta = (actual - prediction.due_at) // MINUTE
    return SlaSample(prediction.stage_index, prediction.due_at, actual, delta)
