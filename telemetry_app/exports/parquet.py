"""Readings as Parquet: times in UTC microseconds, channels by dictionary, zstd; a row group per block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow.parquet as pq

from telemetry_app.exports.outline import MOMENT, Outline
from telemetry_app.exports.rows import Rows
from telemetry_app.exports.sink import Sink
from telemetry_app.exports.tables import schema_of, tables


def parquet_pieces(outline: Outline, rows: Iterable[Rows]) -> Iterator[bytes]:
    """Yield the file as its row groups are made; the writer keeps their places alone."""
    schema, sink = schema_of(outline), Sink()
    with pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=["channel", "unit"],
        column_encoding={MOMENT: "DELTA_BINARY_PACKED"},
        write_statistics=[MOMENT],
    ) as writer:
        for batch in tables(outline, schema, rows):
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()
