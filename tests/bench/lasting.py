"""Ten minutes of readings: at full speed while they are folded, and at half of it while people watch."""

import asyncio
import json
import multiprocessing
import socket
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import psycopg
import websockets

from tests.bench.load import Outcome, read_answer, request
from tests.bench.readings import CHANNELS, CLIENTS, ROWS
from tests.bench.scene import headers_of, instrument, line_of, our_house, ours
from tests.bench.table import Line
from tests.faults.house import House, wait_for

MINUTES = 10
WATCHERS = 20
START_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class Sent:
    """What one client saw: batches acknowledged, seconds of each, and what was refused."""

    acknowledged: int
    latencies: list[float]
    refused: list[int]


def _endless_body(client: int, batch: int, noise: Random) -> bytes:
    """Return the next batch of a client, instants 100 ms apart, cheap enough to be made while others are sent."""
    rows = []
    for index in range(ROWS // CHANNELS):
        us = START_US + 100_000 * (batch * (ROWS // CHANNELS) + index) + client
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // 1_000_000)) + f".{us % 1_000_000:06}Z"
        rows += [
            f'{{"timestamp":"{at}","channel":"channel-{channel:02}","value":{20 + channel + noise.random():.3f}}}'
            for channel in range(CHANNELS)
        ]
    return f'{{"data":[{",".join(rows)}]}}'.encode()


def _keep_sending(
    url: str, path: str, headers: dict[str, str], client: int, until: float, pace_s: float, out: Any
) -> None:
    """Send batches until a moment, one every ``pace_s`` seconds or as fast as they are answered."""
    parts, noise = urlsplit(url), Random(client)
    latencies: list[float] = []
    refused: list[int] = []
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer, batch, due = bytearray(), 0, time.time()
        while time.time() < until:
            prepared = request(url, path, _endless_body(client, batch, noise), headers)
            time.sleep(max(0.0, due - time.time()))
            due += pace_s
            began = time.perf_counter()
            connection.sendall(prepared)
            status = read_answer(connection, buffer)
            latencies.append(time.perf_counter() - began)
            if status != 200:
                refused.append(status)
            batch += 1
    out.put(Sent(len(latencies) - len(refused), latencies, refused))


def _send_for(url: str, paths: list[str], headers: dict[str, str], *, seconds: float, pace_s: float = 0.0) -> Outcome:
    context = multiprocessing.get_context("fork")
    answers, until = context.Queue(), time.time() + seconds
    clients = [
        context.Process(target=_keep_sending, args=(url, path, headers, number, until, pace_s, answers))
        for number, path in enumerate(paths)
    ]
    began = time.perf_counter()
    for one in clients:
        one.start()
    told = [answers.get() for _ in clients]
    lasted = time.perf_counter() - began
    for one in clients:
        one.join()
    return Outcome(lasted, [s for sent in told for s in sent.latencies], [s for sent in told for s in sent.refused])


def _resident_mb(house: House) -> float:
    """Return the memory that the house's processes and their children hold themselves."""
    groups = {process.pid for process in house.processes.values()}
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) in groups:
                smaps = (stat.parent / "smaps_rollup").read_text()
                total += int(smaps.split("Pss:")[1].split()[0])
        except (OSError, IndexError):
            continue
    return total / 1024


def _readable(house: House, sessions: list[str], token: str) -> int:
    """Return how many readings the sessions hold, as the API says."""
    held = 0
    for session in sessions:
        asked = urllib.request.Request(
            f"{house.url}/api/sessions/{session}/telemetry/summary", headers=headers_of(token)
        )
        with urllib.request.urlopen(asked, timeout=120) as answer:
            held += json.load(answer)["readings"]
    return held


def _waiting(house: House) -> int:
    """Return how many readings wait to be folded into chunks."""
    with psycopg.connect(house.env["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(count), 0) FROM telemetry_app_segment WHERE columns IS NOT NULL"
        ).fetchone()
    return int(row[0]) if row else 0


def _account(house: House, name: str, outcome: Outcome, sessions: list[str], token: str) -> None:
    """Say what was acknowledged and what is readable.

    Raises:
        RuntimeError: they differ.
    """
    sent, held = (len(outcome.latencies) - len(outcome.refused)) * ROWS, _readable(house, sessions, token)
    print(f"{name}: {sent:,} readings acknowledged, {held:,} readable, {len(outcome.refused)} batches refused")
    if sent != held:
        raise RuntimeError(f"{sent:,} readings were acknowledged and {held:,} can be read")


def ingest_sustained() -> list[Line]:
    """Return the line of ten minutes beside compaction, half of the clients on one session, and of a short run."""
    with our_house() as (house, _):
        short = line_of("BioLab, a short run", ours(house, sessions=CLIENTS))
    with our_house() as (house, _):
        sessions, token = instrument(house, sessions=1 + CLIENTS // 2, scopes=("telemetry:write", "telemetry:read"))
        hot, others = sessions[0], sessions[1:]
        paths = [f"/api/sessions/{one}/telemetry/batch" for one in [*[hot] * (CLIENTS // 2), *others]]
        outcome = _send_for(house.url, paths, headers_of(token), seconds=60 * MINUTES)
        left, began = _waiting(house), time.perf_counter()
        wait_for(lambda: _waiting(house) < 100_000, timeout_s=600, doing="for compaction")
        taken = max(time.perf_counter() - began, 1e-9)
        print(f"at the end {left:,} readings waited to be folded; {taken:.0f} s later the worker had caught up")
        _account(house, "sustained", outcome, sessions, token)
        return [line_of(f"BioLab, {MINUTES} minutes with compaction", outcome), short]


async def _watch(house: House, session: str, token: str, ending: asyncio.Event) -> tuple[int, str]:
    """Return how many telemetry frames a console got until the end, and what went wrong."""
    url = house.env["LIVE_URL"].replace("http", "ws") + f"/ws/sessions/{session}"
    frames = 0
    try:
        async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as console:
            while not ending.is_set():
                try:
                    frame = json.loads(await asyncio.wait_for(console.recv(), 1))
                except TimeoutError:
                    continue
                frames += frame.get("event") == "telemetry"
    except (OSError, websockets.WebSocketException) as error:
        return frames, repr(error)
    return frames, ""


async def _soaked(house: House, paths: list[str], sessions: list[str], token: str, pace_s: float) -> Outcome:
    ending = asyncio.Event()
    consoles = [
        asyncio.create_task(_watch(house, sessions[number % len(sessions)], token, ending))
        for number in range(WATCHERS)
    ]
    sending = asyncio.create_task(
        asyncio.to_thread(_send_for, house.url, paths, headers_of(token), seconds=60 * MINUTES, pace_s=pace_s)
    )
    began, memory = time.perf_counter(), []
    while not sending.done():
        await asyncio.wait({sending}, timeout=30)
        memory.append(_resident_mb(house))
        print(f"{time.perf_counter() - began:5.0f} s  {memory[-1]:6.0f} MB in all processes", flush=True)
    outcome = await sending
    ending.set()
    watched = await asyncio.gather(*consoles)
    failures = [error for _, error in watched if error]
    frames = sorted(count for count, _ in watched)
    print(f"{WATCHERS} consoles got {frames[0]} to {frames[-1]} telemetry frames; failures: {failures or 'none'}")
    if failures:
        raise RuntimeError(f"consoles failed: {failures}")
    return outcome


def soak() -> list[Line]:
    """Return the line of ten minutes at half the speed with twenty consoles open, and of a short run at full speed."""
    with our_house() as (house, _):
        short = line_of("BioLab, a short run", ours(house, sessions=CLIENTS))
    pace_s = CLIENTS * ROWS / (short.points_per_s / 2)
    with our_house() as (house, _):
        scopes = ("telemetry:write", "telemetry:read", "sessions:read")
        sessions, token = instrument(house, sessions=CLIENTS, scopes=scopes)
        paths = [f"/api/sessions/{one}/telemetry/batch" for one in sessions]
        outcome = asyncio.run(_soaked(house, paths, sessions, token, pace_s))
        _account(house, "soak", outcome, sessions, token)
        return [line_of(f"BioLab, {MINUTES} minutes at half speed, {WATCHERS} consoles", outcome), short]
