"""Readings on their way into an archive: Parquet for programs, CSV for everyone, a digest per channel."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biolab.kernel.seal import ReadingDigest
from exports_app.archive.contents import ChannelSeal, Run
from exports_app.archive.verify import csv_text

ROWS_AT_ONCE: Final = 65_536
CSV_HEADER: Final = b"channel,timestamp,value,unit\r\n"
SCHEMA: Final = pa.schema(
    [
        pa.field("channel", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("timestamp", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)


class Digests:
    """A digest per channel, fed while runs pass by."""

    def __init__(self) -> None:
        self._digests: dict[str, ReadingDigest] = {}

    def watch(self, runs: Iterable[Run]) -> Iterator[Run]:
        """Yield ``runs`` unchanged, having counted and digested each."""
        for run in runs:
            self._digests.setdefault(run.channel, ReadingDigest()).update(run.times, run.values)
            yield run

    def seals(self, units: Mapping[str, str]) -> tuple[ChannelSeal, ...]:
        """Return what passed by, a seal per channel, by name; a channel of ``units`` without readings counts 0."""
        names = sorted({*units, *self._digests})
        digests = {name: self._digests.get(name) or ReadingDigest() for name in names}
        return tuple(
            ChannelSeal(name, units.get(name, ""), digests[name].count, digests[name].hexdigest()) for name in names
        )


def write_parquet(out: IO[bytes] | Path, runs: Iterable[Run]) -> None:
    """Write ``runs`` as one Parquet file, zstd, in groups of 65,536 rows; the same runs give the same bytes."""
    with pq.ParquetWriter(out, SCHEMA, compression="zstd", use_dictionary=["channel"], version="2.6") as writer:
        for rows in _groups(runs):
            names = sorted({run.channel for run in rows})
            index = {name: number for number, name in enumerate(names)}
            codes = np.concatenate([np.full(len(run.times), index[run.channel], dtype=np.int32) for run in rows])
            times = np.concatenate([np.asarray(run.times, dtype=np.int64) for run in rows])
            values = np.concatenate([np.asarray(run.values, dtype=np.float64) for run in rows])
            channel = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))
            stamps = pa.array(times).cast(SCHEMA.field("timestamp").type)
            writer.write_table(pa.table([channel, stamps, pa.array(values)], schema=SCHEMA))


def read_parquet(path: Path) -> Iterator[Run]:
    """Yield the runs of a file that ``write_parquet`` wrote, in its order, with flat memory."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
            if not batch.num_rows:
                continue
            column = batch.column(0)
            names = column.dictionary.to_pylist()
            codes = column.indices.to_numpy(zero_copy_only=False)
            times = batch.column(1).cast(pa.int64()).to_numpy(zero_copy_only=False)
            values = batch.column(2).to_numpy(zero_copy_only=False)
            cuts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
            for start, stop in itertools.pairwise(cuts):
                yield Run(names[codes[start]], times[start:stop], values[start:stop])


def csv_chunks(runs: Iterable[Run], units: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the readings as CSV: times to the microsecond, values with every digit a double needs."""
    yield CSV_HEADER
    for run in runs:
        before, after = _cell(run.channel) + ",", "," + _cell(units.get(run.channel, "")) + "\r\n"
        for start in range(0, len(run.times), ROWS_AT_ONCE):
            stamps = np.datetime_as_string(np.asarray(run.times[start : start + ROWS_AT_ONCE]).astype("M8[us]"))
            values = np.asarray(run.values[start : start + ROWS_AT_ONCE], dtype=np.float64).tolist()
            yield "".join(
                [f"{before}{stamp}Z,{value!r}{after}" for stamp, value in zip(stamps.tolist(), values, strict=True)]
            ).encode()


def csv_metadata() -> bytes:
    """Return the description of ``telemetry.csv`` by W3C's CSV on the Web."""
    columns: list[dict[str, Any]] = [
        {"name": "channel", "titles": "channel", "datatype": "string", "required": True},
        {
            "name": "timestamp",
            "titles": "timestamp",
            "datatype": {"base": "dateTimeStamp", "format": "yyyy-MM-ddTHH:mm:ss.SSSSSSX"},
            "required": True,
        },
        {"name": "value", "titles": "value", "datatype": "double", "required": True},
        {"name": "unit", "titles": "unit", "datatype": "string"},
    ]
    note = "A channel or unit that begins with = + - @ ' or a tab has one ' put before it, for spreadsheets' sake."
    table = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": "telemetry.csv",
        "dc:description": note,
        "dialect": {"encoding": "utf-8", "lineTerminators": ["\r\n"], "header": True},
        "tableSchema": {"columns": columns},
    }
    return (json.dumps(table, indent=2) + "\n").encode()


def _groups(runs: Iterable[Run]) -> Iterator[list[Run]]:
    group: list[Run] = []
    room = ROWS_AT_ONCE
    for run in runs:
        start = 0
        while start < len(run.times):
            piece = Run(run.channel, run.times[start : start + room], run.values[start : start + room])
            group.append(piece)
            start += len(piece.times)
            room -= len(piece.times)
            if not room:
                yield group
                group, room = [], ROWS_AT_ONCE
    if group:
        yield group


def _cell(text: str) -> str:
    text = csv_text(text)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in '",\r\n') else text
