"""The numbers of sessions, reviewers and ladders, from plain rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import floor
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance_app.analytics.cadence import (
    STREAK_GAP,
    band_of,
    cadence_totals,
    load_band,
    percentile,
    reviewers_of,
    streak,
)
from governance_app.analytics.lateness import StageRow, overdue, stage_metrics
from governance_app.analytics.metrics import (
    BaselineRow,
    OverrideDone,
    Prediction,
    Preview,
    SessionRows,
    figures_of,
    risk_of,
    totals_of,
)

pytestmark = pytest.mark.sqlite_only

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTES = st.integers(-10_000, 10_000)


def preview(*predictions: Prediction, stages: int = 4, blocked: int = 0, overrides: int = 0) -> Preview:
    return Preview(
        event_id="ev_1",
        generated_at=NINE,
        snapshot_id=None,
        baseline_snapshot_id=None,
        stage_count=stages,
        blocked_stage_count=blocked,
        blocked_stage_indexes=tuple(range(blocked)),
        override_count=overrides,
        new_blocker_count=0,
        resolved_blocker_count=0,
        predictions=predictions,
    )


def due(minutes: float, *steps: int, index: int = 0) -> Prediction:
    return Prediction(stage_index=index, due_at=NINE + timedelta(minutes=minutes), steps=steps)


def done(**minutes: float) -> dict[int, datetime]:
    return {int(name[1:]): NINE + timedelta(minutes=value) for name, value in minutes.items()}


def rows(found: Preview | None = None, **more: object) -> SessionRows:
    return replace(SessionRows(uuid4(), found), **more)  # type: ignore[arg-type]


def baseline(
    submitted: float = 0, reviewed: float | None = None, *, by: UUID | None = None, **more: object
) -> BaselineRow:
    return replace(
        BaselineRow(
            id=uuid4(),
            reviewer_ids=(),
            submitted_at=NINE + timedelta(minutes=submitted),
            reviewed_at=NINE + timedelta(minutes=reviewed) if reviewed is not None else None,
            reviewed_by=by,
        ),
        **more,  # type: ignore[arg-type]
    )


# -- sessions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "delta", "within"),
    [
        ({}, None, None),
        (done(s1=30), None, None),  # the other step is not complete
        (done(s1=30, s2=60), 0, True),
        (done(s1=59.99, s2=59), -1, True),  # ⌊−0.01⌋
        (done(s1=60.99, s2=1), 0, True),  # ⌊0.99⌋
        (done(s1=61, s2=1), 1, False),
    ],
)
def test_a_stage_is_done_when_all_its_steps_are_and_the_minutes_are_rounded_down(
    steps: dict[int, datetime], delta: int | None, within: bool | None
) -> None:
    (sample,) = figures_of(rows(preview(due(60, 1, 2)), steps=steps)).sla_samples

    assert (sample.delta_minutes, sample.within_target) == (delta, within)


def test_a_stage_without_steps_or_without_a_due_date_is_not_judged() -> None:
    undated = Prediction(stage_index=1, due_at=None, steps=(1,))

    figures = figures_of(rows(preview(due(60), undated), steps=done(s1=30)))

    assert [sample.delta_minutes for sample in figures.sla_samples] == [None, None]
    assert figures.sla_within_target_ratio is None
    assert figures.mean_sla_delta_minutes is None


@pytest.mark.parametrize(
    ("blocked", "within", "risk"),
    [
        (0.0, None, "low"),
        (0.0, 1.0, "low"),
        (0.49, 1.0, "low"),
        (0.5, None, "medium"),
        (0.0, 0.5, "medium"),
        (0.49, 0.5, "medium"),
        (0.5, 0.5, "high"),
        (1.0, None, "high"),
        (0.0, 0.0, "high"),
    ],
)
def test_blocked_stages_and_missed_targets_add_up_to_a_risk(blocked: float, within: float | None, risk: str) -> None:
    assert risk_of(blocked, within) == risk


@pytest.mark.parametrize(
    ("override", "load"),
    [
        (OverrideDone("reassign", False, added=2, removed=1), 1),
        (OverrideDone("reassign", False, added=2, removed=1).taken_back(), -1),
        (OverrideDone("cooldown", False, cooldown_minutes=30), -1),
        (OverrideDone("cooldown", True, cooldown_minutes=30), 1),
        (OverrideDone("escalate", False), 0.5),
        (OverrideDone("escalate", True), -0.5),
    ],
)
def test_overrides_change_the_load_of_the_ladder(override: OverrideDone, load: float) -> None:
    figures = figures_of(rows(preview(stages=3, overrides=2), overrides=[override]))

    assert figures.ladder_load == 5 + load


def test_what_is_taken_back_weighs_nothing() -> None:
    overrides = [
        OverrideDone("reassign", False, added=1),
        OverrideDone("cooldown", False, cooldown_minutes=45),
        OverrideDone("escalate", False),
    ]

    figures = figures_of(rows(preview(stages=3), overrides=[*overrides, *(one.taken_back() for one in overrides)]))

    assert figures.ladder_load == 3
    assert figures.override_cooldown_minutes is None  # null when 0
    assert (figures.override_actions_executed, figures.override_actions_reversed) == (3, 3)


def test_a_session_without_stages_and_without_anything_else_has_no_numbers_but_zeros() -> None:
    figures = figures_of(rows(preview(stages=0)))

    assert (figures.blocked_ratio, figures.ladder_load, figures.blocker_churn_index) == (0.0, 0, 0.0)
    assert figures.approval_latency_minutes is figures.publication_cadence_days is None
    assert figures.risk_level == "low"


@given(st.lists(st.tuples(MINUTES, st.one_of(st.none(), MINUTES)), max_size=8), st.integers(0, 8))
@settings(max_examples=60)
def test_ratios_are_shares_and_means_lie_among_their_values(stages: list[tuple[int, int | None]], blocked: int) -> None:
    predictions = [due(at, place, index=place) for place, (at, _) in enumerate(stages)]
    steps = {place: NINE + timedelta(minutes=end) for place, (_, end) in enumerate(stages) if end is not None}

    figures = figures_of(rows(preview(*predictions, stages=8, blocked=blocked), steps=steps))

    deltas = [end - at for at, end in stages if end is not None]
    assert [one.delta_minutes for one in figures.sla_samples if one.delta_minutes is not None] == deltas
    assert 0 <= figures.blocked_ratio <= 1
    if deltas:
        assert figures.sla_within_target_ratio is not None
        assert figures.mean_sla_delta_minutes is not None
        assert figures.sla_within_target_ratio == sum(delta <= 0 for delta in deltas) / len(deltas)
        assert min(deltas) <= figures.mean_sla_delta_minutes <= max(deltas)
    else:
        assert figures.sla_within_target_ratio is None


@given(st.permutations(range(6)))
@settings(max_examples=20)
def test_totals_do_not_depend_on_the_order_of_sessions(order: list[int]) -> None:
    sessions = [
        figures_of(
            rows(
                preview(due(60, 0), stages=4, blocked=place % 5),
                steps=done(s0=30 * place),
                baselines=[baseline(0, 60 * place)] * place,
            )
        )
        for place in range(6)
    ]

    assert totals_of([sessions[place] for place in order]) == totals_of(sessions)


def test_averages_are_of_the_sessions_that_have_the_number() -> None:
    fast = figures_of(rows(preview(), baselines=[baseline(0, 60), baseline(0, 120), baseline(0)]))
    slow = figures_of(rows(None, baselines=[baseline(0, 300)]))
    idle = figures_of(rows(preview(blocked=2)))

    totals = totals_of([fast, slow, idle])

    assert totals["average_approval_latency_minutes"] == (90 + 300) / 2
    assert totals["average_blocked_ratio"] == 0.25  # of the two that were previewed
    assert totals["preview_count"] == 2
    assert totals["total_baseline_versions"] == 4
    assert totals["average_publication_cadence_days"] is None
    assert totals["blocker_heatmap"] == [{"stage_index": 0, "count": 1}, {"stage_index": 1, "count": 1}]


# -- reviewers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assigned", "pending", "band"),
    [
        (0, 0, "light"),
        (5, 3, "light"),
        (6, 0, "steady"),
        (5, 4, "steady"),
        (11, 7, "steady"),
        (12, 0, "saturated"),
        (8, 8, "saturated"),
    ],
)
def test_load_comes_in_three_bands(assigned: int, pending: int, band: str) -> None:
    assert load_band(assigned, pending) == band


@pytest.mark.parametrize(
    ("minutes", "band"),
    [
        (0, "under_2h"),
        (119.9, "under_2h"),
        (120, "two_to_eight_h"),
        (480, "eight_to_day"),
        (1439.9, "eight_to_day"),
        (1440, "over_day"),
    ],
)
def test_latency_bands_begin_where_the_last_one_ends(minutes: float, band: str) -> None:
    assert band_of(minutes) == band


@pytest.mark.parametrize(
    ("hours", "run"),
    [((), 0), ((0,), 1), ((0, 72), 2), ((0, 72.01), 1), ((0, 100, 150, 200), 3), ((0, 10, 20, 100, 101), 2)],
)
def test_a_streak_runs_back_from_the_latest_publication(hours: tuple[float, ...], run: int) -> None:
    assert streak(NINE + timedelta(hours=hour) for hour in hours) == run


def test_percentiles_are_interpolated() -> None:
    assert percentile([], 0.9) is None
    assert percentile([7], 0.9) == 7
    assert percentile([60, 240], 0.5) == 150
    assert percentile([10, 20, 30, 40], 0.9) == pytest.approx(37)  # place 2.7: 30 + 0.7 × 10


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
@settings(max_examples=50)
def test_percentiles_grow_and_stay_among_their_values(values: list[float]) -> None:
    half, most = percentile(values, 0.5), percentile(values, 0.9)

    assert half is not None and most is not None
    assert min(values) <= half <= most * (1 + 1e-12) + 1e-9
    assert most <= max(values)


PERSONS = [UUID(int=place) for place in range(4)]
BASELINES = st.builds(
    lambda named, reviewed, by, published: baseline(
        0,
        reviewed if by is not None else None,
        by=by,
        reviewer_ids=tuple(named),
        published_by=by if published else None,
        published_at=NINE if published and by is not None else None,
    ),
    st.sets(st.sampled_from(PERSONS)),
    st.integers(0, 5000),
    st.one_of(st.none(), st.sampled_from(PERSONS)),
    st.booleans(),
)


@given(st.lists(BASELINES, max_size=12))
@settings(max_examples=60)
def test_what_reviewers_carry_adds_up(baselines: list[BaselineRow]) -> None:
    session = figures_of(rows(preview(), baselines=baselines))

    people = reviewers_of([(session, baselines)])

    reviewed = [one for one in baselines if one.reviewed_by is not None]
    assert sum(one.completion_count for one in people) == len(reviewed)
    assert sum(one.pending_count for one in people) == sum(
        len(one.reviewer_ids) for one in baselines if one.reviewed_at is None
    )
    for one in people:
        assert one.completion_count + one.pending_count <= one.assignment_count
        assert sum(one.latency_bands.values()) == one.completion_count
    totals = cadence_totals(people)
    assert totals["load_band_counts"] == {
        band: sum(one.load_band == band for one in people) for band in ("light", "steady", "saturated")
    }


def test_reviewers_of_others_are_left_out_and_the_busiest_come_first() -> None:
    busy, idle, hidden = PERSONS[:3]
    baselines = [baseline(0, reviewer_ids=(busy, hidden)) for _ in range(4)] + [baseline(0, reviewer_ids=(idle,))]
    session = figures_of(rows(preview(blocked=2), baselines=baselines))

    people = reviewers_of([(session, baselines)], among=frozenset({busy, idle}))

    assert [(one.reviewer_id, one.load_band) for one in people] == [(busy, "steady"), (idle, "light")]
    assert people[0].blocked_ratio_trailing == 0.5
    assert people[0].churn_signal == 5
    assert not people[0].streak_alert


def test_three_publications_in_a_row_raise_an_alert() -> None:
    times = [NINE + place * STREAK_GAP for place in range(3)]
    baselines = [baseline(0, 0, by=PERSONS[0], published_by=PERSONS[0], published_at=at) for at in times]

    (one,) = reviewers_of([(figures_of(rows(None, baselines=baselines)), baselines)])

    assert (one.publish_streak, one.streak_alert, one.last_publish_at) == (3, True, times[-1])


# -- ladders ----------------------------------------------------------------------------------------------------------


def stage(index: int, *, due_h: float | None, done_h: float | None = None, **more: object) -> StageRow:
    return replace(
        StageRow(
            id=UUID(int=index),
            export_id="exp_1",
            session_id=UUID(int=9),
            sequence_index=index,
            name=f"Stage {index}",
            role="reviewer",
            status="approved" if done_h is not None else "in_progress",
            started_at=NINE,
            due_at=NINE + timedelta(hours=due_h) if due_h is not None else None,
            completed_at=NINE + timedelta(hours=done_h) if done_h is not None else None,
            closed_at=None,
            notified_at=None,
        ),
        **more,  # type: ignore[arg-type]
    )


def test_late_stages_are_counted_by_what_became_of_them() -> None:
    now = NINE + timedelta(hours=30)
    stages = [
        stage(1, due_h=24, done_h=20),  # in time
        stage(2, due_h=24, done_h=26),  # late, resolved
        stage(3, due_h=29.5),  # late by 30 min
        stage(4, due_h=28, role="approver"),  # by 120
        stage(5, due_h=20),  # by 600
        stage(6, due_h=31),  # not yet
        stage(7, due_h=None),  # never
        stage(8, due_h=24, closed_at=NINE + timedelta(hours=23)),  # withdrawn before it was due
    ]

    found = overdue(stages, now=now)

    told = found.summary()
    assert (told["total_overdue"], told["open_overdue"], told["resolved_overdue"]) == (4, 3, 1)
    assert told["role_counts"] == {"approver": 1, "reviewer": 3}
    assert told["mean_open_minutes"] == (30 + 120 + 600) / 3
    assert told["open_age_buckets"] == {"lt60": 1, "60to180": 1, "gt180": 1}
    assert told["trend"] == [{"date": "2026-03-03", "count": 4}]
    assert [one.sequence_index for one in found.shown] == [5, 4, 3, 2]  # open ones first, the longest late first
    metrics = stage_metrics(stages, now=now)
    assert (metrics["total"], metrics["overdue_count"]) == (8, 4)
    assert metrics["mean_resolution_minutes"] == (20 + 26) * 60 / 2
    assert metrics["status_counts"] == {"approved": 2, "in_progress": 6}
    assert metrics["stage_details"][stages[1].public_id]["breached"] is True


@given(st.lists(st.tuples(st.integers(0, 100), st.one_of(st.none(), st.integers(0, 100))), max_size=20))
@settings(max_examples=40)
def test_late_stages_are_open_or_resolved_and_of_one_age(stages: list[tuple[int, int | None]]) -> None:
    now = NINE + timedelta(hours=100)

    told = overdue([stage(place, due_h=at, done_h=end) for place, (at, end) in enumerate(stages)], now=now).summary()

    assert told["total_overdue"] == told["open_overdue"] + told["resolved_overdue"]
    assert sum(told["open_age_buckets"].values()) == told["open_overdue"]
    assert sum(day["count"] for day in told["trend"]) == told["total_overdue"]
    assert told["resolved_overdue"] == sum(end is not None and at < end for at, end in stages)


def test_minutes_are_rounded_down_as_the_definition_says() -> None:
    for seconds in (-61, -60, -1, 0, 59, 60):
        (sample,) = figures_of(rows(preview(due(0, 0)), steps=done(s0=seconds / 60))).sla_samples
        assert sample.delta_minutes == floor(seconds / 60)
