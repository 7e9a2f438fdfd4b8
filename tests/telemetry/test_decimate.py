"""Charts: few places, every spike."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry_app.decimate import envelope


def test_few_readings_are_shown_as_they_are_with_gaps_where_a_channel_has_none() -> None:
    runs = {
        "a": (np.array([1, 2, 3], dtype=np.int64), np.array([1.0, 2.0, 3.0])),
        "b": (np.array([2], dtype=np.int64), np.array([9.0])),
    }

    shown = envelope(runs, 10)

    assert not shown.decimated
    assert shown.time.tolist() == [1, 2, 3]
    assert shown.exact["a"].tolist() == [1.0, 2.0, 3.0]
    assert np.array_equal(shown.exact["b"], [np.nan, 9.0, np.nan], equal_nan=True)
    assert shown.raw_count == 4


def test_one_spike_among_a_hundred_thousand_readings_survives() -> None:
    times = np.arange(100_000, dtype=np.int64) * 1_000
    values = np.sin(times / 1e6)
    values[77_777], values[12_345] = 99.0, -99.0

    shown = envelope({"a": (times, values)}, 500)

    assert shown.decimated
    assert shown.time.size <= 500
    assert shown.bands["a"].maximum.max() == 99.0
    assert shown.bands["a"].minimum.min() == -99.0


@given(
    st.lists(st.lists(st.integers(0, 10**6), unique=True, max_size=60).map(sorted), min_size=1, max_size=4),
    st.integers(1, 40),
    st.data(),
)
def test_an_envelope_holds_every_reading_and_never_more_places_than_asked(
    columns: list[list[int]], max_points: int, data: st.DataObject
) -> None:
    finite = st.floats(allow_nan=False, allow_infinity=False)
    runs = {
        i: (
            np.array(times, dtype=np.int64),
            np.array(data.draw(st.lists(finite, min_size=len(times), max_size=len(times))), dtype=np.float64),
        )
        for i, times in enumerate(columns)
    }

    shown = envelope(runs, max_points)

    assert shown.time.size <= max_points
    assert np.all(np.diff(shown.time) > 0)
    assert shown.raw_count == sum(len(times) for times in columns)
    for key, (times, values) in runs.items():
        if shown.decimated:
            band = shown.bands[key]
            place = np.searchsorted(shown.time, times, side="right") - 1
            assert np.all((band.minimum[place] <= values) & (values <= band.maximum[place]))
            filled = ~np.isnan(band.average)
            assert np.all((band.minimum <= band.average)[filled] & (band.average <= band.maximum)[filled])
        else:
            assert shown.exact[key][np.searchsorted(shown.time, times)].tobytes() == values.tobytes()
