"""The simulated bioreactor as an instrument: it measures, and sends what it measured through the public API."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from telemetry_app.bioreactor import CHANNELS, Bioreactor, Setup

BATCH_S = 1.0
"""How long measurements are gathered before they are sent together."""

KEPT_BATCHES = 3600
"""Batches kept while the server is away: about an hour; the oldest go first."""

LONGEST_PAUSE_S = 15.0
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})

UNITS = {probe.name: probe.unit for probe in CHANNELS}


class RefusedError(RuntimeError):
    """The server refuses the readings for good."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail', 'refused')}")
        self.status = status
        self.code = str(problem.get("code", ""))


@dataclass(slots=True)
class Outcome:
    """What a run sent, and ``dropped`` because the server was away; ``ended`` says that the session had ended."""

    readings: int = 0
    batches: int = 0
    retries: int = 0
    dropped: int = 0
    ended: bool = False


def stream(
    *,
    url: str,
    token: str,
    session: str,
    rate_hz: float = 2.0,
    speed: float = 1.0,
    seed: int = 0,
    duration_s: float | None = None,
    setup: Setup | None = None,
    stop: threading.Event | None = None,
    told: Callable[[str], None] | None = None,
) -> Outcome:
    """Run a bioreactor and send its readings until ``duration_s`` is over, ``stop`` is set or the session ends.

    Readings carry the time at which they were measured. A batch that got no answer is sent again under the same id, so
    it is stored once; measuring goes on meanwhile.

    Args:
        url: the server, such as ``http://127.0.0.1:8000``.
        token: a service token, or an access token.
        session: the session's id.
        rate_hz: measurements a second, > 0.
        speed: seconds of the run that pass in one second.
        duration_s: seconds to send for; None until stopped.
        told: is handed a sentence whenever something is worth telling.

    Raises:
        RefusedError: the token, the session or the readings are refused.
    """
    halt = stop if stop is not None else threading.Event()
    reactor, outcome, run = Bioreactor(setup, seed=seed), Outcome(), uuid4().hex[:12]
    address = f"{url.rstrip('/')}/api/sessions/{session}/telemetry/batch"
    waiting: deque[dict[str, Any]] = deque()
    begun = time.monotonic()
    rows: list[dict[str, Any]] = []
    measured, pause_s, next_try, next_batch, number = 0, 0.0, begun, begun + BATCH_S, 0
    while True:
        now = time.monotonic()
        is_over = halt.is_set() or (duration_s is not None and now - begun >= duration_s)
        if not is_over and now - begun >= measured / rate_hz:
            reactor.advance(max(0.0, (now - begun) * speed - reactor.state.time_s))
            rows += _rows(reactor.measure())
            measured += 1
        if rows and (is_over or now >= next_batch):
            number, next_batch = number + 1, now + BATCH_S
            waiting.append({"batch_id": f"bioreactor-{run}-{number}", "data": rows})
            rows = []
            while len(waiting) > KEPT_BATCHES:
                outcome.dropped += len(waiting.popleft()["data"])
        if waiting and now >= next_try:
            after_s = _send(address, token, waiting[0], outcome)
            if outcome.ended:
                return outcome
            if after_s is None:
                waiting.popleft()
                pause_s = 0.0
                continue
            pause_s = min(LONGEST_PAUSE_S, max(after_s, 2 * pause_s, 0.5))
            next_try = time.monotonic() + pause_s
            if told is not None:
                told(f"{url} did not take a batch; {len(waiting)} wait, next try in {pause_s:.1f} s.")
        if is_over and (not waiting or halt.is_set()):
            outcome.dropped += sum(len(batch["data"]) for batch in waiting)
            return outcome
        due = min(begun + measured / rate_hz, next_batch, next_try if waiting else next_batch)
        halt.wait(min(0.5, max(0.005, due - time.monotonic())))


def _rows(values: dict[str, float]) -> list[dict[str, Any]]:
    at = datetime.now(UTC).isoformat()
    return [{"timestamp": at, "channel": name, "value": value, "unit": UNITS[name]} for name, value in values.items()]


def _send(address: str, token: str, batch: dict[str, Any], outcome: Outcome) -> float | None:
    """Send a batch; return None where it was taken, else how many seconds the server asks to wait.

    Raises:
        RefusedError: it will never be taken.
    """
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(address, json.dumps(batch).encode(), headers)  # noqa: S310  the caller's server
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            answer.read()
    except urllib.error.HTTPError as error:
        problem = _problem(error.read())
        if error.code in RETRIED:
            outcome.retries += 1
            asked = error.headers.get("Retry-After", "")
            return float(asked) if asked.isdecimal() else 0.0
        if problem.get("code") == "session_ended":
            outcome.ended = True
            return None
        raise RefusedError(error.code, problem) from None
    except (OSError, urllib.error.URLError):
        outcome.retries += 1
        return 0.0
    outcome.batches += 1
    outcome.readings += len(batch["data"])
    return None


def _problem(body: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(body)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
