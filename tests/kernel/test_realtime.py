"""The bell and the hub: from any thread, at once, and never in the way of whoever rings."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from channels.layers import channel_layers
from django.conf import settings

from biolab.kernel import realtime
from biolab.kernel.hub import Hub
from biolab.kernel.realtime import Bell


class Ear:
    """Collects what it hears, with the time of hearing."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, Mapping[str, Any]]] = []
        self._something = asyncio.Event()

    def __call__(self, hint: Mapping[str, Any]) -> None:
        if not hint.get("pulse"):
            self.heard.append((time.monotonic(), hint))
            self._something.set()

    async def next(self, timeout_s: float = 2) -> None:
        await asyncio.wait_for(self._something.wait(), timeout_s)
        self._something.clear()


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    yield hub
    await hub.stop()


async def test_a_bell_from_another_thread_is_heard_at_once(hub: Hub) -> None:
    ear = Ear()
    await hub.join("session.abc", ear)

    delays = []
    for number in range(20):
        rung_at: list[float] = []

        def ring(number: int = number, rung_at: list[float] = rung_at) -> None:
            rung_at.append(time.monotonic())
            realtime.ring("session.abc", sequence=number)

        threading.Thread(target=ring).start()
        await ear.next()
        delays.append(ear.heard[-1][0] - rung_at[0])

    assert [hint["sequence"] for _, hint in ear.heard] == list(range(20))
    assert max(delays) < 0.5


async def test_bells_that_wait_together_become_one_and_keep_the_last_hint(hub: Hub) -> None:
    ear = Ear()
    await hub.join("session.abc", ear)

    for number in range(1, 1001):
        realtime.ring("session.abc", sequence=number)
    realtime.ring("session.abc", telemetry=True)
    await ear.next()

    assert len(ear.heard) < 10
    told: dict[str, Any] = {}
    for _, hint in ear.heard:
        told |= hint
    assert told == {"sequence": 1000, "telemetry": True}


async def test_only_those_hear_a_topic_who_joined_it(hub: Hub) -> None:
    ear, other, former = Ear(), Ear(), Ear()
    await hub.join("session.abc", ear)
    await hub.join("session.def", other)
    await hub.join("session.abc", former)
    await hub.leave("session.abc", former)

    realtime.ring("session.abc", sequence=1)
    await ear.next()

    assert len(ear.heard) == 1
    assert other.heard == former.heard == []


async def test_the_pulse_reaches_every_listener(hub: Hub, settings: Any) -> None:
    settings.LIVE_PULSE_S = 0.05
    felt = asyncio.Event()

    def feel(hint: Mapping[str, Any]) -> None:
        assert hint == {"pulse": True}
        felt.set()

    await hub.join("session.abc", feel)

    await asyncio.wait_for(felt.wait(), 2)


async def test_one_subscription_serves_many_listeners(hub: Hub) -> None:
    ears = [Ear() for _ in range(50)]
    for ear in ears:
        await hub.join("session.abc", ear)

    realtime.ring("session.abc", sequence=7)
    await asyncio.gather(*(ear.next() for ear in ears))

    assert len(hub._listeners) == 1
    assert all(ear.heard[0][1] == {"sequence": 7} for ear in ears)


class BrokenLayer:
    """A channel layer whose server is away."""

    def __init__(self, delay_s: float = 0) -> None:
        self.delay_s = delay_s
        self.tries = 0

    async def group_send(self, group: str, message: Mapping[str, Any]) -> None:
        self.tries += 1
        await asyncio.sleep(self.delay_s)
        raise ConnectionError("nobody there")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> BrokenLayer:
    layer = BrokenLayer(delay_s=0.2)
    monkeypatch.setattr(realtime, "get_channel_layer", lambda: layer)
    return layer


def test_a_layer_that_is_away_neither_raises_nor_delays_and_is_counted(broken: BrokenLayer) -> None:
    bell = Bell()

    began = time.monotonic()
    for number in range(100):
        bell.ring(f"session.{number}", {"sequence": number})
    took_s = time.monotonic() - began

    assert took_s < 0.5
    deadline = time.monotonic() + 5
    while bell.failures == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert bell.failures >= 1
    assert broken.tries >= 1


def test_one_daemon_thread_carries_the_bells_of_a_process_without_a_server(broken: BrokenLayer) -> None:
    before = {thread.ident for thread in threading.enumerate()}
    bell = Bell()

    for number in range(20):
        bell.ring(f"session.{number}", {})

    started = [thread for thread in threading.enumerate() if thread.ident not in before]
    assert [(thread.name, thread.daemon) for thread in started] == [("bell", True)]


def test_a_bell_inside_a_process_where_nobody_listens_starts_nothing() -> None:
    if not settings.EMBEDDED:
        pytest.skip("the channel layer reaches other processes here")
    bell = Bell()

    bell.ring("session.abc", {"sequence": 1})

    assert bell._own is None
    assert not any(bell._waiting.values())


@pytest.mark.services
async def test_redis_carries_bells_between_processes(hub: Hub) -> None:
    ear = Ear()
    await hub.join("session.abc", ear)
    elsewhere = Bell()  # what another process would have: its own loop and connection
    began = time.monotonic()
    elsewhere.ring("session.abc", {"sequence": 3})
    await ear.next(5)

    assert ear.heard[0][1] == {"sequence": 3}
    assert ear.heard[0][0] - began < 2
    await channel_layers["default"].flush()
