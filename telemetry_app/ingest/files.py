"""CSV and Parquet files of readings: looked into, checked row by row, and read in pieces of bounded size."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from telemetry_app.ingest.files_layout import Dialect, Layout, Sample, Wish, settle_layout, wrong

BLOCK: Final = 1024 * 1024
SAMPLE_BYTES: Final = 256 * 1024
SAMPLE_ROWS: Final = 500
ROWS_AT_ONCE: Final = 16_384
ERRORS_SHOWN: Final = 20
DELIMITERS: Final = ";\t,|"
MAGIC: Final = b"PAR1"

_COMMA: Final = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
_POINT: Final = re.compile(r"[-+]?\d*\.\d+([eE][-+]?\d+)?")

Format = Literal["csv", "parquet"]


@dataclass(slots=True)
class Table:
    """Some rows of a file: the columns in use, and where their first row stands (lines of CSV, rows of Parquet)."""

    columns: dict[str, pa.Array]
    first: int


@dataclass(slots=True)
class Places:
    """Where rows stand in the file, past lines that were no rows."""

    misfits: list[tuple[int, str]] = field(default_factory=list)
    offset: int = 1

    def of(self, row: int) -> int:
        """Return the line of the ``row``-th good row, counted from 0."""
        line = self.offset + row
        for misfit, _ in self.misfits:
            line += misfit <= line
        return line


def look_into(path: Path, wish: Wish) -> tuple[Layout, Sample]:
    """Return how the file is to be read, and its first rows.

    Raises:
        Invalid: it is no CSV or Parquet, or does not say what is to be read.
    """
    if path.stat().st_size == 0:
        raise wrong("/file", "The file is empty.")
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    with unreadable():
        if head.startswith(MAGIC):
            sample = _parquet_sample(path)
            return settle_layout(wish, sample, format="parquet", dialect=None), sample
        dialect, sample = _csv_sample(path, head)
        return settle_layout(wish, sample, format="csv", dialect=dialect), sample


def read_tables(file: IO[bytes], layout: Layout, places: Places) -> Iterator[Table]:
    """Yield the rows of the file, in order, the same ones each time.

    Args:
        places: learns which lines are no rows, and where rows stand.

    Raises:
        Invalid: the file ends or breaks where it should not.
    """
    with unreadable():
        if layout.dialect is None:
            yield from _parquet_tables(file, layout)
        else:
            yield from _csv_tables(file, layout, layout.dialect, places)


@contextlib.contextmanager
def unreadable() -> Iterator[None]:
    """Turn what a file may make its readers raise into one refusal."""
    try:
        yield
    except (pa.ArrowException, UnicodeError, OSError, csv.Error) as problem:
        told = str(problem).splitlines()[0][:300] if str(problem) else type(problem).__name__
        raise wrong("/file", f"The file cannot be read: {told}") from problem


# -- CSV ---------------------------------------------------------------------------


def _csv_sample(path: Path, head: bytes) -> tuple[Dialect, Sample]:
    encoding = _encoding(path, head)
    text = codecs.getincrementaldecoder(encoding)().decode(head)
    whole = len(head) < SAMPLE_BYTES
    lines = text.splitlines(keepends=True)
    lines = lines if whole or len(lines) < 2 else lines[:-1]
    if "\x00" in text:
        raise wrong("/file", "The file is neither text nor Parquet.")
    header_line = next((i for i, line in enumerate(lines, 1) if _is_header(line)), None)
    if header_line is None:
        raise wrong("/file", "The file has no line of headers.")
    body = "".join(lines[header_line - 1 : header_line + SAMPLE_ROWS])
    delimiter = _delimiter(body)
    rows = list(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter))
    headers = [cell.strip() for cell in rows[0]]
    if len(headers) < 2:
        raise wrong("/file", "The file has one column; readings need a time and a value.")
    fitting = [row for row in rows[1:] if len(row) == len(headers)]
    cells = [cell.strip() for row in fitting for cell in row]
    decimal = "." if delimiter == "," or any(map(_POINT.fullmatch, cells)) else ","
    if decimal == "," and not any(map(_COMMA.fullmatch, cells)):
        decimal = "."
    columns = [pa.array([row[i] for row in fitting], pa.string()) for i in range(len(headers))]
    return Dialect(encoding, delimiter, decimal, header_line), Sample(headers, columns)


def _encoding(path: Path, head: bytes) -> str:
    """Return UTF-16 by its mark, UTF-8 where every byte fits, else the code page of Western Windows."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while piece := file.read(BLOCK):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"


def _is_header(line: str) -> bool:
    """Tell whether this may be the line of headers: no comment, no hint for a spreadsheet, not empty."""
    return bool(line.strip()) and not line.startswith("#") and not line.lower().startswith("sep=")


def _delimiter(body: str) -> str:
    """Return what stands between cells: what gives most rows as many of them as the header, and more than one."""

    def fit(delimiter: str) -> tuple[float, int]:
        counts = [len(row) for row in csv.reader(io.StringIO(body, newline=""), delimiter=delimiter) if row]
        if not counts or counts[0] < 2:
            return 0.0, 0
        return Counter(counts)[counts[0]] / len(counts), counts[0]

    return max(DELIMITERS, key=fit)


def _csv_tables(file: IO[bytes], layout: Layout, dialect: Dialect, places: Places) -> Iterator[Table]:
    width = len(layout.headers)
    places.offset = dialect.header_line + 1

    def misfit(row: Any) -> Literal["skip", "error"]:
        if len(places.misfits) < ERRORS_SHOWN:
            detail = f"{row.actual_columns} cells, where the header has {row.expected_columns}."
            places.misfits.append((row.number, detail))
        return "skip"

    used = {f"c{layout.headers.index(name)}": name for name in layout.used}
    reader = pacsv.open_csv(
        file,
        read_options=pacsv.ReadOptions(
            use_threads=False,
            block_size=BLOCK,
            skip_rows=dialect.header_line,
            column_names=[f"c{i}" for i in range(width)],
            encoding="utf8" if dialect.encoding in ("utf-8", "utf-8-sig") else dialect.encoding,
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=dialect.delimiter,
            ignore_empty_lines=False,
            newlines_in_values=True,
            invalid_row_handler=misfit,
        ),
        convert_options=pacsv.ConvertOptions(
            include_columns=list(used),
            column_types=dict.fromkeys(used, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    first = 0
    for block in reader:
        for batch in _sliced(block, len(used)):
            yield Table({name: batch.column(place) for place, name in used.items()}, first)
            first += batch.num_rows


# -- Parquet -------------------------------------------------------------------------


def _parquet_sample(path: Path) -> Sample:
    with pq.ParquetFile(path, buffer_size=BLOCK, pre_buffer=False) as file:
        headers = [str(name) for name in file.schema_arrow.names]
        batch = next(file.iter_batches(batch_size=SAMPLE_ROWS), None)
        arrays = batch.columns if batch is not None else [pa.array([], kind) for kind in file.schema_arrow.types]
    return Sample(headers, list(arrays))


def _parquet_tables(file: IO[bytes], layout: Layout) -> Iterator[Table]:
    first = 0
    with pq.ParquetFile(file, buffer_size=BLOCK, pre_buffer=False) as parquet:
        for block in parquet.iter_batches(batch_size=ROWS_AT_ONCE, columns=layout.used):
            for batch in _sliced(block, len(layout.used)):
                yield Table({name: batch.column(name) for name in layout.used}, first)
                first += batch.num_rows


def _sliced(block: pa.RecordBatch, columns: int) -> Iterator[pa.RecordBatch]:
    """Yield a block in slices that hold some fifty thousand cells."""
    rows = max(1, 50_000 // columns)
    for start in range(0, block.num_rows, rows):
        yield block.slice(start, rows)
