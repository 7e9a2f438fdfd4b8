"""Columns of numbers as columns of text, a whole column at a time; pure."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from biolab.kernel.cells import cell
from telemetry_app.codec import Times, Values
from telemetry_app.instants import DAY_US, SECOND_US

WIDTH: Final = len("2026-03-02T09:00:00.000000Z")
SAMPLE: Final = 500
"""How many values of a column tell whether many come again."""
FEW_REPEATS: Final = 0.975
"""Of a sample: where more than this part differs, fewer than half of twenty thousand values come again."""

_TWO: Final = np.array([f"{number:02}" for number in range(100)], dtype="S2").view(np.uint8).reshape(100, 2)
_THREE: Final = np.array([f"{number:03}" for number in range(1000)], dtype="S3").view(np.uint8).reshape(1000, 3)
_QUOTED: Final = frozenset('",\r\n')


def stamps(times: Times) -> pa.StringArray:
    """Return every time as ISO 8601 in UTC with six digits of a second.

    Args:
        times: shape (n,), microseconds since 1970 within the years 1 to 9999.
    """
    day, rest = np.divmod(times, DAY_US)
    days, place = np.unique(day, return_inverse=True)
    dates = np.datetime_as_string(days.astype("datetime64[D]")).astype("S10").view(np.uint8).reshape(-1, 10)
    second, micro = np.divmod(rest, SECOND_US)
    text = np.empty((times.size, WIDTH), dtype=np.uint8)
    text[:] = np.frombuffer(b"0000-00-00T00:00:00.000000Z", dtype=np.uint8)
    text[:, :10] = dates[place]
    text[:, 11:13] = _TWO[second // 3600]
    text[:, 14:16] = _TWO[second // 60 % 60]
    text[:, 17:19] = _TWO[second % 60]
    text[:, 20:23] = _THREE[micro // 1000]
    text[:, 23:26] = _THREE[micro % 1000]
    ends = np.arange(times.size + 1, dtype=np.int32) * np.int32(WIDTH)
    return pa.StringArray.from_buffers(times.size, pa.py_buffer(ends), pa.py_buffer(text))


def numbers(values: Values) -> pa.StringArray:
    """Return every value as the shortest text that reads back as the same float64."""
    column = pa.array(values)
    sample = values[:: max(1, values.size // SAMPLE)]
    if np.unique(sample).size > sample.size * FEW_REPEATS:
        return column.cast(pa.string())
    once = column.dictionary_encode()  # values of few digits come again, and writing one costs more than finding it
    return once.dictionary.cast(pa.string()).take(once.indices)


def picked(texts: list[str], places: NDArray[Any]) -> pa.StringArray:
    """Return ``texts[place]`` for every place."""
    return pa.array(texts, type=pa.string()).take(pa.array(places))


def side_by_side(*columns: pa.StringArray) -> memoryview:
    """Return the columns' texts row after row as one run of UTF-8, without anything in between."""
    joined = pc.binary_join_element_wise(*columns, "")
    ends, text = joined.buffers()[1:]
    first, last = np.frombuffer(ends, dtype=np.int32)[[joined.offset, joined.offset + len(joined)]].tolist()
    return memoryview(text)[first:last]


def csv_cell(text: str) -> str:
    """Return a text as one CSV cell: never run by a spreadsheet, quoted where it needs to be."""
    shown = str(cell(text))
    return '"' + shown.replace('"', '""') + '"' if _QUOTED.intersection(shown) else shown
