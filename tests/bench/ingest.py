"""How fast readings come in: beside FastAPI at its own design and at equal work, and beside COPY without any HTTP."""

import multiprocessing
import time
from datetime import datetime
from typing import Any

import psycopg

from tests.bench.load import Outcome
from tests.bench.readings import CLIENTS, long_ago, rows
from tests.bench.references import served
from tests.bench.scene import BATCHES, line_of, our_house, ours, send
from tests.bench.table import Line

ROW_TABLES = (
    "CREATE TABLE reference_readings (session_id varchar(40), channel varchar(64), timestamp timestamptz,"
    " value float8 NOT NULL, PRIMARY KEY (session_id, channel, timestamp))",
)
SEGMENT_TABLES = (
    "CREATE TABLE segments (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, session_id varchar(40) NOT NULL,"
    " batch_id varchar(80) NOT NULL, received_at timestamptz NOT NULL, first_at bigint NOT NULL,"
    " last_at bigint NOT NULL, count integer NOT NULL, channels text[] NOT NULL, columns bytea NOT NULL,"
    " UNIQUE (session_id, batch_id))",
    "CREATE TABLE latest (session_id varchar(40), channel text, at bigint NOT NULL, value float8 NOT NULL,"
    " position bigint NOT NULL, PRIMARY KEY (session_id, channel))",
)


def reference(app: str, database_url: str, tables: tuple[str, ...]) -> Outcome:
    """Send the workload to a reference."""
    with served(app, database_url=database_url, tables=tables) as (url, headers, server):
        paths = [f"/api/sessions/bench-{client}/telemetry/batch" for client in range(CLIENTS)]
        return send(url, paths, headers, long_ago(), server=server)


def _copy_client(url: str, client: int, start: datetime, barrier: Any, answers: Any) -> None:
    batches = [
        [(client * 100 + int(channel[-2:]), at, value) for channel, at, value in rows(client, batch, start=start)]
        for batch in range(BATCHES)
    ]
    latencies = []
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        barrier.wait()
        for batch in batches:
            began = time.perf_counter()
            with cursor.copy("COPY bench_limit (series, time, value) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int4", "timestamptz", "float8"])
                for row in batch:
                    copy.write_row(row)
            connection.commit()
            latencies.append(time.perf_counter() - began)
    answers.put(latencies)


def copy_binary(database_url: str) -> Outcome:
    """Store the same rows by COPY BINARY into a table with a primary key, from 8 connections, without HTTP."""
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_limit")
        connection.execute(
            "CREATE TABLE bench_limit (series int4, time timestamptz, value float8, PRIMARY KEY (series, time))"
        )
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(CLIENTS + 1), context.Queue()
    start = long_ago()
    clients = [
        context.Process(target=_copy_client, args=(database_url, client, start, barrier, answers))
        for client in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    barrier.wait()
    began = time.perf_counter()
    latencies = [one for _ in clients for one in answers.get()]
    seconds = time.perf_counter() - began
    for client in clients:
        client.join()
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE bench_limit")
    return Outcome(seconds, latencies, [])


def ingest_http() -> list[Line]:
    """Return our line and FastAPI's, and ours where all clients write the same channels."""
    with our_house() as (house, database_url):
        our_line = line_of("BioLab, a session for each client", ours(house, sessions=CLIENTS))
        crowded = line_of("BioLab, the same channels of one session", ours(house, sessions=1))
        house.end()
        theirs = reference("fastapi_reference", database_url, ROW_TABLES)
        return [our_line, line_of("FastAPI + pydantic + SQLAlchemy core", theirs), crowded]


def ingest_equal() -> list[Line]:
    """Return our line and that of FastAPI with our own decoding, packing and tables behind it, over asyncpg."""
    with our_house() as (house, database_url):
        our_line = line_of("BioLab, a session for each client", ours(house, sessions=CLIENTS))
        house.end()
        theirs = reference("segments_reference", database_url, SEGMENT_TABLES)
        return [our_line, line_of("FastAPI + asyncpg, the same segments", theirs)]


def ingest_limit() -> list[Line]:
    """Return our line and COPY BINARY's."""
    with our_house() as (house, database_url):
        our_line = line_of("BioLab, a session for each client", ours(house, sessions=CLIENTS))
        house.end()
        return [our_line, line_of("COPY BINARY into rows, no HTTP", copy_binary(database_url))]
