"""Readings as files: what stands in them, in which order, and what they say of themselves."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from biolab.accounts.roles import Role
from sessions_app.models import LabSession
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app.codec import Times
from telemetry_app.exports import FORMATS, Outline, Rows, Shape, in_order
from telemetry_app.exports.outline import Column
from telemetry_app.exports.text import SAMPLED, csv_cell, numbers, stamps
from telemetry_app.instants import from_us
from telemetry_app.stores import current
from telemetry_app.stores.base import Run
from tests.factories.accounts import client_of
from tests.factories.sessions import SessionFactory, make_member
from tests.factories.telemetry import NINE_US, ChannelFactory, make_batch, make_intake

SECOND = 1_000_000
TURNED_ROUND = "?from=2026-03-02T10:00:00Z&to=2026-03-02T09:00:00Z"
FIRST_YEAR, LAST_YEAR = -62_135_510_400_000_000, 253_402_214_400_000_000


def column(number: int, name: str, unit: str = "") -> Column:
    return Column(UUID(int=number), f"chan_{number}", name, unit)


def run(number: int, times: list[int], values: list[float]) -> Run:
    return Run(UUID(int=number), np.array(times, dtype=np.int64), np.array(values))


def written(name: str, outline: Outline, runs: list[Run]) -> bytes:
    return b"".join(FORMATS[name].pieces(outline, in_order(runs, outline.places)))


def as_table(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


@given(st.lists(st.integers(FIRST_YEAR, LAST_YEAR), min_size=1, max_size=50))
def test_stamps_are_what_the_calendar_says(times: list[int]) -> None:
    texts = stamps(np.array(times, dtype=np.int64)).to_pylist()

    assert texts == [from_us(us).strftime("%m-%dT%H:%M:%S.%fZ").join([f"{from_us(us).year:04}-", ""]) for us in times]


@pytest.mark.parametrize("times", [1, 2 * SAMPLED], ids=["once", "again and again"])
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_numbers_read_back_bit_for_bit(values: list[float], times: int) -> None:
    texts = numbers(np.tile(values, times)).to_pylist()

    assert [float(text).hex() for text in texts] == [value.hex() for value in values] * times


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 40), st.floats(-1e9, 1e9)),
        min_size=1,
        max_size=60,
        unique_by=lambda row: row[:2],
    ),
    st.lists(st.integers(0, 40), max_size=3),
)
def test_rows_come_by_time_and_channel_however_the_scan_is_sliced(
    readings: list[tuple[int, int, float]], cuts: list[int]
) -> None:
    outline = Outline(Shape.LONG, [column(number, f"c{number}") for number in (3, 1, 4)])
    ends = [*sorted(set(cuts)), 41]

    def slices() -> Iterator[Run]:
        start = -1
        for end in ends:
            for number in (1, 2, 3, 4):
                part = sorted((us, value) for channel, us, value in readings if channel == number and start < us <= end)
                if part:
                    yield run(number, [us for us, _ in part], [value for _, value in part])
            start = end

    found = [
        (us, place, value)
        for rows in in_order(slices(), outline.places)
        for us, place, value in zip(rows.times.tolist(), rows.places.tolist(), rows.values.tolist(), strict=True)
    ]

    places = {3: 0, 1: 1, 4: 2}
    assert found == sorted((us, places[number], value) for number, us, value in readings if number in places)


def test_a_wide_table_has_a_row_per_moment_and_empty_cells() -> None:
    outline = Outline(Shape.WIDE, [column(1, "pH"), column(2, "Temp", "°C"), column(3, "timestamp")])
    runs = [run(1, [0, 2], [7.0, 7.25]), run(2, [1, 2], [20.5, 21.0]), run(3, [2], [-1.0])]

    table = as_table(written("csv", outline, runs))

    assert table == [
        ["timestamp", "pH", "Temp [°C]", "timestamp (chan_3)"],
        ["1970-01-01T00:00:00.000000Z", "7", "", ""],
        ["1970-01-01T00:00:00.000001Z", "", "20.5", ""],
        ["1970-01-01T00:00:00.000002Z", "7.25", "21", "-1"],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pH", "pH"),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-5", "'-5"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("\r\n+1", '"\'\r\n+1"'),
    ],
)
def test_no_spreadsheet_runs_a_cell(text: str, expected: str) -> None:
    assert csv_cell(text) == expected


def test_a_wide_block_stays_bounded_however_many_channels_there_are() -> None:
    rows = Rows(np.arange(5000, dtype=np.int64), np.zeros(5000, dtype=np.int32), np.zeros(5000))

    blocks = list(rows.moments(999))

    assert {block.times.size for block in blocks} == {200}
    assert np.array_equal(np.concatenate([block.times for block in blocks]), rows.times)


@pytest.mark.parametrize("shape", list(Shape))
def test_parquet_and_arrow_hold_the_same_table(shape: Shape) -> None:
    outline = Outline(shape, [column(1, "pH"), column(2, "Temp", "°C")], {"biolab.session": "sess_1"})
    runs = [run(1, [0, 2], [7.0, 7.25]), run(2, [1, 2], [20.5, 21.0])]

    parquet = pq.read_table(io.BytesIO(written("parquet", outline, runs)))
    arrow = pa.ipc.open_stream(written("arrow", outline, runs)).read_all()

    assert parquet.to_pylist() == arrow.to_pylist()
    assert parquet.schema.field("timestamp").type == arrow.schema.field("timestamp").type == pa.timestamp("us", "UTC")
    assert parquet.schema.metadata[b"biolab.session"] == arrow.schema.metadata[b"biolab.session"] == b"sess_1"
    if shape is Shape.LONG:
        assert parquet.num_rows == 4
        assert pa.types.is_dictionary(parquet.schema.field("channel").type)
    else:
        assert parquet.column("Temp [°C]").to_pylist() == [None, 20.5, 21.0]
        assert parquet.schema.field("Temp [°C]").metadata == {
            b"channel": b"Temp",
            b"unit": "°C".encode(),
            b"id": b"chan_2",
        }


def test_parquet_is_packed_with_zstd_and_keeps_its_times_exactly() -> None:
    times: Times = np.arange(10_000, dtype=np.int64) * 1000 + 1
    outline = Outline(Shape.LONG, [column(1, "pH")])

    data = written("parquet", outline, [Run(UUID(int=1), times, np.zeros(10_000))])

    file = pq.ParquetFile(io.BytesIO(data))
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert "DELTA_BINARY_PACKED" in file.metadata.row_group(0).column(0).encodings
    assert file.read().column("timestamp").cast(pa.int64()).to_pylist() == times.tolist()


# -- the door -----------------------------------------------------------------------------------------------------


@pytest.fixture
def session(db: None) -> LabSession:
    return SessionFactory(name="Łódź: run/7 ‮⁦=1")


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(make_member(session.team, Role.OBSERVER))


def store(session: LabSession, rows: list[tuple[str, int, float]], units: dict[str, str]) -> None:
    channels = {name: ChannelFactory(team=session.team, name=name, unit=unit).pk for name, unit in units.items()}
    current().append(make_intake(session, channels, make_batch(rows)))


def exported(client: APIClient, session: LabSession, query: str = "") -> Any:
    return client.get(f"/api/sessions/{session.public_id}/telemetry/export{query}")


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


ROWS = [
    ("pH", NINE_US, 7.0),
    ("Temp", NINE_US, 36.5),
    ("pH", NINE_US + SECOND, 7.01),
    ("Temp", NINE_US + 2 * SECOND, 36.75),
]
UNITS = {"pH": "", "Temp": "°C"}


def test_csv_holds_every_reading_in_time_order(client: APIClient, session: LabSession) -> None:
    store(session, ROWS, UNITS)

    answer = exported(client, session)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert body(answer).decode().split("\r\n") == [
        "timestamp,channel,value,unit",
        "2026-03-02T09:00:00.000000Z,Temp,36.5,°C",
        "2026-03-02T09:00:00.000000Z,pH,7,",
        "2026-03-02T09:00:01.000000Z,pH,7.01,",
        "2026-03-02T09:00:02.000000Z,Temp,36.75,°C",
        "",
    ]


def test_the_file_name_is_safe_and_still_says_which_session(client: APIClient, session: LabSession) -> None:
    answer = exported(client, session, "?format=parquet")

    last = session.public_id[-8:]
    assert answer["Content-Disposition"] == (
        f"attachment; filename*=utf-8''readings_%C5%81%C3%B3d%C5%BA_run_7_1_{last}.parquet"
    )


def test_channels_and_range_narrow_the_file(client: APIClient, session: LabSession) -> None:
    store(session, ROWS, UNITS)

    answer = exported(client, session, "?channels=pH&shape=wide&from=2026-03-02T09:00:01Z&to=2026-03-02T09:00:02Z")

    assert as_table(body(answer)) == [["timestamp", "pH"], ["2026-03-02T09:00:01.000000Z", "7.01"]]


def test_a_session_without_readings_gives_an_empty_file(client: APIClient, session: LabSession) -> None:
    empty = body(exported(client, session, "?shape=wide"))
    table = pq.read_table(io.BytesIO(body(exported(client, session, "?format=parquet"))))

    assert empty == b"timestamp\r\n"
    assert table.num_rows == 0


@pytest.mark.parametrize("query", ["?format=xlsx", "?shape=deep", "?from=yesterday", TURNED_ROUND])
def test_what_cannot_be_answered_is_refused_before_the_first_byte(
    client: APIClient, session: LabSession, query: str
) -> None:
    assert exported(client, session, query).status_code == 422
    assert client.head(f"/api/sessions/{session.public_id}/telemetry/export{query}").status_code == 422


def test_an_unknown_channel_is_missing(client: APIClient, session: LabSession) -> None:
    assert exported(client, session, "?channels=pX").status_code == 404


def test_head_tells_the_name_and_reads_nothing(client: APIClient, session: LabSession) -> None:
    answer = client.head(f"/api/sessions/{session.public_id}/telemetry/export")

    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")


def test_a_sealed_session_takes_its_seal_along(session: LabSession, client: APIClient) -> None:
    store(session, ROWS, UNITS)
    lead = make_member(session.team, Role.LEAD)
    move_session(session=session, move=COMPLETE, by=lead, at=datetime(2026, 3, 2, 10, 0, tzinfo=UTC))

    table = pq.read_table(io.BytesIO(body(exported(client, session, "?format=parquet"))))

    seal = current().seal(session.pk)
    assert all(one.sha256.encode() in table.schema.metadata[b"biolab.seal"] for one in seal.values())
    assert table.schema.metadata[b"biolab.session"] == session.public_id.encode()
    assert '"Temp":"°C"'.encode() in table.schema.metadata[b"biolab.units"]


def test_an_export_costs_the_same_queries_however_many_channels_it_has(client: APIClient, session: LabSession) -> None:
    store(session, ROWS, UNITS)
    with CaptureQueriesContext(connection) as few:
        body(exported(client, session))
    names = {f"c{number}": "" for number in range(30)}
    store(session, [(name, NINE_US, 1.0) for name in names], names)

    with CaptureQueriesContext(connection) as many:
        body(exported(client, session))

    assert len(many) == len(few)
