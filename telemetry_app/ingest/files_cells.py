"""Cells of a file to times and numbers, a column at a time; pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from telemetry_app.codec import Times, Values
from telemetry_app.ingest.epochs import EARLIEST_US, US_IN
from telemetry_app.ingest.loose import number
from telemetry_app.instants import EPOCH, SECOND_US, in_calendar, parse_column

TEXT: Final = "text"
_OFFSET: Final = r"([Zz]|[+-]\d\d:?\d\d)$"
_SLOT_US: Final = 15 * 60 * SECOND_US
_EXACT: Final = 2**53
_WORDS: Final = {"true": 1.0, "false": 0.0}

Mask = NDArray[np.bool_]


def texts_of(column: pa.Array) -> pa.Array:
    """Return a column as trimmed text; empty cells become nulls."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def numbers_of(column: pa.Array, decimal: str = ".") -> tuple[Values, Mask, Mask]:
    """Return (values, given, wrong) of a column; a cell is empty, a finite number, true or false, or wrong.

    Args:
        decimal: ``.`` or ``,``; the other one makes a number wrong rather than another number.

    Returns:
        values: shape (n,), 0 where empty or wrong.
        given: shape (n,), a finite number stands there.
        wrong: shape (n,), something else does.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        texts = column if pa.types.is_decimal(kind) else _with_points(texts_of(column), decimal)
        try:
            column = texts.cast(pa.float64())
        except pa.ArrowInvalid:
            return _one_by_one(texts)
    filled = np.asarray(pc.fill_null(column, False if pa.types.is_boolean(kind) else 0).to_numpy(zero_copy_only=False))
    there = ~np.asarray(column.is_null().to_numpy(zero_copy_only=False))
    values = filled.astype(np.float64)
    fine = np.isfinite(values)
    if pa.types.is_integer(column.type):
        fine &= np.abs(values) <= _EXACT
    return np.where(there & fine, values, 0.0), there & fine, there & ~fine


def _with_points(texts: pa.Array, decimal: str) -> pa.Array:
    if decimal == ".":
        return texts
    marked = pc.replace_substring(texts, ".", "?")  # a point is no digit here, and must not become one
    return pc.replace_substring(marked, ",", ".")


def _one_by_one(texts: pa.Array) -> tuple[Values, Mask, Mask]:
    cells = texts.to_pylist()
    read = [None if cell is None else _WORDS.get(cell.lower(), number(cell)) for cell in cells]
    given = np.fromiter((value is not None for value in read), dtype=np.bool_, count=len(cells))
    there = np.fromiter((cell is not None for cell in cells), dtype=np.bool_, count=len(cells))
    return np.array([value or 0.0 for value in read], dtype=np.float64), given, there & ~given


def times_of(column: pa.Array, unit: str, zone: ZoneInfo | None) -> tuple[Times, Mask]:
    """Return (times, readable) of a column of times.

    Args:
        unit: ``text`` for ISO 8601, else what numbers count; typed columns know it themselves.
        zone: where clocks stood that name no offset; without one, such times are unreadable. An hour that a clock
            change repeats or leaves out is unreadable too.

    Returns:
        times: shape (n,), microseconds since 1970, 0 where unreadable.
        readable: shape (n,); an empty cell is not.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type):
        times, readable = _counted(column.cast(pa.int64()), column.type.unit)
        return (times, readable) if column.type.tz else _at_place(times, readable, zone)
    if unit == TEXT:
        return _written(texts_of(column), zone)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = _numeric(texts_of(column))
    times, readable = _counted(column, unit)
    return times, readable & (times >= EARLIEST_US)


def _numeric(texts: pa.Array) -> pa.Array:
    """Return times written as numbers: whole ones exactly, others as float64, unreadable ones as nulls."""
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        values, given, _ = numbers_of(texts)
        return pa.array(values, mask=~given)


def _counted(column: pa.Array, unit: str) -> tuple[Times, Mask]:
    there = ~np.asarray(column.is_null().to_numpy(zero_copy_only=False))
    counts = np.asarray(pc.fill_null(column, 0).to_numpy(zero_copy_only=False))
    if unit == "ns":
        scaled: Any = counts // 1000
    elif counts.dtype.kind == "f":
        scaled = np.rint(counts * US_IN[unit])
    else:
        there &= np.abs(counts.astype(np.float64)) < 2.0**62 / US_IN[unit]
        scaled = np.where(there, counts, 0).astype(np.int64) * US_IN[unit]
    there &= np.isfinite(scaled) & (np.abs(scaled.astype(np.float64)) < 2.5e17)
    times: Times = np.where(there, scaled, 0).astype(np.int64)
    return times, there & _in_calendar(times)


def _in_calendar(times: Times) -> Mask:
    if times.size and in_calendar(int(times.min())) and in_calendar(int(times.max())):
        return np.ones(times.size, dtype=np.bool_)
    return np.fromiter((in_calendar(us) for us in times.tolist()), dtype=np.bool_, count=times.size)


def _written(texts: pa.Array, zone: ZoneInfo | None) -> tuple[Times, Mask]:
    texts = pc.fill_null(texts, "")
    placed = np.asarray(pc.match_substring_regex(texts, _OFFSET).to_numpy(zero_copy_only=False))
    if placed.all():
        return parse_column(texts.to_pylist())
    ending = pc.if_else(pa.array(placed), "", "Z")
    times, readable = parse_column(pc.binary_join_element_wise(texts, ending, "").to_pylist())
    local, known = _at_place(times, readable & ~placed, zone)
    return np.where(placed, times, local), np.where(placed, readable, known)


def _at_place(times: Times, readable: Mask, zone: ZoneInfo | None) -> tuple[Times, Mask]:
    """Return times of clocks in ``zone``, read as if in UTC, as they are in UTC.

    The offset is asked for once a quarter of an hour, since clocks change on no finer grid.
    """
    if zone is None:
        return np.zeros_like(times), np.zeros_like(readable)
    slots, place = np.unique(np.where(readable, times, 0) // _SLOT_US, return_inverse=True)
    offsets = np.zeros(slots.size, dtype=np.int64)
    plain = np.zeros(slots.size, dtype=np.bool_)
    for i, slot in enumerate(slots.tolist()):
        clock = EPOCH.replace(tzinfo=zone) + timedelta(microseconds=slot * _SLOT_US)
        first, second = clock.replace(fold=0).utcoffset(), clock.replace(fold=1).utcoffset()
        plain[i] = first == second
        offsets[i] = 0 if first is None else first // timedelta(microseconds=1)
    known = readable & plain[place]
    return np.where(known, times - offsets[place], 0), known
