"""Readings as files: CSV, Parquet and Arrow, long or wide, written piece by piece while the store is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from telemetry_app.exports.arrow import arrow_pieces
from telemetry_app.exports.csv import csv_pieces
from telemetry_app.exports.outline import Outline, Shape
from telemetry_app.exports.parquet import parquet_pieces
from telemetry_app.exports.rows import Rows, in_order

__all__ = ["FORMATS", "Format", "Outline", "Rows", "Shape", "in_order"]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: what it is called and how its bytes are made."""

    suffix: str
    media_type: str
    pieces: Callable[[Outline, Iterable[Rows]], Iterator[bytes]]


FORMATS: Final = {
    "csv": Format("csv", "text/csv; charset=utf-8", csv_pieces),
    "parquet": Format("parquet", "application/vnd.apache.parquet", parquet_pieces),
    "arrow": Format("arrows", "application/vnd.apache.arrow.stream", arrow_pieces),
}
