"""How fast and in how much memory readings go out as files, beside PostgreSQL's own COPY of the same rows."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import psycopg

from tests.bench.load import cpu_seconds
from tests.bench.readings import CHANNELS, long_ago
from tests.bench.scene import headers_of, instrument, our_house
from tests.bench.table import Line
from tests.faults.house import House, wait_for

POINTS = 10_000_000
BATCH = 100_000
RUNS = 3
PIECE = 1024 * 1024
REFERENCE = "test_bench_out"


@dataclass
class Taken:
    """One file as it was taken: seconds, processor time, and the most memory the server held meanwhile."""

    seconds: float
    cpu_s: float
    peak_mb: float = 0.0


def _memory_mb(pid: int) -> float:
    """Return the memory of a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(own.split()[1]) / 1024 + sum(_memory_mb(int(child)) for child in children)


@contextmanager
def _peak(pid: int) -> Iterator[list[float]]:
    """Give a list whose only number grows to the most memory held while the block runs."""
    found, done = [_memory_mb(pid)], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            found[0] = max(found[0], _memory_mb(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()


def _fill(house: House, sid: str, token: str, start: datetime) -> None:
    """Store the readings: 20 channels, ten a second, three decimals, a hundred thousand to a batch."""
    noise = np.random.default_rng(7)
    rows = BATCH // CHANNELS
    for batch in range(POINTS // BATCH):
        stamps = [
            (start + timedelta(milliseconds=100 * (batch * rows + index))).isoformat().replace("+00:00", "Z")
            for index in range(rows)
        ]
        columns = [
            {
                "channel": f"channel-{channel:02}",
                "unit": "degC",
                "timestamps": stamps,
                "values": np.round(20 + channel + noise.normal(size=rows), 3).tolist(),
            }
            for channel in range(CHANNELS)
        ]
        path = f"/api/sessions/{sid}/telemetry/batch"
        asked = urllib.request.Request(house.url + path, json.dumps({"columns": columns}).encode(), headers_of(token))
        with urllib.request.urlopen(asked, timeout=120) as answer:
            answer.read()


def _take(url: str, path: str, token: str, pid: int) -> Taken:
    """Take a file and throw it away as it comes."""
    asked = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})
    with _peak(pid) as peak:
        began, worked = time.perf_counter(), cpu_seconds(pid)
        with urllib.request.urlopen(asked, timeout=300) as answer:
            while answer.read(PIECE):
                pass
        taken = Taken(time.perf_counter() - began, cpu_seconds(pid) - worked)
    return replace(taken, peak_mb=peak[0])


def _keep_as_rows(url: str, path: str, token: str, database_url: str) -> None:
    """Put the very same rows into a table of PostgreSQL, from our own file."""
    asked = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {REFERENCE}")
        cursor.execute(f"CREATE TABLE {REFERENCE} (time timestamptz, channel text, value float8, unit text)")
        with (
            urllib.request.urlopen(asked, timeout=300) as answer,
            cursor.copy(f"COPY {REFERENCE} FROM STDIN (FORMAT csv, HEADER)") as copy,
        ):
            while piece := answer.read(PIECE):
                copy.write(piece)


def _copy_out(database_url: str) -> Taken:
    """Let PostgreSQL give the rows as CSV, taken through its C library so that Python does not hold it up."""
    with psycopg.connect(database_url) as connection:
        pid, wire = connection.info.backend_pid, connection.pgconn
        began, worked = time.perf_counter(), cpu_seconds(pid)
        wire.exec_(f"COPY {REFERENCE} TO STDOUT (FORMAT csv, HEADER)".encode())
        while wire.get_copy_data(0)[0] > 0:
            pass
        taken = Taken(time.perf_counter() - began, cpu_seconds(pid) - worked)
        while (told := wire.get_result()) is not None:
            if told.status != psycopg.pq.ExecStatus.COMMAND_OK:
                raise RuntimeError(told.error_message.decode())
        return taken


def _wait_until_folded(database_url: str) -> None:
    """Return once the worker has folded every batch into chunks: a file is mostly taken of what is at rest."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        query = "SELECT count(*) FROM telemetry_app_segment WHERE columns IS NOT NULL"
        wait_for(lambda: connection.execute(query).fetchone() == (0,), timeout_s=300, every_s=1, doing="for folding")


def _line(name: str, taken: list[Taken], points: int) -> Line:
    """Return the best run; its ``cpu_ms`` is the processor time of the whole file."""
    ordered = sorted(one.seconds for one in taken)
    cpu_ms = min(one.cpu_s for one in taken) * 1000
    return Line(name, points / ordered[0], ordered[len(ordered) // 2] * 1000, ordered[-1] * 1000, cpu_ms)


def _out(kind: str, others: tuple[str, ...]) -> list[Line]:
    """Return our line, COPY's, and other files' by both servers; each line's best run counts."""
    with our_house() as (house, database_url):
        start = long_ago() - timedelta(days=2)
        made, token = instrument(house, sessions=1, scopes=("telemetry:write", "telemetry:read"))
        _fill(house, made[0], token, start)
        _wait_until_folded(house.env["DATABASE_URL"])
        own_url = urlunsplit(urlsplit(database_url)._replace(path="/postgres"))
        base = f"/api/sessions/{made[0]}/telemetry/export?format="
        first, tenth = (
            (start + timedelta(milliseconds=100 * rows)).isoformat().replace("+00:00", "Z")
            for rows in (0, POINTS // CHANNELS // 10)
        )
        live_url, live = house.env["LIVE_URL"], house.processes["live"].pid

        def measured(query: str, points: int = POINTS) -> Line:
            until = f"&to={tenth}" if points < POINTS else ""
            taken = [_take(live_url, base + query + until, token, live) for _ in range(RUNS)]
            name = f"BioLab {query}, {points // 1_000_000} M, +{max(one.peak_mb for one in taken) - idle_mb:.0f} MB"
            return _line(name, taken, points)

        try:
            _take(live_url, f"{base}{kind}&to={first}", token, live)
            idle_mb = _memory_mb(live)
            _take(live_url, f"{base}{kind}&to={tenth}", token, live)
            ours = measured(kind)
            _keep_as_rows(live_url, f"{base}csv", token, own_url)
            theirs = _line("COPY TO STDOUT of the same rows", [_copy_out(own_url) for _ in range(RUNS)], POINTS)
            small = measured(kind, POINTS // 10)
            return [ours, theirs, small, *map(measured, others)]
        finally:
            with psycopg.connect(own_url) as connection:
                connection.execute(f"DROP TABLE IF EXISTS {REFERENCE}")


def csv() -> list[Line]:
    """Return CSV's lines."""
    return _out("csv", ("csv&shape=wide",))


def parquet() -> list[Line]:
    """Return Parquet's lines, and those of an Arrow stream."""
    return _out("parquet", ("parquet&shape=wide", "arrow"))
