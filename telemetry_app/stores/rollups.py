"""Rollups of a chunk: what a chart of months reads in place of the readings; pure.

A rollup is kept where it is much smaller than its chunk. Its pieces are as long as the chunk's pace asks for, of the
round lengths of ``decimate.STEPS_US``, and lie at multiples of their length.
"""

from __future__ import annotations

import numpy as np

from telemetry_app.codec import Buffer, compress, decompress
from telemetry_app.decimate import STEPS_US, Pieces, gather
from telemetry_app.stores.packing import Readings

LEAST_ROWS = 1000
"""Chunks with fewer readings are read as they are."""

ROWS_A_PIECE = 24
"""Readings that a piece stands for at least, on average."""

_COLUMNS = 5


def roll_up(run: Readings) -> tuple[int, Pieces] | None:
    """Return (step, pieces) of a chunk's readings, or nothing where too few fall into a piece to be worth it."""
    times, values = run
    if times.size < LEAST_ROWS:
        return None
    span = int(times[-1]) - int(times[0]) + 1
    step = next((step for step in STEPS_US if step * times.size >= span * ROWS_A_PIECE), None)
    return None if step is None else (step, gather(times, values, 0, step))


def pack_pieces(pieces: Pieces) -> bytes:
    """Return pieces in one block: five columns of eight bytes, bytes of one weight side by side, compressed."""
    columns = np.empty((_COLUMNS, pieces.place.size), dtype="<u8")
    columns[0] = np.diff(pieces.place, prepend=0).view(np.uint64)
    columns[1] = pieces.count
    for row, values in enumerate((pieces.minimum, pieces.maximum, pieces.mean), start=2):
        columns[row] = values.view(np.uint64)
    return compress(np.ascontiguousarray(columns.reshape(-1).view(np.uint8).reshape(-1, 8).T).tobytes())


def unpack_pieces(block: Buffer) -> Pieces:
    """Return the pieces of :func:`pack_pieces`, bit for bit."""
    raw = np.frombuffer(decompress(block), dtype=np.uint8).reshape(8, -1)
    columns = np.ascontiguousarray(raw.T).view("<u8").reshape(_COLUMNS, -1)
    minimum, maximum, mean = columns[2:].view(np.float64)
    return Pieces(np.cumsum(columns[0].view(np.int64)), columns[1].view(np.int64), minimum, maximum, mean)


def regroup(pieces: Pieces, step: int, origin: int, width: int) -> Pieces:
    """Return pieces of ``step`` by the places of an axis whose origin and width are multiples of it."""
    place = (pieces.place * step - origin) // width
    return Pieces(place, pieces.count, pieces.minimum, pieces.maximum, pieces.mean)
