"""How embedded mode takes batches in, and how service mode takes single readings."""

import json
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

from tests.bench.load import request, send_all
from tests.bench.readings import CLIENTS, body, long_ago
from tests.bench.references import served
from tests.bench.scene import BATCHES, UNHINDERED, headers_of, instrument, line_of, our_house, send_measured
from tests.bench.table import Line
from tests.faults.house import embedded

SINGLES = 400
"""Requests of each client with one reading; a tenth more warm up first."""


def ingest_embedded() -> list[Line]:
    """Return the line of one client sending to daphne and SQLite, and of FastAPI keeping the rows in a list."""
    early = BATCHES // 10
    bodies = [body(0, batch, start=long_ago()) for batch in range(BATCHES + early)]
    with embedded(Path(mkdtemp(prefix="biolab-bench-")), **UNHINDERED) as house:
        (session,), token = instrument(house, sessions=1)
        path = f"/api/sessions/{session}/telemetry/batch"
        prepared = [request(house.url, path, one, headers_of(token)) for one in bodies]
        our_outcome = send_measured(house.url, [prepared], early=early, server=house.processes["serve"].pid)
    with served("list_reference", workers=1) as (url, headers, server):
        prepared = [request(url, "/api/sessions/bench/telemetry/batch", one, headers) for one in bodies]
        theirs = send_measured(url, [prepared], early=early, server=server)
    return [line_of("BioLab, daphne and SQLite", our_outcome), line_of("FastAPI, a list in memory", theirs)]


def ingest_single() -> list[Line]:
    """Return the line of single readings, and of the same server's ``/health``."""
    start, early = long_ago(), SINGLES // 10
    with our_house() as (house, _):
        sessions, token = instrument(house, sessions=CLIENTS)
        web = house.processes["web"].pid
        prepared = [
            [
                request(
                    house.url,
                    f"/api/sessions/{session}/telemetry",
                    json.dumps(
                        {
                            "timestamp": (start + timedelta(seconds=number)).isoformat(),
                            "channel": "temperature",
                            "value": 36.5 + number / 1000,
                        }
                    ).encode(),
                    headers_of(token),
                )
                for number in range(SINGLES + early)
            ]
            for session in sessions
        ]
        singles = send_measured(house.url, prepared, early=early, server=web)
        asking = request(house.url, "/health", b"", {}).replace(b"POST", b"GET", 1)
        health = send_all(house.url, [[asking] * SINGLES for _ in sessions])
    return [
        line_of("BioLab, one reading a request", singles, rows=1),
        line_of("the same server's /health", health, rows=1),
    ]
