"""How events reach many sockets: the session socket, and ``websockets.broadcast`` of ready texts in the same run."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from websockets.asyncio.client import connect

from biolab.private_services import free_port
from tests.bench.listeners import Crowd, Listener, gather
from tests.bench.load import cpu_seconds
from tests.bench.readings import body, long_ago
from tests.bench.scene import call, headers_of, instrument, our_house
from tests.bench.table import Table
from tests.faults.house import House, wait_for

SOCKETS = 1000
BURST = 200
PACED = 30
STUCK = 10
CONSOLES = 50
BATCHES, EVERY_S = 100, 0.1
"""Batches of 1,000 readings for the consoles, ten a second."""

TARGET = 0.6
NOTE_BYTES = 420
"""About what a note's frame weighs."""

WRITE = """
import time
from django.db import transaction
from django.utils import timezone
from sessions_app.models import LabSession
from sessions_app.services.notes import write_note
session = LabSession.objects.get(name="bench 0")
with transaction.atomic():
    for number in range({count}):
        now = timezone.now()
        write_note(session=session, by=session.created_by, at=now, timestamp=now, content=f"note {{number}}")
time.sleep(2)
"""


@dataclass(frozen=True)
class Burst:
    """What a crowd heard of notes that were told all at once."""

    heard: int
    seconds: float
    server_cpu_s: float

    @property
    def per_second(self) -> float:
        return self.heard / self.seconds


def live(_given: str) -> list[Table]:
    """Return how a burst fans out, with and without sockets that do not read, and how late single notes come."""
    with our_house(WS_HEARTBEAT_INTERVAL="600") as (house, _):
        scopes = ("sessions:read", "sessions:write", "telemetry:read", "telemetry:write")
        (session,), token = instrument(house, sessions=1, scopes=scopes)
        ours, hindered, delays = asyncio.run(_ours(house, session, token))
        _, alone, watched = (
            asyncio.run(_streamed(house, session, token, count, start=long_ago() + run * timedelta(hours=1)))
            for run, count in enumerate((0, 0, CONSOLES))
        )
    theirs, their_delays = asyncio.run(_theirs())
    rows: list[tuple[str | float | None, ...]] = [
        (name, one.per_second, one.server_cpu_s * 1e6 / one.heard, one.heard, ours.per_second / one.per_second)
        for name, one in (
            ("BioLab, a session's sockets", ours),
            (f"the same, {STUCK} more that do not read", hindered),
            ("websockets.broadcast", theirs),
        )
    ]
    columns = ("messages/s", "cpu us each", "heard", "ours/it")
    all_of_them = f"{BURST * SOCKETS:,} heard"
    title = f"{BURST} notes in one commit to {SOCKETS:,} sockets (target: {TARGET}x the broadcast, {all_of_them})"
    late: list[tuple[str | float | None, ...]] = [
        (name, _part(some, 0.5), _part(some, 0.99), len(some))
        for name, some in (("BioLab, after the answer", delays), ("websockets.broadcast, after asking", their_delays))
    ]
    title_late = f"{PACED} notes one by one to {SOCKETS:,} sockets (target: p99 60 ms)"
    paced = Table(title_late, ("p50 ms", "p99 ms", "heard"), late)
    streamed = Table(
        "10,000 readings a second, web and live server together (target: 2x the CPU of nobody watching)",
        ("CPU s a second", "frames heard", "ratio"),
        [("nobody watches", *alone, 1.0), (f"{CONSOLES} consoles", *watched, watched[0] / alone[0])],
    )
    return [Table(title, columns, rows), paced, streamed]


async def _ours(house: House, session: str, token: str) -> tuple[Burst, Burst, list[float]]:
    url = house.env["LIVE_URL"].replace("http", "ws") + f"/ws/sessions/{session}"
    headers = {"Authorization": f"Bearer {token}"}
    crowd, listeners = await gather(url, SOCKETS, headers)

    async def write(count: int = BURST) -> None:
        await asyncio.to_thread(house.manage, "shell", "-c", WRITE.format(count=count))

    live_server = house.processes["live"].pid
    await _burst(crowd, write(20), 20, live_server)
    ours = await _burst(crowd, write(), BURST, live_server)

    async def write_one(number: int) -> float:
        note = {"timestamp": "2026-03-02T09:00:00Z", "content": f"paced {number}"}
        await asyncio.to_thread(call, house, f"/api/sessions/{session}/notes", note, token)
        return time.monotonic()

    delays = await _paced(crowd, write_one)
    _, stuck = await gather(url, STUCK, headers)
    for one in stuck:
        one.transport.pause_reading()
    hindered = await _burst(crowd, write(), BURST, live_server)
    _part_with([*listeners, *stuck])
    return ours, hindered, delays


async def _theirs() -> tuple[Burst, list[float]]:
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.broadcast_reference", str(port)])
    try:
        await asyncio.to_thread(wait_for, lambda: _listens(port), doing="for the broadcast")
        crowd, listeners = await gather(f"ws://127.0.0.1:{port}/", SOCKETS, {})

        async def tell(count: int = BURST) -> None:
            async with connect(f"ws://127.0.0.1:{port}/tell/{count}/{NOTE_BYTES}") as asked:
                await asked.wait_closed()

        async def tell_one(_number: int) -> float:
            asked_at = time.monotonic()
            await tell(1)
            return asked_at

        told = await _burst(crowd, tell(), BURST, server.pid)
        delays = await _paced(crowd, tell_one)
        _part_with(listeners)
        return told, delays
    finally:
        server.kill()
        server.wait()


async def _burst(crowd: Crowd, telling: Coroutine[None, None, None], count: int, server: int) -> Burst:
    """Return what was heard of ``count`` notes, timed from the first frame to the last."""
    crowd.heard_at.clear()
    before = cpu_seconds(server)
    task = asyncio.create_task(telling)
    await crowd.wait_for(count * SOCKETS)
    await task
    heard = crowd.heard_at
    return Burst(len(heard), heard[-1] - heard[0], cpu_seconds(server) - before)


async def _paced(crowd: Crowd, tell: Callable[[int], Awaitable[float]]) -> list[float]:
    """Return how long after the time that ``tell`` gives each socket heard of it, in seconds; 0 where it was faster."""
    delays: list[float] = []
    for number in range(PACED):
        crowd.heard_at.clear()
        told_at = await tell(number)
        await crowd.wait_for(SOCKETS, timeout_s=10)
        delays += [max(0.0, at - told_at) for at in crowd.heard_at]
        await asyncio.sleep(0.2)
    return delays


async def _streamed(house: House, session: str, token: str, consoles: int, *, start: datetime) -> tuple[float, int]:
    """Return the servers' processor time a second while readings stream, and how many frames the consoles got."""
    url = house.env["LIVE_URL"].replace("http", "ws") + f"/ws/sessions/{session}"
    crowd, listeners = await gather(url, consoles, {"Authorization": f"Bearer {token}"}, event="telemetry")
    servers = [house.processes[name].pid for name in ("web", "live")]
    path = f"{house.url}/api/sessions/{session}/telemetry/batch"
    began_at, before = time.monotonic(), sum(map(cpu_seconds, servers))
    async with httpx.AsyncClient(headers=headers_of(token), timeout=30) as http:
        for number in range(BATCHES):
            await asyncio.sleep(began_at + number * EVERY_S - time.monotonic())
            (await http.post(path, content=body(0, number, start=start))).raise_for_status()
    took = time.monotonic() - began_at
    used = sum(map(cpu_seconds, servers)) - before
    _part_with(listeners)
    return used / took, len(crowd.heard_at)


def _part_with(listeners: list[Listener]) -> None:
    for one in listeners:
        one.transport.abort()


def _part(delays: list[float], share: float) -> float:
    return sorted(delays)[int(share * (len(delays) - 1))] * 1000


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
