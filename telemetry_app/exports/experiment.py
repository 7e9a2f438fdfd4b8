"""A session's readings as controllers export them: CSV with the ids of channels and readings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

import numpy as np
import pyarrow as pa

from telemetry_app.codec import Times
from telemetry_app.exports.outline import Outline
from telemetry_app.exports.rows import Places, Rows
from telemetry_app.exports.text import csv_cell, each, numbers, picked, side_by_side, stamps
from telemetry_app.readings import ReadingKey, reading_id

HEADER: Final = "timestamp,event_name,event_public_id,value,unit,datapoint_public_id\r\n"
TIMELESS: Final = 56
"""How many characters of a session's reading id say channel and session alone; the time is in the 14 behind them."""

_LETTERS: Final = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)
_TAIL: Final = 14


def experiment_pieces(session_id: UUID, outline: Outline, rows: Iterable[Rows]) -> Iterator[bytes]:
    """Yield the file, by time and within a moment by the channel's name."""
    yield HEADER.encode()
    keys = [column.id for column in outline.columns]
    before = [f",{csv_cell(column.name)},{column.public_id}," for column in outline.columns]
    heads = [reading_id(ReadingKey(key, session_id, 0))[:TIMELESS] for key in keys]
    behind = [f",{csv_cell(column.unit)},{head}" for column, head in zip(outline.columns, heads, strict=True)]
    carried = np.array([key.int & 0xF for key in keys], dtype=np.uint64)
    for piece in (piece for part in rows for piece in part.pieces()):
        names, units = picked(before, piece.places), picked(behind, piece.places)
        ends = id_ends(piece.times, piece.places, carried)
        yield bytes(side_by_side(each(stamps(piece.times)), names, numbers(piece.values), units, each(ends)))


def id_ends(times: Times, places: Places, carried: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> pa.StringArray:
    """Return what a reading's id ends with, and the line: ``readings.reading_id`` for a whole column at a time.

    Base 32 has five bits a letter. The first letter here holds the last four bits of the channel's key and the first
    of the time, the last one two bits of nothing.

    Args:
        times: shape (n,), microseconds since 1970.
        places: shape (n,), where each reading's channel stands in ``carried``.
        carried: the last four bits of each channel's key.
    """
    us = times.astype(np.int64).view(np.uint64)
    text = np.empty((times.size, _TAIL + 2), dtype=np.uint8)
    text[:, 0] = _LETTERS[(carried[places] << np.uint64(1)) | (us >> np.uint64(63))]
    for place in range(1, _TAIL - 1):
        text[:, place] = _LETTERS[(us >> np.uint64(63 - 5 * place)) & np.uint64(31)]
    text[:, _TAIL - 1] = _LETTERS[(us << np.uint64(2)) & np.uint64(31)]
    text[:, _TAIL:] = np.frombuffer(b"\r\n", dtype=np.uint8)
    ends = np.arange(times.size + 1, dtype=np.int32) * np.int32(_TAIL + 2)
    return pa.StringArray.from_buffers(times.size, pa.py_buffer(ends), pa.py_buffer(text))
