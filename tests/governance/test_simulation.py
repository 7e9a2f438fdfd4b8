"""What a ladder would meet: steps dealt to stages, what blocks them, when they are due, and what got worse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance_app.rules.guardrails import GuardrailState, Side, StagePair, judge
from governance_app.rules.simulation import (
    StageOverride,
    StagePlan,
    StepState,
    compare,
    deal_steps,
    override_stages,
    simulate,
)
from governance_app.shapes.guardrails import reason_in_words
from governance_app.shapes.previews import insight, narrative, summary
from tests.factories.sessions import NINE

keys = st.sampled_from(["safety", "release", "clean", "none"])
hours = st.none() | st.integers(1, 4000).map(lambda quarter: quarter / 4)
plans = st.builds(
    StagePlan,
    name=st.just("Review"),
    required_role=st.just("reviewer"),
    sla_hours=hours,
    step_indexes=st.lists(st.integers(0, 12), max_size=4).map(tuple),
    gate_keys=st.lists(keys, max_size=2).map(tuple),
)
ladders = st.lists(plans, min_size=1, max_size=6)
blockers = st.lists(st.sampled_from(["a", "b", "c"]), max_size=2, unique=True).map(tuple)
benches = st.lists(st.tuples(st.lists(keys, max_size=2).map(tuple), blockers), max_size=12).map(
    lambda rows: [StepState(index=i, gate_keys=row[0], blockers=row[1]) for i, row in enumerate(rows)]
)


def plan(sla_hours: float | None = None, *steps: int, **more: Any) -> StagePlan:
    return StagePlan(name="Review", required_role="reviewer", sla_hours=sla_hours, step_indexes=steps, **more)


def step(index: int, *blockers: str, keys: Sequence[str] = ()) -> StepState:
    return StepState(index=index, blockers=blockers, gate_keys=tuple(keys), required_actions=tuple(blockers))


@settings(max_examples=60, deadline=None)
@given(ladders, benches)
def test_every_step_is_watched_and_those_left_over_are_dealt_in_turn(
    stages: list[StagePlan], steps: list[StepState]
) -> None:
    dealt = deal_steps(stages, steps)

    wanted = [
        {one.index for one in steps if one.index in stage.step_indexes or set(one.gate_keys) & set(stage.gate_keys)}
        for stage in stages
    ]
    left = [one.index for one in steps if not any(one.index in some for some in wanted)]
    for place, index in enumerate(left):
        wanted[place % len(stages)].add(index)
    assert dealt == [tuple(sorted(some)) for some in wanted]
    assert set().union(*map(set, dealt)) == {one.index for one in steps}


@settings(max_examples=60, deadline=None)
@given(ladders, benches)
def test_a_stage_is_blocked_when_one_of_its_steps_is_and_only_then(
    stages: list[StagePlan], steps: list[StepState]
) -> None:
    blocked = {one.index for one in steps if one.blockers}

    for forecast in simulate(stages, steps, at=NINE):
        assert (forecast.status == "blocked") == bool(blocked & set(forecast.steps))


@settings(max_examples=60, deadline=None)
@given(ladders)
def test_a_stage_is_due_after_the_hours_of_all_stages_up_to_it(stages: list[StagePlan]) -> None:
    forecasts = simulate(stages, [], at=NINE)

    for place, forecast in enumerate(forecasts):
        passed = sum(stage.sla_hours or 0 for stage in stages[: place + 1])
        due = NINE + timedelta(hours=passed) if stages[place].sla_hours is not None else None
        assert forecast.due_at == due


@settings(max_examples=40, deadline=None)
@given(ladders, benches)
def test_a_ladder_beside_itself_shows_no_difference(stages: list[StagePlan], steps: list[StepState]) -> None:
    forecasts = simulate(stages, steps, at=NINE)
    pairs = compare(forecasts, forecasts)

    assert {pair.delta_status for pair in pairs} == {"unchanged"}
    assert not any(pair.new_blockers or pair.resolved_blockers or pair.delta_due_minutes for pair in pairs)
    sides = [Side(status=f.status, sla_hours=f.plan.sla_hours, due_at=f.due_at, blockers=f.blockers) for f in forecasts]
    verdict = judge([StagePair(index=place, baseline=side, simulated=side) for place, side in enumerate(sides)])
    assert verdict.state is GuardrailState.CLEAR
    assert (verdict.reasons, verdict.projected_delay_minutes) == ((), 0)


def test_steps_dealt_and_dates_added_up_by_hand() -> None:
    stages = [plan(24, 1), plan(None, gate_keys=("safety",)), plan(0.5)]
    steps = [step(0), step(1), step(2, "Step 3: cold", keys=("safety",)), step(3), step(4), step(5)]

    first, second, third = simulate(stages, steps, at=NINE)

    assert (first.steps, second.steps, third.steps) == ((0, 1, 5), (2, 3), (4,))
    assert [one.status for one in (first, second, third)] == ["ready", "blocked", "ready"]
    assert second.required_actions == ("Step 3: cold",)
    assert first.due_at == NINE + timedelta(hours=24)
    assert second.due_at is None
    assert third.due_at == NINE + timedelta(hours=24, minutes=30)


def test_each_stage_is_compared_with_the_one_in_its_place() -> None:
    before = simulate([plan(24, 0), plan(24, 1), plan(None, 2)], [step(0, "a"), step(1), step(2, "b", "c")], at=NINE)
    after = simulate(
        [plan(25.5, 0), plan(24, 1), plan(2, 2), plan(1, 3)], [step(0), step(1, "x"), step(2, "c", "d")], at=NINE
    )

    pairs = compare(after, before)

    assert [pair.delta_status for pair in pairs] == ["cleared", "regressed", "unchanged", None]
    assert [pair.delta_sla_hours for pair in pairs] == [1.5, 0, None, None]
    assert [pair.delta_due_minutes for pair in pairs] == [90, 90, None, None]
    assert [pair.new_blockers for pair in pairs] == [(), ("x",), ("d",), ()]
    assert [pair.resolved_blockers for pair in pairs] == [("a",), (), ("b",), ()]
    told = summary(pairs)
    assert told["blocked_stage_indexes"] == [1, 2]
    assert told["delta_projection_minutes"] == [90, 90]
    assert (told["new_blocker_count"], told["resolved_blocker_count"]) == (2, 2)
    assert insight(pairs[3])["baseline_status"] is None


def test_an_override_of_no_stage_or_to_nobody_known_is_passed_over_whole() -> None:
    found = override_stages(
        [plan(24), plan(48)],
        [
            StageOverride(index=1, sla_hours=8, assignee_id="anna"),
            StageOverride(index=2, sla_hours=1),
            StageOverride(index=-1, sla_hours=1),
            StageOverride(index=0, sla_hours=1, delegate_id="nobody"),
        ],
        people={"anna": "user_anna"},
    )

    assert found.indexes == (1,)
    assert found.stages == (plan(24), plan(8, assignee_id="user_anna"))
    assert len(found.warnings) == 3
    assert "nobody" in found.warnings[2]


def side(status: str | None = "ready", hours: float | None = None, minutes: float | None = None, *why: str) -> Side:
    due_at = NINE + timedelta(minutes=minutes) if minutes is not None else None
    return Side(status=status, sla_hours=hours, due_at=due_at, blockers=why)


@pytest.mark.parametrize(
    ("before", "after", "reasons", "delay"),
    [
        (side(), side(), (), 0),
        (side(), side("blocked", None, None, "x"), ("stage_3:status_regression:blocked",), 0),
        (side(), side("failed"), ("stage_3:status_regression:failed",), 0),
        (
            side("blocked", None, None, "a"),
            side("blocked", None, None, "a", "b", "c"),
            ("stage_3:new_blockers:b, c",),
            0,
        ),
        (side("blocked", None, None, "a"), side(), (), 0),
        (side(None), side("blocked", None, None, "a"), ("stage_3:new_blockers:a",), 0),
        (
            side("ready", 1, 60),
            side("ready", 2.5, 150),
            ("stage_3:due_delay_minutes:90", "stage_3:sla_increase_hours:1.5"),
            90,
        ),
        (side("ready", 3, 180), side("ready", 1, 60), (), 0),
        (side("ready", None, 60), side("ready", None, 60.5), (), 0),
        (side("ready", None, None), side("ready", 5, 300), (), 0),
        (
            side("ready", 24, 1440),
            side("blocked", 48, 2880, "x"),
            ("stage_3:status_regression:blocked", "stage_3:due_delay_minutes:1440", "stage_3:sla_increase_hours:24"),
            1440,
        ),
    ],
)
def test_each_thing_that_got_worse_is_a_reason(before: Side, after: Side, reasons: tuple[str, ...], delay: int) -> None:
    verdict = judge([StagePair(index=3, baseline=before, simulated=after)])

    assert (verdict.reasons, verdict.projected_delay_minutes) == (reasons, delay)
    assert verdict.state == ("blocked" if reasons else "clear")


def test_delays_add_up_over_stages_and_nothing_to_judge_is_not_clear() -> None:
    late = StagePair(index=0, baseline=side("ready", None, 0), simulated=side("ready", None, 30))

    assert judge([late, late]).projected_delay_minutes == 60
    with pytest.raises(ValueError, match="at least one"):
        judge([])


def test_the_narrative_has_a_heading_for_each_stage_and_no_markup_of_people() -> None:
    stages = [StagePlan(name="*Review*\n# x", required_role="reviewer", sla_hours=24, assignee_id="user_1"), plan()]
    pairs = compare(simulate(stages, [step(0, "Step 1: <b>cold</b>")], at=NINE), [])

    text = narrative(pairs, session="Run 1", template="Release v2", at=NINE, names={"user_1": "Anna"}, warnings=["!"])

    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Preview of Release v2",
        "## Stage 1: \\*Review\\* # x",
        "## Stage 2: Review",
    ]
    for said in ("Role: reviewer", "Anna", "SLA: 24 h", "2026-03-03T09:00:00Z", "&lt;b&gt;cold", "Warning"):
        assert said in text
    assert "- Blockers: none" in text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("stage_0:status_regression:blocked", "Stage 1 was ready and is blocked."),
        ("stage_2:new_blockers:cold., wet.", "Stage 3 has new blockers: cold., wet."),
        ("stage_1:due_delay_minutes:1530", "Stage 2 would be due 1 d 1 h 30 min later."),
        ("stage_0:sla_increase_hours:1.5", "Stage 1 would have 1.5 h more."),
        ("something else", "something else"),
    ],
)
def test_reasons_are_told_in_words(reason: str, words: str) -> None:
    assert reason_in_words(reason) == words
