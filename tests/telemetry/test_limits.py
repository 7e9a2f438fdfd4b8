"""Outside the limits, and when that is worth telling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_app.limits import Limits, crossings, outside
from telemetry_app.states import Standing

INSIDE, LOW, HIGH = Standing.INSIDE, Standing.LOW, Standing.HIGH
TEN_TO_TWENTY = Limits(10.0, 20.0)


def test_the_limits_themselves_are_inside() -> None:
    values = np.array([9.999, 10.0, 15.0, 20.0, 20.001])

    assert outside(values, TEN_TO_TWENTY).tolist() == [True, False, False, False, True]
    assert not outside(values, Limits()).any()
    assert outside(values, Limits(low=10.0)).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("before", "values", "told"),
    [
        (INSIDE, [15, 21, 22, 15], [(1, HIGH), (3, INSIDE)]),
        (INSIDE, [15, 21, 19.9, 20.1, 19.9], [(1, HIGH)]),
        (HIGH, [21, 19.9, 19.8], [(2, INSIDE)]),
        (INSIDE, [9, 21], [(0, LOW), (1, HIGH)]),
        (LOW, [10.1, 10.2], [(1, INSIDE)]),
        (INSIDE, [19.9, 10.1], []),
        (INSIDE, [], []),
    ],
)
def test_a_crossing_is_told_once_and_noise_around_a_limit_is_not(
    before: Standing, values: list[float], told: list[tuple[int, Standing]]
) -> None:
    found = crossings(np.array(values, dtype=np.float64), TEN_TO_TWENTY, before)

    assert [(crossing.index, crossing.after) for crossing in found] == told


@given(st.lists(st.floats(-50, 50), max_size=80), st.integers(0, 80))
def test_crossings_do_not_depend_on_how_readings_were_cut_into_batches(values: list[float], cut: int) -> None:
    column = np.array(values, dtype=np.float64)

    whole = crossings(column, TEN_TO_TWENTY, INSIDE)
    first = crossings(column[:cut], TEN_TO_TWENTY, INSIDE)
    second = crossings(column[cut:], TEN_TO_TWENTY, first[-1].after if first else INSIDE)

    told = [(c.index, c.after) for c in first] + [(c.index + min(cut, column.size), c.after) for c in second]
    assert [(c.index, c.after) for c in whole] == told
