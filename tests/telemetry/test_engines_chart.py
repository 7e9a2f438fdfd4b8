"""Charts put together from parts are the charts of the whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry_app.codec import Times, Values
from telemetry_app.decimate import envelope
from telemetry_app.stores.rows_chart import SCALE, Buckets, bucketed, chart, unscaled

RUNS = st.lists(
    st.dictionaries(st.integers(0, 500), st.sampled_from([0.0, -1.5, 3.25, 1e300, -1e300]), max_size=40),
    min_size=1,
    max_size=3,
)


def columns(readings: dict[int, float]) -> tuple[Times, Values]:
    times = np.array(sorted(readings), dtype=np.int64)
    return times, np.array([readings[us] for us in times.tolist()], dtype=np.float64)


@given(runs=RUNS, cuts=st.lists(st.integers(0, 500), max_size=3), places=st.integers(1, 12))
def test_a_chart_from_parts_shows_what_the_chart_of_all_readings_shows(
    runs: list[dict[int, float]], cuts: list[int], places: int
) -> None:
    whole = {number: columns(readings) for number, readings in enumerate(runs)}
    expected = envelope(whole, places)
    if not expected.decimated:
        return
    start = min(int(times[0]) for times, _ in whole.values() if times.size)
    width = -(-(max(int(times[-1]) for times, _ in whole.values() if times.size) - start + 1) // places)
    parts: dict[int, list[Buckets]] = {number: [] for number in whole}
    for number, (times, values) in whole.items():
        for some in np.split(np.arange(times.size), np.searchsorted(times, sorted(cuts))):
            if some.size:
                parts[number].append(bucketed(times[some], values[some], start, width))

    found = chart(parts, start, width, places)

    assert found.time.tolist() == expected.time.tolist()
    assert found.raw_count == expected.raw_count
    for number in whole:
        band, wanted = found.bands[number], expected.bands[number]
        assert np.array_equal(band.minimum, wanted.minimum, equal_nan=True)
        assert np.array_equal(band.maximum, wanted.maximum, equal_nan=True)
        assert np.allclose(band.average, wanted.average, rtol=1e-9, atol=1e290, equal_nan=True)


def test_what_an_engine_summed_in_small_comes_back_in_full_or_not_at_all() -> None:
    found = Buckets.of([3, 1], [2, 1], [1.0, -2.0], [5.0, -2.0], [3.0 / SCALE, -2.0 / SCALE])

    assert found.place.tolist() == [1, 3]
    assert found.average.tolist() == [-2.0, 3.0]
    assert unscaled(2.5 / SCALE) == 2.5
    assert unscaled(1.7e308) is None
