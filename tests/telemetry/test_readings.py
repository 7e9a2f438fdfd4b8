"""Reading ids."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_app.readings import ReadingKey, parse_reading_id, reading_id

KEYS = st.builds(ReadingKey, st.uuids(), st.none() | st.uuids(), st.integers(-(2**63), 2**63 - 1))


@given(KEYS)
def test_an_id_names_its_reading_and_nothing_else(key: ReadingKey) -> None:
    text = reading_id(key)

    assert text.startswith("tel_")
    assert parse_reading_id(text) == key


@pytest.mark.parametrize("change", [str.upper, lambda t: t[:-1], lambda t: t + "a", lambda t: t[4:], lambda t: "tel_"])
def test_a_changed_id_names_nothing(change: object) -> None:
    text = reading_id(ReadingKey(UUID(int=1), UUID(int=2), 3))

    assert parse_reading_id(change(text)) is None  # type: ignore[operator]


@given(st.text(max_size=80))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    parsed = parse_reading_id("tel_" + text)

    assert parsed is None or reading_id(parsed) == "tel_" + text
