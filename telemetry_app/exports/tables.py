"""Readings as Arrow record batches, long or wide, for Parquet and Arrow streams alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from telemetry_app.exports.outline import MOMENT, Outline, Shape
from telemetry_app.exports.rows import Rows

INSTANT = pa.timestamp("us", tz="UTC")
_NAMES = pa.dictionary(pa.int32(), pa.string())


def schema_of(outline: Outline) -> pa.Schema:
    """Return the columns; the wide shape's carry their channel's name, unit and id."""
    fields = [pa.field(MOMENT, INSTANT, nullable=False)]
    if outline.shape is Shape.LONG:
        fields += [
            pa.field("channel", _NAMES, nullable=False),
            pa.field("value", pa.float64(), nullable=False),
            pa.field("unit", _NAMES, nullable=False),
        ]
    else:
        fields += [
            pa.field(
                heading, pa.float64(), metadata={"channel": column.name, "unit": column.unit, "id": column.public_id}
            )
            for heading, column in zip(outline.headings, outline.columns, strict=True)
        ]
    return pa.schema(fields, metadata=dict(outline.metadata))


def tables(outline: Outline, schema: pa.Schema, rows: Iterable[Rows]) -> Iterator[pa.RecordBatch]:
    """Yield the readings as record batches of bounded size."""
    if outline.shape is Shape.LONG:
        names = pa.array([column.name for column in outline.columns], type=pa.string())
        units = pa.array([column.unit for column in outline.columns], type=pa.string())
        for piece in rows:
            places = pa.array(piece.places)
            columns = [
                pa.array(piece.times).view(INSTANT),
                pa.DictionaryArray.from_arrays(places, names),
                pa.array(piece.values),
                pa.DictionaryArray.from_arrays(places, units),
            ]
            yield pa.record_batch(columns, schema=schema)
    else:
        width = len(outline.columns)
        for piece in (piece for part in rows for piece in part.moments(width)):
            yield pa.record_batch(_wide(piece, width), schema=schema)


def _wide(rows: Rows, width: int) -> list[pa.Array]:
    opens = rows.opens
    moment = np.cumsum(opens) - 1
    values = np.full((width, int(moment[-1]) + 1), np.nan)
    values[rows.places, moment] = rows.values
    return [pa.array(rows.times[opens]).view(INSTANT), *(pa.array(line, mask=np.isnan(line)) for line in values)]
