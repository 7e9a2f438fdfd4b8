"""Bodies to columns: what is taken, what is refused, and how it is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biolab.kernel.errors import Invalid, TooLarge
from telemetry_app.ingest.batch import NotJSONError, decode_batch, decode_reading
from telemetry_app.instants import SECOND_US, iso_us
from tests.factories.telemetry import NINE_US

AT = iso_us(NINE_US - SECOND_US)


def decode(body: Any) -> Any:
    return decode_batch(body if isinstance(body, bytes) else json.dumps(body).encode(), received_us=NINE_US)


def row(**fields: Any) -> dict[str, Any]:
    return {"timestamp": AT, "channel": "pH", "value": 7.0, **fields}


def refusal(body: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        decode(body)
    return caught.value


def test_rows_and_columns_say_the_same() -> None:
    stamps = [iso_us(NINE_US + i) for i in range(3)]
    rows = [{"timestamp": at, "channel": name, "value": i} for name in ("a", "b") for i, at in enumerate(stamps)]
    columns = [{"channel": name, "timestamps": stamps, "values": [0, 1, 2]} for name in ("a", "b")]

    by_row, by_column = decode({"data": rows}), decode({"columns": columns})

    assert by_row.names == by_column.names == ("a", "b")
    assert by_row.times.tolist() == by_column.times.tolist()
    assert by_row.values.tolist() == by_column.values.tolist()
    assert by_row.digest() == by_column.digest()


@pytest.mark.parametrize(
    ("given_value", "value"),
    [("7.25", 7.25), (" -1e3 ", -1000.0), (True, 1.0), (False, 0.0), (3, 3.0), (2**60, float(2**60)), (-0.0, 0.0)],
)
def test_numbers_in_strings_and_booleans_are_numbers(given_value: Any, value: float) -> None:
    assert decode({"data": [row(value=given_value)]}).values.tolist() == [value]
    column = {"channel": "a", "timestamps": [AT], "values": [given_value]}
    assert decode({"columns": [column]}).values.tolist() == [value]


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", "1_000", "", "x", None, [1], {}, "١", 10**400])
def test_what_is_no_finite_number_is_refused_with_its_place(value: Any) -> None:
    refused = refusal({"data": [row(), row(value=value)]})

    assert [error["pointer"] for error in refused.facts["errors"]] == ["/data/1/value"]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_words_that_are_no_json_are_refused_by_row(word: str) -> None:
    body = b'{"data": [{"channel": "a", "timestamp": "%b", "value": %b}]}' % (AT.encode(), word.encode())

    assert refusal(body).facts["errors"][0]["pointer"] == "/data/0/value"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"timestamp": "2026-03-02T09:00:00"}, "/data/0/timestamp"),
        ({"timestamp": "soon"}, "/data/0/timestamp"),
        ({"timestamp": 1700000000}, "/data/0/timestamp"),
        ({"timestamp": iso_us(NINE_US + 24 * 3600 * SECOND_US + 1)}, "/data/0/timestamp"),
        ({"channel": ""}, "/data/0/channel"),
        ({"channel": "x" * 256}, "/data/0/channel"),
        ({"channel": "a\x00b"}, "/data/0/channel"),
        ({"channel": "  "}, "/data/0/channel"),
        ({"channel": None}, "/data/0/channel"),
        ({"channel": "\ud800"}, "/data/0/channel"),
        ({"unit": 5}, "/data/0/unit"),
        ({"unit": "u" * 65}, "/data/0/unit"),
    ],
)
def test_a_wrong_row_is_named(fields: dict[str, Any], pointer: str) -> None:
    assert [error["pointer"] for error in refusal({"data": [row(**fields)]}).facts["errors"]] == [pointer]


def test_the_first_twenty_wrong_rows_are_named_in_order_and_all_are_counted() -> None:
    refused = refusal({"data": [row(value="x") if i % 2 else row() for i in range(100)]})

    assert [error["pointer"] for error in refused.facts["errors"]] == [f"/data/{i}/value" for i in range(1, 41, 2)]
    assert refused.facts["error_count"] == 50


def test_the_columns_of_a_batch_are_named_too() -> None:
    columns = [
        {"channel": "a", "timestamps": [AT, AT], "values": [1, 2]},
        {"channel": "b", "timestamps": [AT, "x"], "values": [1, 2]},
    ]

    assert refusal({"columns": columns}).facts["errors"][0]["pointer"] == "/columns/1/timestamps/1"
    columns[1] = {"channel": "b", "timestamps": [AT], "values": [1, 2]}
    assert refusal({"columns": columns}).facts["errors"][0]["pointer"] == "/columns/1/timestamps"
    columns[1] = {"channel": "b", "timestamps": 5, "values": ["x"]}
    assert {error["pointer"] for error in refusal({"columns": columns}).facts["errors"]} == {
        "/columns/1/timestamps",
        "/columns/1/values/0",
    }


@pytest.mark.parametrize("body", [[], 5, {}, {"data": 5}, {"data": [], "columns": []}, {"columns": "x"}, {"data": []}])
def test_other_shapes_are_refused(body: Any) -> None:
    refusal(body)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"data": [' + b"[" * 5000])
def test_what_is_no_json_is_told_as_such(body: bytes) -> None:
    with pytest.raises(NotJSONError):
        decode(body)


def test_more_than_a_hundred_thousand_rows_are_too_many() -> None:
    columns = [{"channel": "a", "values": [0] * 100_001}]

    with pytest.raises(TooLarge):
        decode({"columns": columns})


def test_rows_without_a_time_happened_on_arrival_and_none_overwrites_another() -> None:
    batch = decode({"data": [{"channel": "a", "value": i} for i in range(3)] + [{"channel": "b", "value": 9}]})

    assert batch.times.tolist() == [NINE_US, NINE_US + 1, NINE_US + 2, NINE_US]
    assert not batch.timed


def test_the_last_of_several_rows_for_one_moment_wins() -> None:
    batch = decode({"data": [row(value=1), row(value=2), row(value=2), row(value=3)]})

    assert batch.values.tolist() == [3.0]
    assert batch.opening.tolist() == [1.0]
    assert (batch.accepted, batch.repeats) == (4, 1)


def test_rows_older_than_five_minutes_are_counted_as_late() -> None:
    late = [iso_us(NINE_US - 300 * SECOND_US - i) for i in (0, 1, 2)]

    assert decode({"data": [row(timestamp=at) for at in late]}).late == 2


def test_one_unit_a_channel() -> None:
    assert decode({"data": [row(unit="°C"), row(channel="b"), row()]}).units == ("°C", "")
    assert refusal({"data": [row(unit="°C"), row(unit="K")]}).facts["errors"][0]["pointer"] == "/data/1/unit"


def test_a_batch_id_is_text() -> None:
    assert decode({"data": [row()], "batch_id": "b-1"}).batch_id == "b-1"
    assert decode({"data": [row(value="1")], "batch_id": "b-1"}).batch_id == "b-1"
    for wrong in (5, "", "x" * 256, "a\nb"):
        assert refusal({"data": [row()], "batch_id": wrong}).facts["errors"][0]["pointer"] == "/batch_id"


def test_a_single_reading_is_a_batch_of_one() -> None:
    batch = decode_reading(json.dumps(row(unit="pH", value="7.01")).encode(), received_us=NINE_US)

    assert (batch.names, batch.units, batch.values.tolist()) == (("pH",), ("pH",), [7.01])
    with pytest.raises(Invalid) as caught:
        decode_reading(b'{"channel": "", "value": "x"}', received_us=NINE_US)
    assert {error["pointer"] for error in caught.value.facts["errors"]} == {"/channel", "/value"}
    with pytest.raises(Invalid):
        decode_reading(b"[1]", received_us=NINE_US)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["data", "columns", "channel", "value", "values", "timestamp", "timestamps", "unit", "batch_id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_body_makes_the_decoder_fail_otherwise_than_by_refusing(body: Any) -> None:
    text = json.dumps(body).encode()

    for read in (decode_batch, decode_reading):
        try:
            batch = read(text, received_us=NINE_US)
        except (Invalid, TooLarge, NotJSONError):
            continue
        assert batch.accepted >= 1
