"""What blocks a step, and what would free it: pure rules over what there is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.gates import (
    Bench,
    ChannelWindow,
    Heard,
    Instrument,
    Requirement,
    block_of,
    read_requirements,
    split_action,
)
from tests.factories.sessions import NINE

names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
some = st.lists(names, max_size=4, unique=True).map(tuple)
windows = st.builds(
    ChannelWindow,
    channel=names,
    within_s=st.floats(1, 10_000),
    low=st.none() | st.floats(-100, 0),
    high=st.none() | st.floats(0, 100),
)
requirements = st.builds(
    Requirement,
    approvals=some,
    session_approvals=some,
    equipment=some,
    channels=st.lists(windows, max_size=3).map(tuple),
)
moments = st.timedeltas(timedelta(days=-2), timedelta(days=2)).map(lambda delta: NINE + delta)
benches = st.builds(
    Bench,
    approved_here=st.frozensets(names, max_size=4),
    approved=st.frozensets(names, max_size=4),
    equipment=st.dictionaries(names, st.builds(Instrument, name=names, due_at=st.none() | moments), max_size=4),
    heard=st.dictionaries(
        names, st.builds(Heard, value=st.floats(-200, 200), unit=st.just("V"), at=moments), max_size=4
    ),
)


def all_that_helps(requirement: Requirement) -> Bench:
    """Return a bench on which nothing is missing."""
    approved = frozenset((*requirement.approvals, *requirement.session_approvals))
    return Bench(
        approved_here=approved,
        approved=approved,
        equipment={name: Instrument(name, NINE) for name in requirement.equipment},
        heard={window.channel: Heard(0.0, "V", NINE) for window in requirement.channels},
    )


@given(requirements)
def test_a_step_with_everything_it_requires_is_free(requirement: Requirement) -> None:
    assert block_of(requirement, all_that_helps(requirement), at=NINE) is None


@given(requirements)
def test_on_an_empty_bench_everything_that_is_required_is_missing(requirement: Requirement) -> None:
    block = block_of(requirement, Bench(), at=NINE)

    assert (block is not None) == requirement.blocks
    if block is not None:
        approvals = dict.fromkeys((*requirement.approvals, *requirement.session_approvals))
        channels = dict.fromkeys(window.channel for window in requirement.channels)
        assert block.required_actions == (
            *(f"compliance:approve:{name}" for name in approvals),
            *(f"equipment:register:{name}" for name in requirement.equipment),
            *(f"telemetry:restore:{name}" for name in channels),
        )
        assert block.auto_triggers == tuple(f"notify:approver:{name}" for name in approvals)


@given(requirements, benches)
def test_a_block_says_why_and_names_only_what_is_required(requirement: Requirement, bench: Bench) -> None:
    block = block_of(requirement, bench, at=NINE)

    if block is None:
        return
    assert block.reason and block.required_actions
    assert len(set(block.required_actions)) == len(block.required_actions)
    required = {
        *requirement.approvals,
        *requirement.session_approvals,
        *requirement.equipment,
        *(window.channel for window in requirement.channels),
    }
    assert {split_action(action)[1] for action in (*block.required_actions, *block.auto_triggers)} <= required


@given(requirements, benches, st.data())
def test_an_approval_more_never_blocks_what_was_free(requirement: Requirement, bench: Bench, data: Any) -> None:
    more = data.draw(names)
    richer = Bench(bench.approved_here | {more}, bench.approved | {more}, bench.equipment, bench.heard)

    before, after = block_of(requirement, bench, at=NINE), block_of(requirement, richer, at=NINE)

    left = set(after.required_actions) if after is not None else set()
    assert left <= (set(before.required_actions) if before is not None else set())


DAY = timedelta(days=1)
WINDOW = ChannelWindow("pO2", within_s=60, low=20.0, high=40.0)


@pytest.mark.parametrize(
    ("requirement", "bench", "reason", "actions", "triggers"),
    [
        (
            Requirement(approvals=("qa",), session_approvals=("safety",)),
            Bench(approved=frozenset({"qa", "safety"})),  # given at another step: enough for the session's only
            "Approval is missing: qa.",
            ("compliance:approve:qa",),
            ("notify:approver:qa",),
        ),
        (
            Requirement(equipment=("BR-1", "BR-2")),
            Bench(equipment={"BR-1": Instrument("Reactor", NINE - DAY)}),
            "The calibration of Reactor was due 2026-03-01 09:00 UTC. Equipment BR-2 is not registered.",
            ("equipment:calibrate:BR-1", "equipment:register:BR-2"),
            ("equipment:maintenance_request:BR-1",),
        ),
        (
            Requirement(channels=(WINDOW,)),
            Bench(heard={"pO2": Heard(41.5, "%", NINE)}),
            "pO2 reads 41.5 %, above 40.",
            ("telemetry:restore:pO2",),
            (),
        ),
        (
            Requirement(channels=(WINDOW,)),
            Bench(heard={"pO2": Heard(19.0, "", NINE)}),
            "pO2 reads 19, below 20.",
            ("telemetry:restore:pO2",),
            (),
        ),
    ],
)
def test_each_gate_says_what_is_wrong_and_what_would_free_it(
    requirement: Requirement, bench: Bench, reason: str, actions: tuple[str, ...], triggers: tuple[str, ...]
) -> None:
    block = block_of(requirement, bench, at=NINE)

    assert block is not None
    assert (block.reason, block.required_actions, block.auto_triggers) == (reason, actions, triggers)


@pytest.mark.parametrize(("age_s", "is_silent"), [(0, False), (60, False), (60.001, True), (-299, False), (-301, True)])
def test_a_channel_is_silent_before_and_behind_its_window(age_s: float, is_silent: bool) -> None:
    bench = Bench(heard={"pO2": Heard(30.0, "%", NINE - timedelta(seconds=age_s))})

    block = block_of(Requirement(channels=(WINDOW,)), bench, at=NINE)

    assert (block is not None) == is_silent
    if block is not None:
        assert block.reason == "pO2 has sent nothing for 60 s."


@pytest.mark.parametrize(("value", "is_blocked"), [(20.0, False), (40.0, False), (float("nan"), True)])
def test_the_ends_of_a_window_belong_to_it_and_a_dropout_does_not(value: float, is_blocked: bool) -> None:
    bench = Bench(heard={"pO2": Heard(value, "%", NINE)})

    assert (block_of(Requirement(channels=(WINDOW,)), bench, at=NINE) is not None) == is_blocked


def test_equipment_is_overdue_after_the_moment_it_is_due() -> None:
    requirement = Requirement(equipment=("BR-1",))
    bench = Bench(equipment={"BR-1": Instrument("Reactor", NINE)})

    assert block_of(requirement, bench, at=NINE) is None
    assert block_of(requirement, bench, at=NINE + timedelta(microseconds=1)) is not None


def test_gate_keys_block_nothing() -> None:
    assert block_of(Requirement(gate_keys=("release",)), Bench(), at=NINE) is None


def test_a_steps_own_lists_replace_the_defaults_and_approvals_add_up() -> None:
    asked, errors = read_requirements(
        {
            "strain": "K-12",
            "required_approvals": ["safety"],
            "required_equipment_ids": ["BR-1"],
            "gate_keys": ["all"],
            "step_requirements": {
                "1": {
                    "required_approvals": [" qa ", "qa", "safety"],
                    "required_equipment_ids": [],
                    "required_channels": [{"channel": "pO2", "min": 20, "max": 40, "within_s": 60}],
                }
            },
        },
        steps=3,
    )

    assert errors == []
    assert asked.of(0) == Requirement(session_approvals=("safety",), equipment=("BR-1",), gate_keys=("all",))
    assert asked.of(1) == Requirement(approvals=("qa", "safety"), channels=(WINDOW,), gate_keys=("all",))
    assert asked.of(2) == asked.of(0)


@pytest.mark.parametrize(
    ("parameters", "pointers"),
    [
        ({"step_requirements": []}, [""]),
        ({"step_requirements": {"0": []}}, ["/0"]),
        ({"step_requirements": {"3": {}, "-1": {}, "01": {}, "a/b": {}, "²": {}}}, ["/3", "/-1", "/01", "/a~1b", "/²"]),
        ({"step_requirements": {"0": {"required_inventory_ids": []}}}, ["/0/required_inventory_ids"]),
        ({"step_requirements": {"0": {"required_approvals": "qa"}}}, ["/0/required_approvals"]),
        (
            {"step_requirements": {"0": {"required_approvals": ["qa", 7, " ", "x" * 201, "q\na"]}}},
            [f"/0/required_approvals/{place}" for place in (1, 2, 3, 4)],
        ),
        ({"step_requirements": {"0": {"gate_keys": ["k"] * 101}}}, ["/0/gate_keys"]),
        ({"step_requirements": {"0": {"required_channels": ["pO2"]}}}, ["/0/required_channels/0"]),
        (
            {"step_requirements": {"0": {"required_channels": [{"min": "1", "max": True, "within_s": 0, "x": 1}]}}},
            [f"/0/required_channels/0/{name}" for name in ("x", "channel", "within_s", "min", "max")],
        ),
        (
            {"step_requirements": {"0": {"required_channels": [{"channel": "pH", "min": 7, "max": 6, "within_s": 9}]}}},
            ["/0/required_channels/0/max"],
        ),
    ],
)
def test_wrong_shapes_are_pointed_at(parameters: dict[str, Any], pointers: list[str]) -> None:
    asked, errors = read_requirements(parameters, steps=3)

    assert [error["pointer"] for error in errors] == [f"/parameters/step_requirements{end}" for end in pointers]
    assert all(error["detail"] for error in errors)
    assert asked.of(0).channels == ()


def test_what_is_right_beside_what_is_wrong_is_read() -> None:
    asked, errors = read_requirements({"step_requirements": {"0": {"required_approvals": ["qa", 7]}}}, steps=1)

    assert [error["pointer"] for error in errors] == ["/parameters/step_requirements/0/required_approvals/1"]
    assert asked.of(0).approvals == ("qa",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
members = st.sampled_from(["required_approvals", "required_equipment_ids", "required_channels", "gate_keys", "x"])


@given(
    st.dictionaries(members, json_values, max_size=3),
    st.dictionaries(st.sampled_from(["0", "1", "9", "x"]), st.dictionaries(members, json_values) | json_values),
)
def test_any_json_is_read_or_pointed_at(defaults: dict[str, Any], steps: dict[str, Any]) -> None:
    asked, errors = read_requirements({**defaults, "step_requirements": steps}, steps=2)

    for index in range(2):
        block_of(asked.of(index), Bench(), at=NINE)
    assert all(error["pointer"].startswith("/parameters/") for error in errors)
