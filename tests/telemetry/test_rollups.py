"""Rollups: pieces of a chunk that charts read in its place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_app import codec
from telemetry_app.codec import Times, Values
from telemetry_app.decimate import STEPS_US, axis, gather, gather_again
from telemetry_app.instants import SECOND_US
from telemetry_app.stores.rollups import pack_pieces, regroup, roll_up, unpack_pieces
from tests.factories.telemetry import NINE_US


def recording(count: int, every_us: int, *, seed: int = 5) -> tuple[Times, Values]:
    """Return readings about ``every_us`` apart, none of them round."""
    random = np.random.default_rng(seed)
    times = NINE_US + np.cumsum(random.integers(1, 2 * every_us, count))
    return times, np.asarray(random.standard_normal(count))


def test_each_round_length_is_a_multiple_of_those_before_it() -> None:
    assert all(longer % step == 0 for i, step in enumerate(STEPS_US) for longer in STEPS_US[i:])


@pytest.mark.parametrize("every_us", [40, 1_000, 100_000, SECOND_US, 60 * SECOND_US, 1800 * SECOND_US])
def test_whatever_the_pace_a_rollup_is_a_fraction_of_its_chunk(every_us: int) -> None:
    run = recording(4096, every_us)

    rolled = roll_up(run)

    assert rolled is not None
    step, pieces = rolled
    assert step in STEPS_US
    assert pieces.count.sum() == 4096
    assert pieces.place.size <= 4096 // 24 + 1
    assert pieces.place.size >= 4096 // (24 * 6)


def test_few_readings_or_very_slow_ones_get_none() -> None:
    assert roll_up(recording(500, SECOND_US)) is None
    assert roll_up(recording(4096, 24 * 3600 * SECOND_US)) is None


def test_pieces_unpack_to_what_was_packed() -> None:
    times, values = recording(4096, SECOND_US)
    values[:3] = -0.0, 1.7e308, 5e-324
    pieces = gather(times, values, 0, 30 * SECOND_US)

    found = unpack_pieces(pack_pieces(pieces))

    for name in ("place", "count", "minimum", "maximum", "mean"):
        assert getattr(found, name).tobytes() == getattr(pieces, name).tobytes()


def test_a_damaged_rollup_is_told_from_a_good_one() -> None:
    with pytest.raises(codec.BlockError):
        unpack_pieces(b"\x00" * 40)


@given(st.integers(1, 3_000), st.integers(1, 400), st.sampled_from([1, 700, 40_000, 1_500_000]), st.integers(0, 9))
def test_pieces_gathered_again_are_what_the_readings_are(count: int, max_points: int, every_us: int, seed: int) -> None:
    times, values = recording(count, every_us, seed=seed)
    origin, width = axis(int(times[0]), int(times[-1]), max_points)
    step = max((step for step in STEPS_US if width % step == 0 and origin % step == 0), default=1)
    half = count // 2
    parts = [gather(times[:half], values[:half], 0, step), gather(times[half:], values[half:], 0, step)]

    again = gather_again([regroup(part, step, origin, width) for part in parts])

    whole = gather(times, values, origin, width)
    assert again.place.tolist() == whole.place.tolist()
    assert again.count.tolist() == whole.count.tolist()
    assert again.minimum.tolist() == whole.minimum.tolist()
    assert again.maximum.tolist() == whole.maximum.tolist()
    assert np.allclose(again.mean, whole.mean, rtol=1e-9, atol=1e-9)
    assert whole.place[-1] < max_points
