"""The hub: one per server process. One subscription per topic, whatever the number of sockets that listen to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from django.conf import settings

from biolab.kernel.ids import new_uuid
from biolab.kernel.realtime import bell

log = structlog.get_logger(__name__)

Listener = Callable[[Mapping[str, Any]], None]
PROBES: Final = 10
PROBE_TIMEOUT_S: Final = 0.2
PULSE: Final[Mapping[str, Any]] = {"pulse": True}


class Hub:
    """Hears the bells of the channel layer on one event loop and passes them to the listeners of their topics.

    Every ``settings.LIVE_PULSE_S`` seconds it renews its subscriptions and tells all listeners ``{"pulse": True}``:
    time to look whether a bell was lost, as they are when the channel layer is away.
    """

    def __init__(self) -> None:
        self.id = new_uuid().hex
        self._layer = get_channel_layer()
        self._channel = ""
        self._listeners: dict[str, set[Listener]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._probes: dict[str, asyncio.Event] = {}
        self._starting = asyncio.Lock()
        self._naming = asyncio.Lock()

    async def join(self, topic: str, listener: Listener) -> None:
        """Pass the bells of ``topic`` to ``listener`` from now on; it must neither wait nor raise."""
        await self._start()
        first = topic not in self._listeners
        self._listeners.setdefault(topic, set()).add(listener)
        if first:
            await self._subscribe(topic)
            await self._confirm(topic)

    async def leave(self, topic: str, listener: Listener) -> None:
        """Stop passing the bells of ``topic`` to ``listener``."""
        listeners = self._listeners.get(topic, set())
        listeners.discard(listener)
        if not listeners and self._listeners.pop(topic, None) is not None:
            try:
                await self._layer.group_discard(topic, self._channel)
            except Exception as error:  # the subscription dies with the connection that is already lost
                log.warning("unsubscribe_failed", topic=topic, error=repr(error))

    async def stop(self) -> None:
        """End the tasks of the hub."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _start(self) -> None:
        async with self._starting:
            if self._tasks:
                return
            bell().serve_from(asyncio.get_running_loop())
            self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._pulse())]

    async def _subscribe(self, topic: str) -> None:
        try:
            await self._layer.group_add(topic, await self._own_channel())
        except Exception as error:  # the pulse subscribes again, and finds by the cursor what was missed meanwhile
            log.warning("subscribe_failed", topic=topic, error=repr(error))

    async def _confirm(self, topic: str) -> None:
        """Return when a bell of ours came back: a subscription holds some time after it was asked for."""
        came_back = self._probes[topic] = asyncio.Event()
        try:
            for _ in range(PROBES):
                await self._layer.group_send(topic, {"type": "bell", "topic": topic, "hint": {"probe": self.id}})
                with suppress(TimeoutError):
                    await asyncio.wait_for(came_back.wait(), PROBE_TIMEOUT_S)
                    return
        except Exception as error:  # the layer is away: the pulse goes on trying
            log.warning("subscribe_failed", topic=topic, error=repr(error))
        finally:
            self._probes.pop(topic, None)

    async def _own_channel(self) -> str:
        async with self._naming:
            if not self._channel:
                self._channel = await self._layer.new_channel("hub.")
            return self._channel

    async def _receive(self) -> None:
        while True:
            try:
                message = await self._layer.receive(await self._own_channel())
                self._hear(message["topic"], message["hint"])
            except Exception as error:
                log.warning("channel_layer_failed", error=repr(error))
                await asyncio.sleep(1)

    def _hear(self, topic: str, hint: Mapping[str, Any]) -> None:
        if "probe" not in hint:
            self._tell(topic, hint)
        elif hint["probe"] == self.id and topic in self._probes:
            self._probes[topic].set()

    async def _pulse(self) -> None:
        while True:
            await asyncio.sleep(settings.LIVE_PULSE_S)
            for topic in list(self._listeners):
                await self._subscribe(topic)
                self._tell(topic, PULSE)

    def _tell(self, topic: str, hint: Mapping[str, Any]) -> None:
        for listener in list(self._listeners.get(topic, ())):
            listener(hint)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
