"""Rows of a file to batches of readings, and what is wrong with them by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa

from biolab.kernel.errors import Invalid
from telemetry_app.codec import Times, Values
from telemetry_app.ingest.columns import AHEAD_US, Batch, Index, settle
from telemetry_app.ingest.files import ERRORS_SHOWN, Places, Table, read_tables, unreadable
from telemetry_app.ingest.files_cells import Mask, numbers_of, texts_of, times_of
from telemetry_app.ingest.files_layout import MAX_COLUMNS, Layout, is_name, is_unit
from telemetry_app.ingest.shapes import BAD_NAME, BAD_UNIT, NOT_FINITE, TOO_FAR_AHEAD

MAX_READINGS: Final = 100_000_000
TWO_UNITS: Final = "This channel has another unit further up."
NOT_A_TIME: Final = "Not a time as in the rows above it."
NOT_ONE_MOMENT: Final = "Not a time, or not one moment in that time zone: its clocks were changed."


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong in one place of a file; ``line`` is the row in Parquet."""

    line: int
    column: str
    detail: str

    def __str__(self) -> str:
        return f"Line {self.line}{f', {self.column}' if self.column else ''}: {self.detail}"


@dataclass(slots=True)
class Rows:
    """Some rows of a file as readings, in the file's order; ``count`` says how many rows they are."""

    count: int
    names: list[str]
    units: list[str]
    index: Index
    times: Times
    values: Values

    def batch(self, *, received_us: int, batch_id: str) -> Batch | None:
        """Return the readings as they are stored; None where the rows hold none."""
        if self.index.size == 0:
            return None
        used, index = np.unique(self.index, return_inverse=True)
        return settle(
            names=tuple(self.names[i] for i in used.tolist()),
            units=tuple(self.units[i] for i in used.tolist()),
            index=index.astype(np.int64),
            times=self.times,
            values=self.values,
            received_us=received_us,
            timed=True,
            batch_id=batch_id,
        )


@dataclass(slots=True)
class FileReader:
    """Reads a file of readings row by row, and keeps what is wrong with it and which channels it names.

    Attributes:
        units: the unit of every channel seen so far; empty where none was named.
    """

    file: IO[bytes]
    layout: Layout
    received_us: int
    places: Places = field(default_factory=Places)
    units: dict[str, str] = field(default_factory=dict)
    _wrong: list[Wrong] = field(default_factory=list)

    def rows(self) -> Iterator[Rows]:
        """Yield the file's rows in parts, the same ones each time.

        Raises:
            Invalid: the file breaks off, or names too many channels.
        """
        for table in read_tables(self.file, self.layout, self.places):
            with unreadable():
                rows = self._wide(table) if self.layout.shape == "wide" else self._long(table)
            yield rows
            if len(self.units) > MAX_COLUMNS:
                raise Invalid(f"The file names more than {MAX_COLUMNS} channels.", code="file_refused")

    def wrong(self) -> list[Wrong]:
        """Return the first things that are wrong in what has been read, by line."""
        found = self._wrong + [Wrong(line, "", detail) for line, detail in self.places.misfits]
        return sorted(found, key=lambda one: one.line)[:ERRORS_SHOWN]

    def _wide(self, table: Table) -> Rows:
        series, decimal = self.layout.series, self.layout.decimal
        cells = [numbers_of(table.columns[one.column], decimal) for one in series]
        values, given, bad = (np.stack(parts, axis=1) for parts in zip(*cells, strict=True))
        for place in np.flatnonzero(bad.any(axis=0)).tolist():
            self._note(table, bad[:, place], series[place].column, NOT_FINITE)
        times, timed = self._times(table, (given | bad).any(axis=1))
        row, which = np.nonzero(given & timed[:, None])
        names, units = [one.channel for one in series], [one.unit for one in series]
        self.units.update(zip(names, units, strict=True))
        return Rows(len(times), names, units, which, times[row], values[row, which])

    def _long(self, table: Table) -> Rows:
        layout = self.layout
        values, given, bad = numbers_of(table.columns[layout.value_column], layout.decimal)
        self._note(table, bad, layout.value_column, NOT_FINITE)
        times, timed = self._times(table, given | bad)
        names, place = _coded(texts_of(table.columns[layout.channel_column]))
        self._check(table, layout.channel_column, names, place, given, is_name, BAD_NAME)
        units = [self.units.get(name, "") for name in names]
        if layout.unit_column:
            told, told_place = _coded(texts_of(table.columns[layout.unit_column]))
            self._check(table, layout.unit_column, told, told_place, given, is_unit, BAD_UNIT)
            pairs, first = np.unique(place * len(told) + told_place, return_index=True)
            for pair in pairs[np.argsort(first)].tolist():
                channel, unit = pair // len(told), told[pair % len(told)]
                if unit and units[channel] and unit != units[channel]:
                    mixed = given & (place == channel) & (told_place == pair % len(told))
                    self._note(table, mixed, layout.unit_column, TWO_UNITS)
                units[channel] = units[channel] or unit
        row = np.flatnonzero(given & timed)
        seen = set(place[row].tolist())
        self.units.update((names[i], units[i]) for i in seen)
        return Rows(len(times), names, units, place[row], times[row], values[row])

    def _times(self, table: Table, needed: Mask) -> tuple[Times, Mask]:
        layout = self.layout
        column = table.columns[layout.time_column]
        times, readable = times_of(column, layout.time_unit, layout.zone)
        there = needed | ~np.asarray(column.is_null().to_numpy(zero_copy_only=False))
        self._note(table, there & ~readable, layout.time_column, NOT_ONE_MOMENT if layout.zone else NOT_A_TIME)
        self._note(table, times > self.received_us + AHEAD_US, layout.time_column, TOO_FAR_AHEAD)
        return times, readable

    def _check(
        self, table: Table, column: str, texts: list[str], place: Index, given: Mask, fits: Any, detail: str
    ) -> None:
        misfits = [i for i, text in enumerate(texts) if not fits(text)]
        if misfits:
            self._note(table, given & np.isin(place, misfits), column, detail)

    def _note(self, table: Table, rows: Mask, column: str, detail: str) -> None:
        for row in np.flatnonzero(rows)[: ERRORS_SHOWN - len(self._wrong)].tolist():
            cell = table.columns[column][row].as_py()
            shown = "" if cell is None else f" It says “{str(cell)[:40]}”."
            self._wrong.append(Wrong(self.places.of(table.first + row), column, f"{detail}{shown}"))


def _coded(texts: pa.Array) -> tuple[list[str], Index]:
    """Return the different texts of a column, and which one stands in each row; a null is an empty text."""
    coded = texts.fill_null("").dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
