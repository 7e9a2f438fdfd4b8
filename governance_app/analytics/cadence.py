"""Reviewers in numbers: how much they carry, how fast they decide, how densely they publish. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil, floor
from typing import Final, Literal
from uuid import UUID

from governance_app.analytics.metrics import BaselineRow, SessionFigures, mean_of

LoadBand = Literal["light", "steady", "saturated"]

BANDS: Final[tuple[LoadBand, ...]] = ("light", "steady", "saturated")
LATENCY_BANDS: Final[tuple[tuple[str, int | None, int | None], ...]] = (
    ("under_2h", None, 120),
    ("two_to_eight_h", 120, 480),
    ("eight_to_day", 480, 1440),
    ("over_day", 1440, None),
)
"""Name, first minute and the minute it ends before."""
STREAK_GAP: Final = timedelta(hours=72)
STREAK_ALERT: Final = 3
RELATED: Final = 5


@dataclass(slots=True)
class _Work:
    """What was found of one reviewer so far."""

    assigned: int = 0
    completed: int = 0
    pending: int = 0
    latencies: list[float] = field(default_factory=list)
    published: list[datetime] = field(default_factory=list)
    rolled_back: int = 0
    sessions: dict[UUID, SessionFigures] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReviewerFigures:
    """The numbers of one reviewer; ``sessions`` are those of their baselines, newest first."""

    reviewer_id: UUID
    assignment_count: int
    completion_count: int
    pending_count: int
    load_band: LoadBand
    average_latency_minutes: float | None
    latency_p50_minutes: float | None
    latency_p90_minutes: float | None
    latency_bands: dict[str, int]
    blocked_ratio_trailing: float | None
    churn_signal: float | None
    rollback_precursor_count: int
    publish_streak: int
    last_publish_at: datetime | None
    sessions: tuple[UUID, ...]
    latencies: tuple[float, ...]

    @property
    def streak_alert(self) -> bool:
        return self.publish_streak >= STREAK_ALERT


def reviewers_of(
    work: Iterable[tuple[SessionFigures, Sequence[BaselineRow]]], *, among: frozenset[UUID] | None = None
) -> list[ReviewerFigures]:
    """Return the numbers of everybody who was named for, reviewed or published a baseline; the busiest first.

    Args:
        work: each session's numbers with its baselines.
        among: the people who may be told of; None for everybody.
    """
    found: dict[UUID, _Work] = {}
    for figures, baselines in work:
        for baseline in baselines:
            _count(found, figures, baseline)
    people = [_figures(person, done) for person, done in found.items() if among is None or person in among]
    return sorted(
        people,
        key=lambda one: (-BANDS.index(one.load_band), -one.pending_count, -one.assignment_count, one.reviewer_id),
    )


def load_band(assigned: int, pending: int) -> LoadBand:
    """Return how much somebody carries."""
    if pending >= 8 or assigned >= 12:
        return "saturated"
    return "steady" if pending >= 4 or assigned >= 6 else "light"


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which ``share`` (0 … 1) of ``values`` lie, interpolated; None without any."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


def streak(published: Iterable[datetime]) -> int:
    """Return how many publications, back from the latest, follow each other within ``STREAK_GAP``."""
    times = sorted(published, reverse=True)
    run = min(1, len(times))
    for after, before in pairwise(times):
        if after - before > STREAK_GAP:
            break
        run += 1
    return run


def band_of(minutes: float) -> str:
    """Return the latency band of a review."""
    return next(name for name, _, end in LATENCY_BANDS if end is None or minutes < end)


def cadence_totals(reviewers: Sequence[ReviewerFigures]) -> dict[str, object]:
    """Return the numbers of all reviewers together; percentiles are of all their reviews."""
    latencies = [minutes for one in reviewers for minutes in one.latencies]
    bands = Counter(one.load_band for one in reviewers)
    return {
        "reviewer_count": len(reviewers),
        "streak_alert_count": sum(one.streak_alert for one in reviewers),
        "reviewer_latency_p50_minutes": percentile(latencies, 0.5),
        "reviewer_latency_p90_minutes": percentile(latencies, 0.9),
        "load_band_counts": {band: bands[band] for band in BANDS},
    }


def _count(found: dict[UUID, _Work], figures: SessionFigures, baseline: BaselineRow) -> None:
    named = set(baseline.reviewer_ids)
    acted = {person for person in (baseline.reviewed_by, baseline.published_by) if person is not None}
    for person in named | acted:
        work = found.setdefault(person, _Work())
        work.assigned += 1
        work.sessions[figures.session_id] = figures
    if baseline.reviewed_at is None:
        for person in named:
            found[person].pending += 1
    if baseline.reviewed_by is not None:
        work = found[baseline.reviewed_by]
        work.completed += 1
        work.rolled_back += baseline.rollbacks > 0
        if baseline.latency_minutes is not None:
            work.latencies.append(max(0.0, baseline.latency_minutes))
    if baseline.published_by is not None and baseline.published_at is not None:
        found[baseline.published_by].published.append(baseline.published_at)


def _figures(person: UUID, work: _Work) -> ReviewerFigures:
    bands = Counter(map(band_of, work.latencies))
    sessions = work.sessions.values()
    return ReviewerFigures(
        reviewer_id=person,
        assignment_count=work.assigned,
        completion_count=work.completed,
        pending_count=work.pending,
        load_band=load_band(work.assigned, work.pending),
        average_latency_minutes=mean_of(work.latencies),
        latency_p50_minutes=percentile(work.latencies, 0.5),
        latency_p90_minutes=percentile(work.latencies, 0.9),
        latency_bands={name: bands[name] for name, _, _ in LATENCY_BANDS},
        blocked_ratio_trailing=mean_of(one.blocked_ratio for one in sessions if one.preview is not None),
        churn_signal=mean_of(one.churn for one in sessions),
        rollback_precursor_count=work.rolled_back,
        publish_streak=streak(work.published),
        last_publish_at=max(work.published, default=None),
        sessions=tuple(sorted(work.sessions, reverse=True)[:RELATED]),
        latencies=tuple(work.latencies),
    )
