"""What the store bench does, in a process of its own whose settings name the bench's database."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
from django.core.management import call_command
from django.db import connection, transaction

from sessions_app.models import LabSession
from telemetry_app.bioreactor import samples
from telemetry_app.codec import Times, Values
from telemetry_app.decimate import envelope
from telemetry_app.ingest.columns import Batch, settle
from telemetry_app.instants import SECOND_US, to_us
from telemetry_app.stores.reading import FIRST_US, LAST_US
from telemetry_app.stores.segments import SegmentStore
from tests.bench.codec import recorded
from tests.bench.on_disk import TABLES, Row, Size, at_least, at_most, size_row
from tests.bench.table import Table
from tests.factories.sessions import SessionFactory
from tests.factories.telemetry import make_channels, make_intake

CHANNELS = 20
LONG = 500_000
"""Readings of each channel in the long recording."""

AT_ONCE = 1_000
"""Instants in one of its batches."""

SMALL_BATCHES = 400
COPIES = 20
"""Sessions that hold the same recording from the files."""

Columns = Mapping[str, tuple[Times, Values]]


def main() -> None:
    """Print the tables as one line of JSON."""
    call_command("migrate", verbosity=0)
    store, beside_rows = SegmentStore(), connection.vendor == "postgresql"
    short = SessionFactory()
    tables = [_in(store, short)] if beside_rows else []
    session, channels, size = _long(store)
    tables += [_out(store, session, channels, short)]
    sizes = [size_row("bioreactor", CHANNELS * LONG, size, 8.0)]
    folder = os.environ["BENCH_RECORDINGS"]
    if folder:
        sizes.append(_recordings(store, Path(folder)))
    if beside_rows:
        sizes.append(size_row("rows with a primary key", LONG, Size.of("bench_rows"), None))
    what = "tables and indexes" if beside_rows else "the whole file"
    title = f"{connection.vendor}: bytes on disk for a point, {what}"
    tables.append(Table(title, ("points", "bytes", "in indexes", "target", ""), sizes))
    print(json.dumps([asdict(table) for table in tables]))


def _in(store: SegmentStore, session: LabSession) -> Table:
    """Append batches of 1,000 rows one after the other, copy the same rows, and fold them."""
    names = [f"channel-{i:02}" for i in range(CHANNELS)]
    channels = make_channels(session, *names)
    noise = np.random.default_rng(2)
    instants = 1000 // CHANNELS
    batches = []
    for number in range(SMALL_BATCHES):
        times = _start() + (number * instants + np.arange(instants, dtype=np.int64)) * SECOND_US // 10
        batches.append({name: (times, np.round(20 + noise.standard_normal(instants), 3)) for name in names})
    rows = SMALL_BATCHES * 1000
    with _clocked() as appending:
        for batch in batches:
            _append(store, session, channels, batch)
    copying = _copy(names, batches)
    with _clocked() as folding:
        store.compact(session.pk)
    return Table(
        f"{rows:,} readings, {CHANNELS} channels, batches of 1,000, one connection",
        ("readings/s", "ratio", "target", ""),
        [
            ("append, batch and latest in a transaction each", rows / appending[0], None, None, None),
            (
                "COPY BINARY into rows with a primary key; ratio: append to it",
                rows / copying,
                *at_least(copying / appending[0], 1.0),
            ),
            (
                "fold into chunks; ratio: it to append",
                rows / folding[0],
                *at_least(appending[0] / folding[0], 1.5),
            ),
        ],
    )


def _long(store: SegmentStore) -> tuple[LabSession, dict[str, UUID], Size]:
    """Store the long recording with folds and vacuums in between, as the beat does it; return what it takes."""
    session = SessionFactory()
    columns = _bioreactors()
    channels = make_channels(session, *columns)
    _vacuum()
    before = Size.of_readings()
    for number, start in enumerate(range(0, LONG, AT_ONCE), start=1):
        part = slice(start, start + AT_ONCE)
        _append(
            store, session, channels, {name: (times[part], values[part]) for name, (times, values) in columns.items()}
        )
        if number % 25 == 0 or start + AT_ONCE >= LONG:
            store.compact(session.pk)
            _vacuum()
    if connection.vendor == "postgresql":
        name = next(iter(columns))
        _copy([name], [{name: columns[name]}])
    return session, channels, Size.of_readings() - before


def _bioreactors() -> Columns:
    """Return two runs of the model as the channels of one session, at 1 Hz."""
    times = _start() + np.arange(LONG, dtype=np.int64) * SECOND_US
    columns: dict[str, tuple[Times, Values]] = {}
    for seed in range(2):
        shown = [tuple(probes.values()) for _, probes in samples(seed=seed, every_s=1.0, duration_s=LONG - 1)]
        names = next(iter(samples(every_s=1.0, duration_s=1)))[1]
        for name, values in zip(names, np.array(shown).T, strict=True):
            columns[f"{name} {seed}"] = times, np.ascontiguousarray(values)
    return columns


def _out(store: SegmentStore, session: LabSession, channels: Mapping[str, UUID], short: LabSession) -> Table:
    """Time what a console and a chart ask for.

    Args:
        short: a session of the same number of channels and far fewer readings, or none.
    """
    one, every = [next(iter(channels.values()))], list(channels.values())

    def from_readings() -> object:
        runs = store.window(session.pk, one, FIRST_US, LAST_US)
        return envelope({channel: (run.times, run.values) for channel, run in runs.items()}, 2000)

    def chart(ids: list[UUID]) -> Callable[[], object]:
        return lambda: store.decimated(session.pk, ids, FIRST_US, LAST_US, max_points=2000)

    latest = _milliseconds(lambda: store.latest(session.pk))
    ours, plain = _milliseconds(chart(one)), _milliseconds(from_readings)
    hour = _milliseconds(lambda: store.window(session.pk, one, _start() + 10**11, _start() + 10**11 + 3600 * SECOND_US))
    figures = _milliseconds(lambda: store.summary(session.pk))
    rows: list[Row] = [
        ("latest of all channels", latest, *at_most(latest, 2.0, "ms")),
        ("an hour of one channel", hour, None, None, None),
        (f"chart, {LONG:,} readings to 2,000 places, with rollups", ours, *at_most(ours, 50.0, "ms")),
        ("the same from the readings themselves; ratio: it to ours", plain, plain / ours, None, None),
        ("chart of all channels", _milliseconds(chart(every), tries=3), None, None, None),
        ("figures of all channels", figures, None, None, None),
    ]
    if connection.vendor == "postgresql":
        few, sql = _milliseconds(lambda: store.latest(short.pk)), _milliseconds(_date_bin)
        few_name = f"latest of all channels after {SMALL_BATCHES * 1000:,} readings; ratio: it to the first line"
        rows.insert(1, (few_name, few, few / latest, None, None))
        rows.insert(5, ("the same by date_bin over rows; ratio: it to ours", sql, *at_least(sql / ours, 8.0)))
    title = f"{connection.vendor}: {CHANNELS * LONG:,} readings, {CHANNELS} channels: reads, median of several"
    return Table(title, ("ms", "ratio", "target", ""), rows)


def _recordings(store: SegmentStore, folder: Path) -> Row:
    """Store the recordings of a folder, each file's in several sessions, and return their line of sizes."""
    found = recorded(folder)
    before, points = Size.of_readings(), 0
    files = {name.partition(".")[0] for name in found}
    for file in sorted(files):
        columns = {name: column for name, column in found.items() if name.partition(".")[0] == file}
        for _ in range(COPIES):
            session = SessionFactory()
            channels = make_channels(session, *columns)
            rows = next(iter(columns.values()))[0].size
            for start in range(0, rows, AT_ONCE):
                part = slice(start, start + AT_ONCE)
                kept = {name: (times[part], values[part]) for name, (times, values) in columns.items()}
                _append(store, session, channels, kept)
            store.compact(session.pk)
            points += rows * len(columns)
    _vacuum()
    return size_row(folder.name, points, Size.of_readings() - before, 12.0)


def _append(store: SegmentStore, session: LabSession, channels: Mapping[str, UUID], columns: Columns) -> None:
    with transaction.atomic():
        store.append(make_intake(session, channels, _batch(columns)))


def _batch(columns: Columns) -> Batch:
    sizes = [times.size for times, _ in columns.values()]
    return settle(
        names=tuple(columns),
        units=("",) * len(columns),
        index=np.repeat(np.arange(len(columns)), sizes),
        times=np.concatenate([times for times, _ in columns.values()]),
        values=np.concatenate([values for _, values in columns.values()]),
        received_us=_start(),
        timed=True,
        batch_id=None,
    )


def _copy(names: list[str], batches: list[Columns]) -> float:
    """Store the same as rows with a primary key, a transaction for each batch; return the seconds that took."""
    taken = 0.0
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_rows")
        cursor.execute(
            "CREATE TABLE bench_rows (series int4, time timestamptz, value float8, PRIMARY KEY (series, time))"
        )
        for batch in batches:
            rows = [
                (names.index(name), datetime.fromtimestamp(us / SECOND_US, UTC), value)
                for name, (times, values) in batch.items()
                for us, value in zip(times.tolist(), values.tolist(), strict=True)
            ]
            with (
                _clocked() as copying,
                transaction.atomic(),
                cursor.copy("COPY bench_rows FROM STDIN (FORMAT BINARY)") as copy,
            ):
                copy.set_types(["int4", "timestamptz", "float8"])
                for row in rows:
                    copy.write_row(row)
            taken += copying[0]
        cursor.execute("VACUUM ANALYZE bench_rows")
    return taken


def _date_bin() -> object:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_bin('250 seconds', time, '2026-01-01'), min(value), max(value), avg(value) FROM bench_rows "
            "WHERE series = 0 AND time BETWEEN '2000-01-01' AND '2100-01-01' GROUP BY 1 ORDER BY 1"
        )
        return cursor.fetchall()


def _vacuum() -> None:
    """Do what PostgreSQL does by itself every minute or so; SQLite uses freed pages again at once."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"VACUUM ANALYZE {table}")


def _start() -> int:
    return to_us(datetime(2026, 1, 1, tzinfo=UTC))


@contextmanager
def _clocked() -> Iterator[list[float]]:
    taken: list[float] = []
    began = time.perf_counter()
    yield taken
    taken.append(time.perf_counter() - began)


def _milliseconds(read: Callable[[], object], *, tries: int = 15) -> float:
    """Return the median time of a read, the first one left out."""
    read()
    taken = []
    for _ in range(tries):
        began = time.perf_counter()
        read()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)
