"""A session held against a baseline: steps, durations and envelopes, without a database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance_app.rules.comparison import compare_channel, compare_contents, compare_step

pytestmark = pytest.mark.sqlite_only


def channel(*bands: tuple[float, float, float], unit: str = "°C", **changes: Any) -> dict[str, Any]:
    """Return a frozen channel of (elapsed, low, high)."""
    low, high = [band[1] for band in bands], [band[2] for band in bands]
    return {
        "name": "Temperature",
        "unit": unit,
        "count": len(bands),
        "minimum": min(low),
        "maximum": max(high),
        "mean": None,
        "elapsed_s": [band[0] for band in bands],
        "low": low,
        "high": high,
        **changes,
    }


def step(instruction: str, duration_s: float | None = None, status: str = "completed") -> dict[str, Any]:
    return {
        "index": 0,
        "instruction": instruction,
        "status": status,
        "duration_s": duration_s,
        "planned_duration_s": None,
    }


def content(**changes: Any) -> dict[str, Any]:
    return {
        "session": {"duration_s": 100.0},
        "protocol": {"version": 1},
        "parameters": {},
        "steps": [],
        "channels": [],
        **changes,
    }


RAMP = channel((0, 20, 21), (10, 29, 30), (20, 39, 40))
STEADY = [(0, 20.5, 20.5), (10, 29.5, 29.5), (20, 39.5, 39.5)]


@pytest.mark.parametrize(
    ("session", "tolerance", "verdict", "intervals"),
    [
        (channel(*STEADY), 0, "inside", (3, 0, 0)),
        (None, 0, "missing", (0, 0, 3)),
        (channel(*STEADY, unit="K"), 0, "missing", (0, 0, 3)),
        (channel((0, 19, 20)), 0, "outside", (0, 1, 2)),
        (channel((0, 19, 20)), 5, "inside", (1, 0, 2)),
        (channel((0, 19, 41)), 4, "outside", (0, 1, 2)),
        # the right values at the wrong time: within the range, and not within the band around that time
        (channel((0, 39.5, 39.5), (10, 29.5, 29.5), (20, 20.5, 20.5)), 0, "inside", (1, 2, 0)),
        # later than the baseline lasted: nothing to be compared with
        (channel((100, 30, 30)), 0, "inside", (0, 0, 3)),
        # twice as coarse: each of its intervals covers two of the baseline's
        (channel((0, 20, 30), (20, 39, 40)), 0, "inside", (3, 0, 0)),
    ],
)
def test_a_channel_is_inside_outside_or_missing(
    session: Any, tolerance: float, verdict: str, intervals: tuple[int, int, int]
) -> None:
    found = compare_channel(RAMP, session, tolerance_percent=tolerance)

    assert (found["verdict"], tuple(found["intervals"].values())) == (verdict, intervals)


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e3)).map(lambda pair: (pair[0], pair[0] + pair[1])),
        min_size=1,
        max_size=20,
    ),
    st.floats(0, 100),
)
@settings(max_examples=60)
def test_whatever_a_baseline_is_it_keeps_to_itself(bands: list[tuple[float, float]], tolerance: float) -> None:
    frozen = channel(*((10.0 * place, low, high) for place, (low, high) in enumerate(bands)))

    found = compare_channel(frozen, frozen, tolerance_percent=tolerance)

    assert found["verdict"] == "inside"
    assert found["intervals"] == {"inside": len(bands), "outside": 0, "missing": 0}


@given(st.floats(-1e300, 1e300), st.floats(0, 50), st.floats(0, 50))
@settings(max_examples=60)
def test_more_tolerance_never_puts_a_channel_outside(value: float, less: float, more: float) -> None:
    session, tolerances = channel((0, value, value)), sorted((less, more))

    strict, lax = (compare_channel(RAMP, session, tolerance_percent=each)["verdict"] for each in tolerances)

    assert (strict, lax) != ("inside", "outside")


def test_steps_are_paired_by_what_they_say() -> None:
    before = [step("Fill", 60), step("Heat", 300), step("Sample", 30)]
    after = [step("Fill", 90), step("Stir", 10), step("Heat slowly", 400), step("Sample", None, "skipped")]

    found = compare_contents(content(steps=before), content(steps=after, session={"duration_s": 130.0}))

    assert [(each["instruction"], each["change"], each["difference_s"]) for each in found["steps"]] == [
        ("Fill", "same", 30),
        ("Stir", "changed", -290),
        ("Heat slowly", "added", None),
        ("Sample", "same", None),
    ]
    assert found["duration"]["difference_s"] == 30
    assert found["summary"]["steps"] == {"same": 2, "changed": 1, "added": 1, "missing": 0}
    assert compare_step(before[0], None)["change"] == "missing"


def test_parameters_versions_and_further_channels_are_named() -> None:
    baseline = content(parameters={"pH": 7, "rpm": 200}, channels=[RAMP])
    extra = {**channel((0, 1, 1), unit="pH"), "name": "pH"}
    session = content(parameters={"pH": 7, "note": None}, protocol={"version": 2}, channels=[RAMP, extra])

    found = compare_contents(baseline, session)

    assert found["parameters"] == [
        {"name": "note", "baseline": None, "session": None},
        {"name": "rpm", "baseline": 200, "session": None},
    ]
    assert found["same_protocol_version"] is False
    assert found["additional_channels"] == [{"name": "pH", "unit": "pH"}]
    assert found["summary"]["channels"] == {"inside": 1, "outside": 0, "missing": 0}
