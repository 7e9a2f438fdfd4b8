"""The scene of the ingest benches: a house in service mode, an instrument's token, and clients that send."""

import json
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from biolab import private_services
from tests.bench.load import Outcome, cpu_seconds, request, send_all
from tests.bench.readings import CLIENTS, ROWS, body, long_ago
from tests.bench.table import Line
from tests.faults.house import ADMIN, PASSWORD, House, service
from tests.services import services

BATCHES = 60
"""Batches of each client in a measured run; a tenth more warm up first."""

UNHINDERED = {"WRITE_RATE": "10000000/min", "LOG_LEVEL": "WARNING", "DEFAULT_TEAM_NAME": "Bench"}


def line_of(name: str, outcome: Outcome, *, rows: int = ROWS) -> Line:
    """Return what a run of batches of ``rows`` readings amounts to."""
    if outcome.refused:
        raise RuntimeError(f"{name} refused {len(outcome.refused)} batches: {sorted(set(outcome.refused))}")
    return Line(
        name,
        points_per_s=len(outcome.latencies) * rows / outcome.seconds,
        p50_ms=outcome.percentile(0.5) * 1000,
        p95_ms=outcome.percentile(0.95) * 1000,
        cpu_ms=outcome.server_cpu_s * 1000 / len(outcome.latencies) if outcome.server_cpu_s else None,
    )


def send_measured(url: str, clients: Sequence[list[bytes]], *, early: int, server: int) -> Outcome:
    """Warm up with the first ``early`` requests of every client, then send the others once.

    Args:
        server: the process whose processor time, with its children's, is counted.
    """
    send_all(url, [one[:early] for one in clients])
    before = cpu_seconds(server)
    outcome = send_all(url, [one[early:] for one in clients])
    return replace(outcome, server_cpu_s=cpu_seconds(server) - before)


def send(url: str, paths: list[str], headers: dict[str, str], start: datetime, *, server: int) -> Outcome:
    """Send the workload, each client to a path of its own; ``paths`` has shape (CLIENTS,)."""
    early = BATCHES // 10
    prepared = [
        [request(url, paths[client], body(client, batch, start=start), headers) for batch in range(BATCHES + early)]
        for client in range(CLIENTS)
    ]
    return send_measured(url, prepared, early=early, server=server)


@contextmanager
def our_house(**more: str) -> Iterator[tuple[House, str]]:
    """Run service mode on its own database and give it with the URL of the PostgreSQL it uses."""
    with ExitStack() as ending:
        found = ending.enter_context(services())
        if found is None:
            raise SystemExit("This bench needs PostgreSQL and Redis.")
        folder = Path(mkdtemp(prefix="biolab-bench-"))
        redis_url = ending.enter_context(private_services.redis(folder / "redis"))
        urls = {"database_url": found.database_url, "redis_url": redis_url}
        yield ending.enter_context(service(folder, web_workers=4, **urls, **UNHINDERED, **more)), found.database_url


def call(house: House, path: str, payload: dict[str, Any], token: str = "") -> dict[str, Any]:
    """POST JSON and return the answer."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    asked = urllib.request.Request(house.url + path, json.dumps(payload).encode(), headers)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def instrument(house: House, *, sessions: int, scopes: Sequence[str] = ("telemetry:write",)) -> tuple[list[str], str]:
    """Start sessions and return their ids, with a token that may send to them."""
    access = call(house, "/api/v1/auth/login", {"email": ADMIN, "password": PASSWORD})["access_token"]
    made = [call(house, "/api/sessions", {"name": f"bench {i}"}, access)["id"] for i in range(sessions)]
    return made, call(house, "/api/v1/tokens", {"name": "bench", "scopes": list(scopes)}, access)["token"]


def headers_of(token: str) -> dict[str, str]:
    """Return the headers of an instrument that sends JSON."""
    return {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}


def ours(house: House, *, sessions: int) -> Outcome:
    """Send the workload to BioLab's web server with an instrument's token.

    Args:
        sessions: how many the clients share; with fewer than clients, several write the same channels at the same
            moments, and each batch is compared with what it reaches behind.
    """
    made, token = instrument(house, sessions=sessions)
    paths = [f"/api/sessions/{made[client % sessions]}/telemetry/batch" for client in range(CLIENTS)]
    return send(house.url, paths, headers_of(token), long_ago(), server=house.processes["web"].pid)
