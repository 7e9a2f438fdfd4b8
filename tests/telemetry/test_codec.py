"""Columns to bytes and back, whatever the columns hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from telemetry_app.codec import BlockError, decode_times, decode_values, encode_times, encode_values
from tests.factories.telemetry import bench_recording

FINITE = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True)
DECIMAL = st.integers(-(10**9), 10**9).flatmap(lambda n: st.integers(0, 9).map(lambda d: n / 10**d))
AWKWARD = st.sampled_from([-0.0, 0.0, 5e-324, -2.2e-308, 1.7976931348623157e308, 0.1 + 0.2, 2.0**53 + 2, 1e22])


@given(st.lists(FINITE | DECIMAL | AWKWARD, max_size=300), st.sampled_from([1, 3]))
def test_every_finite_value_comes_back_bit_for_bit(values: list[float], level: int) -> None:
    column = np.array(values, dtype=np.float64)

    back = decode_values(encode_values(column, level=level), column.size)

    assert back.dtype == np.float64
    assert back.tobytes() == column.tobytes()


@given(arrays(np.int64, st.integers(0, 300)))
def test_every_time_comes_back_in_any_order_and_with_any_gap(times: np.ndarray) -> None:
    assert np.array_equal(decode_times(encode_times(times), times.size), times)


def test_readings_with_few_decimals_and_even_times_are_small() -> None:
    random = np.random.default_rng(1)
    times = np.arange(4096, dtype=np.int64) * 100_000 + 1_700_000_000_000_000
    values = np.round(37 + np.cumsum(random.normal(scale=0.01, size=4096)), 3)

    packed = len(encode_times(times)) + len(encode_values(values))

    assert packed / 4096 < 2


def test_a_real_looking_recording_takes_at_most_twelve_bytes_a_reading() -> None:
    times, columns = bench_recording(4096)

    packed = sum(len(encode_times(times)) + len(encode_values(values)) for values in columns.values())

    assert packed / (8 * 4096) <= 12


@pytest.mark.parametrize("block", [b"", b"\x00\x01\x00", b"\x02\x03\x00junk", b"\x63\x01\x00"])
def test_damaged_blocks_are_told_and_never_read_as_something_else(block: bytes) -> None:
    with pytest.raises(BlockError):
        decode_values(block, 3)


def test_a_block_tells_when_its_row_names_another_number_of_readings() -> None:
    block = encode_values(np.array([1.0, 2.0, 3.0]))

    with pytest.raises(BlockError):
        decode_values(block, 2)
    with pytest.raises(BlockError):
        decode_values(block, 4)


def test_times_and_values_are_not_taken_for_each_other() -> None:
    times, values = np.array([1, 2, 3], dtype=np.int64), np.array([1.5, 2.5, 3.5])

    with pytest.raises(BlockError):
        decode_values(encode_times(times), 3)
    with pytest.raises(BlockError):
        decode_times(encode_values(values), 3)
