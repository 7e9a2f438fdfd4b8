"""JSON bodies to columns: typed decoding where every row is well formed, row by row where one is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from biolab.kernel.errors import Invalid, TooLarge
from telemetry_app.codec import Times, Values
from telemetry_app.ingest.columns import AHEAD_US, MAX_ROWS, Batch, Index, settle
from telemetry_app.ingest.loose import NotJSONError, loose_column, loose_json, loose_row
from telemetry_app.ingest.shapes import (
    BAD_NAME,
    BAD_UNIT,
    ERRORS_SHOWN,
    MAX_NAME,
    MAX_UNIT,
    NO_TIME,
    NOT_FINITE,
    TOO_FAR_AHEAD,
    TWO_UNITS,
    Body,
    Column,
    Row,
    refusal,
)
from telemetry_app.instants import parse_column

MAX_BATCH_ID = 255

__all__ = ["NotJSONError", "decode_batch", "decode_reading", "unit_pointers"]


_decoder = msgspec.json.Decoder(Body)


@dataclass(slots=True)
class _Received:
    """Rows as they came; ``pointer`` names a row in the request, ``stamps`` holds None where a row has no time."""

    series: list[tuple[str, str | None]]
    index: Index
    stamps: list[str | None]
    values: Values
    pointer: Callable[[int, str], str]
    batch_id: str | None
    errors: list[dict[str, Any]]


def decode_batch(body: bytes, *, received_us: int) -> Batch:
    """Return the readings of ``{"data": [rows]}`` or ``{"columns": [columns]}``.

    Args:
        body: JSON, UTF-8.
        received_us: when it arrived, microseconds since 1970.

    Raises:
        NotJSONError: the body is no JSON.
        Invalid: rows are wrong; the first 20 are named and none is taken.
        TooLarge: more than 100,000 rows.
    """
    try:
        parsed = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _assemble(_receive_loose(loose_json(body)), received_us)
    if (parsed.data is None) == (parsed.columns is None):
        raise _wrong_shape()
    received = _receive_rows(parsed.data) if parsed.data is not None else _receive_columns(parsed.columns or [])
    received.batch_id = parsed.batch_id
    return _assemble(received, received_us)


def decode_reading(body: bytes, *, received_us: int) -> Batch:
    """Return the one reading of ``{"timestamp", "channel", "value", "unit"?}`` as a batch of one.

    Raises:
        NotJSONError: the body is no JSON.
        Invalid: the reading is wrong.
    """
    value = loose_json(body)
    if not isinstance(value, dict):
        raise Invalid("Send one reading as an object.", errors=[{"pointer": "", "detail": "Not an object."}])
    received = _receive_loose({"data": [value]})
    received.pointer = lambda _row, field: f"/{field}"
    for error in received.errors:
        error["pointer"] = error["pointer"].removeprefix("/data/0")
    # A single reading is applied whenever it is sent, so its content must not name it.
    return replace(_assemble(received, received_us), timed=False)


def unit_pointers(body: bytes) -> dict[str, str]:
    """Return where the body of a good batch first names each channel's unit, by the channel."""
    sent = loose_json(body)
    found: dict[str, str] = {}
    for name in ("data", "columns"):
        for place, row in enumerate(sent.get(name) or ()):
            if row.get("unit"):
                found.setdefault(row["channel"], f"/{name}/{place}/unit")
    return found


def _wrong_shape() -> Invalid:
    detail = "Send {“data”: [readings]} or {“columns”: [columns]}."
    return Invalid(detail, code="bad_batch", errors=[{"pointer": "", "detail": detail}])


def _bound(rows: int) -> None:
    if rows > MAX_ROWS:
        raise TooLarge(f"A batch holds at most {MAX_ROWS} readings.", code="batch_too_large", limit_rows=MAX_ROWS)


def _receive_rows(rows: list[Row]) -> _Received:
    _bound(len(rows))
    keys = [(row.channel, row.unit) for row in rows]
    series = list(dict.fromkeys(keys))
    place = {key: i for i, key in enumerate(series)}
    return _Received(
        series=series,
        index=np.fromiter(map(place.__getitem__, keys), dtype=np.int64, count=len(keys)),
        stamps=[row.timestamp for row in rows],
        values=np.array([row.value for row in rows], dtype=np.float64),
        pointer=lambda row, field: f"/data/{row}/{field}",
        batch_id=None,
        errors=[],
    )


def _receive_columns(columns: list[Column]) -> _Received:
    sizes = [len(column.values) for column in columns]
    _bound(sum(sizes))
    errors: list[dict[str, Any]] = []
    stamps: list[str | None] = []
    for i, column in enumerate(columns):
        if column.timestamps is not None and len(column.timestamps) != sizes[i]:
            errors.append({"pointer": f"/columns/{i}/timestamps", "detail": "Not as many times as values."})
        stamps += column.timestamps if column.timestamps is not None else [None] * sizes[i]
    if errors:
        raise refusal(errors, len(errors))
    starts = np.cumsum([0, *sizes])

    def pointer(row: int, field: str) -> str:
        column = int(np.searchsorted(starts, row, side="right")) - 1
        if field in ("channel", "unit"):
            return f"/columns/{column}/{field}"
        return f"/columns/{column}/{field}s/{row - starts[column]}"

    return _Received(
        series=[(column.channel, column.unit) for column in columns],
        index=np.repeat(np.arange(len(columns)), sizes),
        stamps=stamps,
        values=np.array([value for column in columns for value in column.values], dtype=np.float64),
        pointer=pointer,
        batch_id=None,
        errors=[],
    )


def _receive_loose(body: Any) -> _Received:
    """Read a body that is not as typed: numbers in strings, booleans, or rows that are wrong and must be named."""
    if not isinstance(body, dict):
        raise _wrong_shape()
    batch_id = body.get("batch_id")
    if batch_id is not None and not isinstance(batch_id, str):
        raise Invalid("A batch id is text.", errors=[{"pointer": "/batch_id", "detail": "Not text."}])
    rows, columns = body.get("data"), body.get("columns")
    errors: list[dict[str, Any]] = []
    if isinstance(rows, list) and columns is None:
        _bound(len(rows))
        received = _receive_rows([loose_row(row, f"/data/{i}", errors) for i, row in enumerate(rows)])
    elif isinstance(columns, list) and rows is None:
        received = _receive_columns([loose_column(column, f"/columns/{i}", errors) for i, column in enumerate(columns)])
    else:
        raise _wrong_shape()
    received.batch_id, received.errors = batch_id, errors
    return received


def _assemble(received: _Received, received_us: int) -> Batch:
    """Check what typed decoding cannot, and settle the columns."""
    if received.index.size == 0 and not received.errors:
        raise Invalid("The batch holds no readings.", code="empty_batch", errors=[{"pointer": "", "detail": "Empty."}])
    if received.batch_id is not None and not _printable(received.batch_id, 1, MAX_BATCH_ID):
        detail = f"A batch id has 1 to {MAX_BATCH_ID} printable characters."
        raise Invalid(detail, errors=[{"pointer": "/batch_id", "detail": detail}])
    times, timed, wrong_time = _times(received, received_us)
    names, units, index, wrong_series = _series(received)
    wrong = [
        (wrong_time, "timestamp", NO_TIME),
        (times > received_us + AHEAD_US, "timestamp", TOO_FAR_AHEAD),
        (~np.isfinite(received.values), "value", NOT_FINITE),
        *wrong_series,
    ]
    count = len(received.errors)
    errors = list(received.errors[:ERRORS_SHOWN])
    for rows, field, detail in wrong:
        found = np.flatnonzero(rows)
        count += found.size
        errors += [{"pointer": received.pointer(int(row), field), "detail": detail} for row in found[:ERRORS_SHOWN]]
    if count:
        raise refusal(errors, count)
    return settle(
        names=names,
        units=units,
        index=index,
        times=times,
        values=received.values,
        received_us=received_us,
        timed=timed,
        batch_id=received.batch_id,
    )


def _times(received: _Received, received_us: int) -> tuple[Times, bool, Any]:
    """Return the rows' times, whether each row has one of its own, and which are unreadable.

    Rows without a time get the moment of receipt; of several in one channel each stands a microsecond after the one
    before, so that none overwrites another.
    """
    stamps: Sequence[str | None] = received.stamps
    if None not in stamps:
        times, readable = parse_column(stamps)  # type: ignore[arg-type]
        return times, True, ~readable
    bare = np.fromiter((stamp is None for stamp in stamps), dtype=np.bool_, count=len(stamps))
    times = np.empty(len(stamps), dtype=np.int64)
    readable = np.ones(len(stamps), dtype=np.bool_)
    times[~bare], readable[~bare] = parse_column([stamp for stamp in stamps if stamp is not None])
    seen: dict[str, int] = {}
    for row in np.flatnonzero(bare):
        name = received.series[received.index[row]][0]
        times[row] = received_us + seen.get(name, 0)
        seen[name] = seen.get(name, 0) + 1
    return times, False, ~readable


def _series(received: _Received) -> tuple[tuple[str, ...], tuple[str, ...], Index, list[tuple[Any, str, str]]]:
    """Return the channels, their units, the rows' places among them, and the rows whose name or unit is wrong."""
    units: dict[str, str] = {}
    bad_names, bad_units, second_units = [], [], []
    for place, (name, unit) in enumerate(received.series):
        if not _printable(name, 1, MAX_NAME):
            bad_names.append(place)
        if unit and not _printable(unit, 1, MAX_UNIT):
            bad_units.append(place)
        if unit and units.get(name) and units[name] != unit:
            second_units.append(place)
        units[name] = units.get(name) or unit or ""
    names = tuple(units)
    place_of = {name: i for i, name in enumerate(names)}
    index = received.index
    if len(names) != len(received.series):
        index = np.array([place_of[name] for name, _ in received.series], dtype=np.int64)[index]
    wrong = [
        (np.isin(received.index, places), field, detail)
        for places, field, detail in (
            (bad_names, "channel", BAD_NAME),
            (bad_units, "unit", BAD_UNIT),
            (second_units, "unit", TWO_UNITS),
        )
        if places
    ]
    return names, tuple(units.values()), index, wrong


def _printable(text: str, least: int, most: int) -> bool:
    return least <= len(text) <= most and text.isprintable() and not text.isspace()
