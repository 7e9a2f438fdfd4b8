"""The bell: tells whoever listens to a topic that there is more to read. It carries nothing that must not be lost.

``ring`` may be called from any thread of any process, before or after a server runs. Bells are carried by one event
loop: the server's, once a hub lives on it, else that of one daemon thread per process, so that the connection to the
channel layer lasts. Bells of one topic that wait together become one.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from channels.layers import InMemoryChannelLayer, get_channel_layer
from prometheus_client import Counter

log = structlog.get_logger(__name__)

SEND_TIMEOUT_S: Final = 5.0
PAUSE_S: Final = 0.02  # after each round, so that a flood of bells becomes some fifty rounds a second
READINGS_PAUSE_S: Final = 0.1  # no screen shows readings oftener, and they come in all the time
COMPLAIN_EVERY_S: Final = 10.0
FAILED = Counter("biolab_bells_failed", "Bells the channel layer did not take; readers catch up by their cursor.")


def ring(topic: str, **hint: Any) -> None:
    """Tell whoever listens to ``topic`` that there is more to read.

    Never waits and never fails: a bell that nobody hears costs nothing, since readers go by their cursor.

    Args:
        topic: letters, digits, ``.``, ``-`` and ``_``; such as ``session.<hex of its key>`` or ``person.<hex>``.
        hint: plain JSON values; of bells that were carried together the last value of each name arrives.
    """
    _bell.ring(topic, hint)


def ring_for_readings(topic: str) -> None:
    """As :func:`ring`, for new readings: at most ten rounds a second, since each costs the process that stores them."""
    _bell.ring(topic, {"telemetry": True}, pause_s=READINGS_PAUSE_S)


def person_topic(pk: Any) -> str:
    """Return the topic that is rung when a person's sign-ins, tokens or memberships change."""
    return f"person.{pk.hex}"


class Bell:
    """Takes bells from every thread and carries them on one loop."""

    def __init__(self) -> None:
        self.failures = 0
        self._complained_at = 0.0
        self._lock = threading.Lock()
        self._waiting: dict[float, dict[str, dict[str, Any]]] = {PAUSE_S: {}, READINGS_PAUSE_S: {}}
        self._carriers: dict[float, asyncio.AbstractEventLoop] = {}
        self._server: asyncio.AbstractEventLoop | None = None
        self._own: asyncio.AbstractEventLoop | None = None

    def serve_from(self, loop: asyncio.AbstractEventLoop) -> None:
        """Carry on ``loop`` from now on, as long as it runs."""
        with self._lock:
            self._server = loop

    def ring(self, topic: str, hint: Mapping[str, Any], *, pause_s: float = PAUSE_S) -> None:
        """Note the bell and see that somebody carries it.

        Args:
            pause_s: ``PAUSE_S`` or ``READINGS_PAUSE_S``; bells of one pace go in the same rounds.
        """
        try:
            with self._lock:
                loop = self._loop()
                if loop is None:
                    return
                waiting, carrier = self._waiting[pause_s], self._carriers.get(pause_s)
                waiting[topic] = {**waiting.get(topic, {}), **hint}
                if carrier is not None and carrier.is_running():
                    return
                self._carriers[pause_s] = loop
            asyncio.run_coroutine_threadsafe(self._carry(pause_s), loop)
        except Exception as error:  # a caller that has committed its work must not hear of a broken bell
            self._failed(topic, error)

    def _loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the loop that carries; None where nobody can listen: a layer inside this process, and no hub."""
        if self._server is not None and self._server.is_running():
            return self._server
        if isinstance(get_channel_layer(), InMemoryChannelLayer):
            return None
        if self._own is None or self._own.is_closed():
            self._own = asyncio.new_event_loop()
            started = threading.Event()
            self._own.call_soon(started.set)
            threading.Thread(target=self._own.run_forever, name="bell", daemon=True).start()
            started.wait(1)
        return self._own

    async def _carry(self, pause_s: float) -> None:
        layer = get_channel_layer()
        while True:
            with self._lock:
                waiting, self._waiting[pause_s] = self._waiting[pause_s], {}
                if not waiting:
                    self._carriers.pop(pause_s, None)
                    return
            for topic, hint in waiting.items():
                try:
                    message = {"type": "bell", "topic": topic, "hint": hint}
                    await asyncio.wait_for(layer.group_send(topic, message), SEND_TIMEOUT_S)
                except Exception as error:
                    self._failed(topic, error)
                    if isinstance(error, TimeoutError):
                        break  # the layer hangs: what else waits heals by its cursor, and must not wait as long
            await asyncio.sleep(pause_s)

    def _failed(self, topic: str, error: Exception) -> None:
        self.failures += 1
        FAILED.inc()
        now = time.monotonic()
        if now - self._complained_at >= COMPLAIN_EVERY_S:
            self._complained_at = now
            log.warning("bell_failed", topic=topic, error=repr(error), failures=self.failures)


_bell = Bell()


def bell() -> Bell:
    """Return this process's bell."""
    return _bell


def _start_anew() -> None:
    """Forget the parent's loops and threads, which a forked child does not have."""
    global _bell
    _bell = Bell()


os.register_at_fork(after_in_child=_start_anew)
