"""Readings as an Arrow IPC stream, which notebooks read while it still comes in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from telemetry_app.exports.outline import Outline
from telemetry_app.exports.rows import Rows
from telemetry_app.exports.sink import Sink
from telemetry_app.exports.tables import schema_of, tables


def arrow_pieces(outline: Outline, rows: Iterable[Rows]) -> Iterator[bytes]:
    """Yield the stream, a record batch at a time."""
    schema, sink = schema_of(outline), Sink()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in tables(outline, schema, rows):
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()
