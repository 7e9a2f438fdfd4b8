"""Columns of ISO 8601 times."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_app.instants import from_us, iso_column, iso_us, parse_column, parse_text, to_us

MOMENTS = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))


@given(st.lists(MOMENTS, max_size=50))
def test_a_column_read_at_once_says_what_each_time_says_alone(moments: list[datetime]) -> None:
    texts = [iso_us(to_us(moment)) for moment in moments]

    times, readable = parse_column(texts)

    assert readable.all()
    assert times.tolist() == [to_us(moment) for moment in moments]
    assert iso_column(times) == texts
    assert [from_us(us) for us in times.tolist()] == moments


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("2026-03-02T11:00:00+02:00", "2026-03-02T09:00:00Z"),
        ("2026-03-02 09:00:00Z", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00:00.5Z", "2026-03-02T09:00:00.500000Z"),
        ("2026-03-02T09:00:00.123456789Z", "2026-03-02T09:00:00.123456Z"),
        ("20260302T090000Z", "2026-03-02T09:00:00Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ],
)
def test_forms_of_one_moment_are_one_moment(text: str, same_as: str) -> None:
    times, readable = parse_column([text])

    assert readable.all()
    assert iso_column(times) == [iso_us(parse_text(same_as) or 0)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00",
        "2026-03-02",
        "2026-13-02T09:00:00Z",
        "2025-02-29T00:00:00Z",
        "2026-03-02T25:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "yesterday",
        "",
        "٢٠٢٦-03-02T09:00:00Z",
    ],
)
def test_what_is_no_time_or_names_no_offset_is_unreadable(text: str) -> None:
    times, readable = parse_column(["2026-03-02T09:00:00Z", text])

    assert readable.tolist() == [True, False]
    assert times[1] == 0


def test_an_empty_column_is_fine() -> None:
    assert iso_column(np.zeros(0, dtype=np.int64)) == []
    assert parse_column([])[0].size == 0
