"""Columns of numbers as columns of text, a whole column at a time; pure."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from biolab.kernel.cells import cell
from telemetry_app.codec import Times, Values
from telemetry_app.instants import DAY_US, SECOND_US

WIDTH: Final = len("2026-03-02T09:00:00.000000Z")
SAMPLED: Final = 41
"""One value in so many tells whether many come again; odd, so that it is not always the same channel's."""
FEW_REPEATS: Final = 0.98
"""Of a sample: where more than this part differs, fewer than half of the values come again."""

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


def numbers(values: Values) -> pa.DictionaryArray:
    """Return every value as the shortest text that reads back as the same float64."""
    column = pa.array(values)
    sample = values[::SAMPLED]
    if np.unique(sample).size > sample.size * FEW_REPEATS:
        return each(column.cast(pa.string()))
    once = column.dictionary_encode()  # values of few digits come again, and writing one costs more than finding it
    return pa.DictionaryArray.from_arrays(once.indices, once.dictionary.cast(pa.string()))


def each(texts: pa.StringArray) -> pa.DictionaryArray:
    """Return a column of these texts, one after the other."""
    return picked(texts, np.arange(len(texts), dtype=np.int32))


def picked(texts: pa.StringArray | list[str], places: NDArray[Any]) -> pa.DictionaryArray:
    """Return a column of ``texts[place]`` for every place."""
    return pa.DictionaryArray.from_arrays(pa.array(places), pa.array(texts, type=pa.string()))


def side_by_side(*columns: pa.DictionaryArray) -> memoryview:
    """Return the columns' texts row after row as one run of UTF-8, without anything in between."""
    cells = np.empty((len(columns[0]), len(columns)), dtype=np.int32)
    before = 0
    for number, column in enumerate(columns):
        np.add(column.indices, before, out=cells[:, number], casting="same_kind")
        before += len(column.dictionary)
    texts = pa.concat_arrays([column.dictionary for column in columns])
    joined = texts.take(pa.array(cells.reshape(-1)))
    ends, text = joined.buffers()[1:]
    first, last = np.frombuffer(ends, dtype=np.int32)[[joined.offset, joined.offset + len(joined)]].tolist()
    return memoryview(text)[first:last]


def csv_cell(text: str) -> str:
    """Return a text as one CSV cell: never run by a spreadsheet, quoted where it needs to be."""
    shown = str(cell(text))
    return '"' + shown.replace('"', '""') + '"' if _QUOTED.intersection(shown) else shown
