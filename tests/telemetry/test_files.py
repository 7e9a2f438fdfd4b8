"""How files of readings are understood: encodings, separators, columns, times and numbers."""

from __future__ import annotations

import io
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biolab.kernel.errors import Invalid
from telemetry_app.ingest.epochs import epoch_us
from telemetry_app.ingest.files import BLOCK, look_into
from telemetry_app.ingest.files_cells import TEXT, numbers_of, times_of
from telemetry_app.ingest.files_layout import Layout, Wish
from telemetry_app.ingest.files_rows import FileReader
from telemetry_app.instants import iso_us, to_us
from tests.factories.sessions import NINE

NOW_US = to_us(NINE)


def understood(tmp_path: Path, data: bytes, **wish: object) -> tuple[Layout, FileReader, list[tuple[str, str, float]]]:
    """Return how a file is laid out, its reader at the end, and all its readings."""
    path = tmp_path / "file"
    path.write_bytes(data)
    layout, _ = look_into(path, Wish(**wish))  # type: ignore[arg-type]
    with path.open("rb") as file:
        reader = FileReader(file, layout, NOW_US)
        readings = [
            (rows.names[place], iso_us(us), value)
            for rows in reader.rows()
            for place, us, value in zip(rows.index.tolist(), rows.times.tolist(), rows.values.tolist(), strict=True)
        ]
    return layout, reader, readings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_encodings_and_separators_are_found(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = ["# made by a logger", "time;T [°C];µ", "2025-03-03T09:00:00Z;36.5;1"]

    layout, reader, readings = understood(tmp_path, "\r\n".join(lines).replace(";", delimiter).encode(encoding))

    assert readings == [("T", "2025-03-03T09:00:00Z", 36.5), ("µ", "2025-03-03T09:00:00Z", 1.0)]
    assert layout.series[0].unit == "°C"
    assert reader.wrong() == []


def test_a_comma_between_cells_is_no_decimal_comma(tmp_path: Path) -> None:
    _, _, readings = understood(tmp_path, b't,"a","b"\n2025-03-03T09:00:00Z,1,5\n')

    assert [value for _, _, value in readings] == [1.0, 5.0]


def test_points_among_decimal_commas_are_named_and_never_become_other_numbers(tmp_path: Path) -> None:
    rows = "".join(f"2025-03-03T09:00:{i:02d}Z;1,5\n" for i in range(60)) * 10

    _, reader, _ = understood(tmp_path, f"t;a\n{rows}2025-03-03T09:01:00Z;1.234\n".encode())

    assert [str(one) for one in reader.wrong()] == ["Line 602, a: Not a finite number. It says “1.234”."]


def test_lines_are_counted_past_empty_ones_comments_and_misfits(tmp_path: Path) -> None:
    text = "#\n\nt;a\n\n2025-03-03T09:00:00Z;1\n2025;1;2\n\n2025-03-03T09:00:01Z;x\n2025-03-03T09:00:02Z\n;3\n"

    _, reader, _ = understood(tmp_path, text.encode())

    assert [one.line for one in reader.wrong()] == [6, 8, 9, 10]


def test_a_cell_may_span_lines_wherever_the_reader_cuts_the_file(tmp_path: Path) -> None:
    remark = '"' + "seen,\n" * 200 + '"'
    count = 3 * BLOCK // len(remark)
    rows = "".join(f"{1740992400 + i},{i},{remark}\n" for i in range(count))

    _, reader, readings = understood(tmp_path, f"t,a,remark\n{rows}".encode())

    assert reader.wrong() == []
    assert [value for _, _, value in readings] == list(range(count))


def test_at_most_twenty_wrong_rows_are_named(tmp_path: Path) -> None:
    _, reader, _ = understood(tmp_path, b"t,a\n" + b"2025-03-03T09:00:00Z,1\n" + b"2025-03-03T09:00:00Z,x\n" * 50)

    assert [one.line for one in reader.wrong()] == list(range(3, 23))


def test_rows_come_in_bounded_parts_and_the_same_ones_each_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"t,a,b\n" + b"".join(b"%d,%d,\n" % (1_700_000_000 + i, i) for i in range(100_000)))
    layout, _ = look_into(path, Wish())

    def counts() -> list[int]:
        with path.open("rb") as file:
            return [rows.count for rows in FileReader(file, layout, NOW_US).rows()]

    assert counts() == counts()
    assert sum(counts()) == 100_000
    assert max(counts()) <= 20_000


def test_a_long_file_keeps_one_unit_for_a_channel(tmp_path: Path) -> None:
    text = "time,sensor,reading,units\n1700000000,a,1,mV\n1700000001,b,2,\n1700000002,b,3,V\n1700000003,a,4,V\n"

    _, reader, _ = understood(tmp_path, text.encode())

    assert reader.units == {"a": "mV", "b": "V"}
    assert [one.line for one in reader.wrong()] == [5]


def test_parquet_of_other_tools_is_read_whatever_its_types(tmp_path: Path) -> None:
    body = io.BytesIO()
    table = pa.table(
        {
            "time": pa.array([1_741_000_000_000, 1_741_000_000_500], pa.timestamp("ms")),
            "whole": pa.array([1, None], pa.int32()),
            "exact": pa.array([1, 2**60], pa.int64()),
            "open": pa.array([True, False]),
            "note": ["a", "b"],
        }
    )
    pq.write_table(table, body)

    layout, reader, readings = understood(tmp_path, body.getvalue(), time_zone="UTC")

    assert [(name, value) for name, _, value in readings] == [
        ("whole", 1.0),
        ("exact", 1.0),
        ("open", 1.0),
        ("open", 0.0),
    ]
    assert layout.left_out == ["note"]
    assert [str(one) for one in reader.wrong()] == [f"Line 2, exact: Not a finite number. It says “{2**60}”."]


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        (b"t,a,a\n2025-03-03T09:00:00Z,1,2\n", "/file"),
        (b"t\n2025-03-03T09:00:00Z\n", "/file"),
        (b"t,a\nmonday,1\n", "/time_column"),
        (b"t,a\n2025-03-03 09:00:00,1\n", "/time_zone"),
        (b"t,a\n0,1\n", "/time_column"),
        (b"t,note\n2025-03-03T09:00:00Z,hi\n", "/columns"),
        (b"# only comments\n", "/file"),
    ],
)
def test_what_cannot_be_told_is_asked_for_by_its_field(tmp_path: Path, data: bytes, pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        understood(tmp_path, data)

    assert refusal.value.facts["errors"][0]["pointer"] == pointer


def test_a_refusal_shows_what_the_file_holds(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        understood(tmp_path, b"t,a\n2025-03-03 09:00:00,1\n")

    assert refusal.value.facts["headers"] == ["t", "a"]
    assert refusal.value.facts["sample"] == [["2025-03-03 09:00:00", "1"]]


def test_local_times_are_one_moment_or_none() -> None:
    written = ["2024-07-01 12:00:00", "2024-10-27 02:30:00", "2024-03-31 02:30:00", "2024-07-01T12:00:00Z", None]

    times, readable = times_of(pa.array(written), TEXT, ZoneInfo("Europe/Berlin"))

    assert readable.tolist() == [True, False, False, True, False]
    assert [iso_us(us) for us in times[readable].tolist()] == ["2024-07-01T10:00:00Z", "2024-07-01T12:00:00Z"]


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_numbers_come_back_exactly(values: list[float | None]) -> None:
    texts = pa.array([None if value is None else repr(value) for value in values], pa.string())

    read, there, wrong = numbers_of(texts)

    assert there.tolist() == [value is not None for value in values]
    assert not wrong.any()
    assert np.array_equal(read[there], np.array([value for value in values if value is not None], dtype=np.float64))


@given(st.integers(10**15, 4 * 10**15))
def test_a_time_is_the_same_in_whatever_unit_it_is_counted(us: int) -> None:
    whole_ms = us // 1000

    assert epoch_us(us) == us
    assert epoch_us(whole_ms) == whole_ms * 1000
    assert epoch_us(us * 1000 + 999) == us
    assert epoch_us(us // 10**6) == us // 10**6 * 10**6


def test_a_last_cell_without_a_header_is_passed_over(tmp_path: Path) -> None:
    layout, reader, readings = understood(tmp_path, b"t;a;\n2025-03-03T09:00:00Z;1;\n2025-03-03T09:00:01Z;2;\n")

    assert [value for _, _, value in readings] == [1.0, 2.0]
    assert layout.left_out == [""]
    assert reader.wrong() == []


def test_columns_of_lists_are_no_channels(tmp_path: Path) -> None:
    body = io.BytesIO()
    pq.write_table(pa.table({"t": pa.array([1, 2], pa.timestamp("us", "UTC")), "a": [1.0, 2.0], "b": [[1], [2]]}), body)

    layout, _, _ = understood(tmp_path, body.getvalue())
    with pytest.raises(Invalid):
        understood(tmp_path, body.getvalue(), columns={"b": "b"})

    assert layout.left_out == ["b"]
