"""Readings as CSV: CRLF, UTF-8, cells that no spreadsheet runs; lines are made a whole block at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from telemetry_app.exports.outline import MOMENT, Outline, Shape
from telemetry_app.exports.rows import Rows
from telemetry_app.exports.text import csv_cell, numbers, picked, side_by_side, stamps


def csv_pieces(outline: Outline, rows: Iterable[Rows]) -> Iterator[bytes]:
    """Yield the file: ``timestamp,channel,value,unit`` by reading, or a column per channel by moment."""
    if outline.shape is Shape.LONG:
        yield f"{MOMENT},channel,value,unit\r\n".encode()
        before = [f",{csv_cell(column.name)}," for column in outline.columns]
        behind = [f",{csv_cell(column.unit)}\r\n" for column in outline.columns]
        for piece in (piece for part in rows for piece in part.pieces()):
            yield _long(piece, before, behind)
    else:
        yield (",".join([MOMENT, *map(csv_cell, outline.headings)]) + "\r\n").encode()
        columns = len(outline.columns)
        for piece in (piece for part in rows for piece in part.moments(columns)):
            yield _wide(piece, columns)


def _long(rows: Rows, before: list[str], behind: list[str]) -> bytes:
    opens = rows.opens
    moments = picked(stamps(rows.times[opens]), np.cumsum(opens, dtype=np.int32) - 1)
    return bytes(side_by_side(moments, picked(before, rows.places), numbers(rows.values), picked(behind, rows.places)))


def _wide(rows: Rows, columns: int) -> bytes:
    """Return a table as text; all cells are picked from one pool: the moments, the values and an empty one."""
    opens = rows.opens
    moments, values = stamps(rows.times[opens]), numbers(rows.values)
    height, empty = len(moments), len(moments) + len(values.dictionary)
    pool = pa.concat_arrays([moments, values.dictionary, pa.array([""])])
    table = np.full((height, columns + 1), empty, dtype=np.int32)
    table[:, 0] = np.arange(height)
    table[np.cumsum(opens) - 1, rows.places + 1] = values.indices.to_numpy() + height
    ends = np.zeros((height, columns + 1), dtype=np.int32)
    ends[:, -1] = 1
    return bytes(side_by_side(picked(pool, table.reshape(-1)), picked([",", "\r\n"], ends.reshape(-1))))
