"""How a file of readings is laid out: what its sender says, and what its first rows show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from biolab.kernel.errors import Invalid
from telemetry_app.ingest.epochs import unit_of
from telemetry_app.ingest.files_cells import TEXT, numbers_of, texts_of, times_of
from telemetry_app.ingest.shapes import BAD_NAME, BAD_UNIT, MAX_NAME, MAX_UNIT

MAX_COLUMNS: Final = 5_000
SAMPLE_SHOWN: Final = 10

Shape = Literal["auto", "long", "wide"]

_TIME: Final = ("timestamp", "time", "datetime", "date_time", "date", "ts", "t", "_time", "index")
_CHANNEL: Final = ("channel", "event_name", "name", "sensor", "tag", "variable", "parameter", "signal", "_field")
_VALUE: Final = ("value", "_value", "reading")
_UNIT: Final = ("unit", "units")
_WITH_UNIT: Final = re.compile(r"(?s)(.*\S)\s*\[([^\[\]]*)\]\s*")


class Wish(msgspec.Struct, frozen=True):
    """What the sender says about a file; what is left empty is found in the file.

    Attributes:
        time_zone: where clocks stood that name no offset, such as ``Europe/Berlin`` or ``UTC``.
        columns: of a wide file, what each column that is to be read is called: ``{"T1": "Temperature [°C]"}``.
    """

    shape: Shape = "auto"
    time_column: str = ""
    channel_column: str = ""
    value_column: str = ""
    unit_column: str = ""
    time_zone: str = ""
    columns: dict[str, str] = {}


class Series(msgspec.Struct, frozen=True):
    """A column of a wide file and the channel that it holds."""

    column: str
    channel: str
    unit: str = ""


class Dialect(msgspec.Struct, frozen=True):
    """How a CSV file is written; ``header_line`` counts from 1."""

    encoding: str
    delimiter: str
    decimal: str
    header_line: int


class Layout(msgspec.Struct, frozen=True):
    """How a file is read, settled once, so that every reading of it gives the same.

    Attributes:
        headers: every column of the file, in order.
        time_unit: ``text`` for written times, else what a number counts: s, ms, us, ns.
        series: the columns of a wide file.
        left_out: the columns that are not read.
    """

    format: Literal["csv", "parquet"]
    shape: Literal["long", "wide"]
    headers: list[str]
    time_column: str
    time_unit: str
    time_zone: str = ""
    channel_column: str = ""
    value_column: str = ""
    unit_column: str = ""
    series: list[Series] = []
    left_out: list[str] = []
    dialect: Dialect | None = None

    @property
    def used(self) -> list[str]:
        """The columns that are read."""
        rest = (self.channel_column, self.value_column, self.unit_column)
        return [self.time_column, *(name for name in rest if name), *(one.column for one in self.series)]

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.time_zone) if self.time_zone else None

    @property
    def decimal(self) -> str:
        return self.dialect.decimal if self.dialect else "."


class Sample(msgspec.Struct, frozen=True):
    """The first rows of a file, as columns of Arrow by their place."""

    headers: list[str]
    columns: list[Any]

    def column(self, name: str) -> pa.Array:
        return self.columns[self.headers.index(name)]

    def rows(self) -> list[list[str | None]]:
        """Return the first rows as text, for people."""
        shown = [column[:SAMPLE_SHOWN].cast(pa.string()).to_pylist() for column in map(_plain, self.columns)]
        return [list(row) for row in zip(*shown, strict=True)]


def settle_layout(wish: Wish, sample: Sample, *, format: Literal["csv", "parquet"], dialect: Dialect | None) -> Layout:
    """Return how the file is read.

    Raises:
        Invalid: it cannot be told, or not as wished; the pointer names the form's field, ``headers`` and ``sample``
            show what the file holds.
    """
    try:
        return _settle(wish, sample, format, dialect)
    except Invalid as refusal:
        refusal.facts |= {"headers": sample.headers[:200], "sample": [row[:200] for row in sample.rows()]}
        raise


def wrong(pointer: str, detail: str) -> Invalid:
    """Return the refusal of one field of the form."""
    return Invalid(detail, code="file_unclear", errors=[{"pointer": pointer, "detail": detail}])


def _settle(wish: Wish, sample: Sample, format: Literal["csv", "parquet"], dialect: Dialect | None) -> Layout:
    if len(sample.headers) > MAX_COLUMNS:
        raise wrong("/file", f"The file has more than {MAX_COLUMNS} columns.")
    zone = _zone(wish.time_zone)
    time_column = _found(wish.time_column, "/time_column", sample, _TIME) or _first_times(sample, zone)
    time_unit = _time_unit(sample.column(time_column), zone)
    base = Layout(format, "long", sample.headers, time_column, time_unit, wish.time_zone, dialect=dialect)
    rest = [name for name in sample.headers if name != time_column]
    channel = _found(wish.channel_column, "/channel_column", sample, _CHANNEL)
    value = _found(wish.value_column, "/value_column", sample, _VALUE)
    is_long = bool(channel and value and _is_text(sample.column(channel)))
    if wish.shape == "long" or (wish.shape == "auto" and is_long and not wish.columns):
        if not channel or not value:
            missing = "channel" if not channel else "value"
            raise wrong(f"/{missing}_column", f"Say which column holds the {missing}.")
        unit = _found(wish.unit_column, "/unit_column", sample, _UNIT)
        roles = [name for name in (time_column, channel, value, unit) if name]
        if len(set(roles)) < len(roles):
            raise wrong("/value_column", "Time, channel, value and unit stand in columns of their own.")
        left_out = [name for name in rest if name not in roles]
        return replace(base, channel_column=channel, value_column=value, unit_column=unit, left_out=left_out)
    series = _series(wish.columns, sample, rest)
    _refuse_doubled(sample, [time_column])
    taken = {one.column for one in series}
    return replace(base, shape="wide", series=series, left_out=[name for name in rest if name not in taken])


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        raise wrong("/time_zone", "Not a time zone; give a name such as Europe/Berlin or UTC.") from None


def _found(name: str, pointer: str, sample: Sample, usual: Sequence[str]) -> str:
    """Return the column that is named, or the one that is usually called so; nothing where there is none."""
    if name:
        if name not in sample.headers:
            raise wrong(pointer, f"The file has no column “{name[:MAX_NAME]}”.")
        _refuse_doubled(sample, [name])
        return name
    known = {header.strip().lower(): header for header in reversed(sample.headers)}
    return next((known[one] for one in usual if one in known), "")


def _refuse_doubled(sample: Sample, names: Sequence[str]) -> None:
    doubled = [name for name, count in Counter(sample.headers).items() if count > 1 and name in set(names)]
    if doubled:
        raise wrong("/file", f"The column “{doubled[0][:MAX_NAME]}” is there more than once.")


def _first_times(sample: Sample, zone: ZoneInfo | None) -> str:
    """Return the first column whose cells are written or typed times."""
    for name, column in zip(sample.headers, sample.columns, strict=True):
        if len(column) and (pa.types.is_timestamp(column.type) or (_is_text(column) and _reads(column, zone))):
            return name
    raise wrong("/time_column", "Say which column holds the time.")


def _reads(column: pa.Array, zone: ZoneInfo | None) -> bool:
    texts = texts_of(column).drop_null()
    return bool(len(texts) and times_of(texts, TEXT, zone or ZoneInfo("UTC"))[1].all())


def _time_unit(column: pa.Array, zone: ZoneInfo | None) -> str:
    """Return how times are written; refuse what names no moment."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        if not kind.tz and zone is None:
            raise _no_offset()
        return TEXT
    if not _is_text(column) and not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise wrong("/time_column", "This column holds no times.")
    numbers, given, _ = numbers_of(column)
    if given.any():
        first = float(numbers[np.flatnonzero(given)[0]])
        unit = unit_of(first)
        if not times_of(pa.array([first]), unit, zone)[1].all():
            detail = "These are numbers that count from some start of their own; give the time of day, or since 1970."
            raise wrong("/time_column", detail)
        return unit
    texts = texts_of(column).drop_null() if _is_text(column) else column
    if len(texts) and not times_of(texts, TEXT, zone)[1].any():
        if times_of(texts, TEXT, ZoneInfo("UTC"))[1].any():
            if zone is None:
                raise _no_offset()
            return TEXT  # hours that the clock change repeats or leaves out; their rows will be named
        raise wrong("/time_column", "Not ISO 8601, such as 2026-01-31T12:00:00Z, and no seconds since 1970.")
    return TEXT


def _no_offset() -> Invalid:
    return wrong("/time_zone", "The times name no offset; say in which time zone the clock stood.")


def _series(wished: dict[str, str], sample: Sample, rest: list[str]) -> list[Series]:
    """Return the columns of a wide file that are channels: those asked for, else those that hold numbers."""
    unknown = [name for name in wished if name not in rest]
    if unknown:
        raise wrong("/columns", f"The file has no column “{unknown[0][:MAX_NAME]}” beside the time.")
    names = list(wished) or [name for name in rest if name and not _only_text(sample.column(name))]
    _refuse_doubled(sample, names)
    series = [_named(name, wished.get(name, name)) for name in names]
    if not series:
        raise wrong("/columns", "No column beside the time holds numbers.")
    doubled = [name for name, count in Counter(one.channel for one in series).items() if count > 1]
    if doubled:
        raise wrong("/columns", f"Two columns would be the channel “{doubled[0]}”.")
    return series


def _named(column: str, label: str) -> Series:
    """Return the channel that a header such as ``Temperature [°C]`` names."""
    parts = _WITH_UNIT.fullmatch(label)
    name, unit = (parts[1], parts[2].strip()) if parts else (label.strip(), "")
    if not is_name(name):
        raise wrong("/columns", f"{BAD_NAME} The header “{label[:60]}” gives none.")
    if not is_unit(unit):
        raise wrong("/columns", BAD_UNIT)
    return Series(column, name, unit)


def is_name(text: str) -> bool:
    """Tell whether a channel may be called so."""
    return 1 <= len(text) <= MAX_NAME and text.isprintable() and not text.isspace()


def is_unit(text: str) -> bool:
    """Tell whether a unit may be written so; none is fine."""
    return len(text) <= MAX_UNIT and text.isprintable()


def _is_text(column: pa.Array) -> bool:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _only_text(column: pa.Array) -> bool:
    """Tell whether the sample shows something in this column, and never a number."""
    kind = column.type
    if not _is_text(column):
        fits = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_null)
        return not any(fit(kind) for fit in fits)
    read = [numbers_of(column, decimal) for decimal in ".,"]
    return bool(read[0][2].any() and not any(given.any() for _, given, _ in read))


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
