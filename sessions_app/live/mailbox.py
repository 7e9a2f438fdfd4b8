"""What waits to be sent to one socket: bounded, whatever the client does."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

EVENTS: Final = 256
REPLIES: Final = 16


@dataclass(frozen=True)
class Frame:
    """One event as it is sent: its sequence and the texts that tell it, in order."""

    sequence: int
    texts: tuple[str, ...]


class Mailbox:
    """Three kinds of mail: replies, events in order, and the latest text of each lossy stream.

    When too many events wait they are all dropped and ``lost`` is set: the reader goes on from the table by its cursor.
    """

    def __init__(self, capacity: int = EVENTS, replies: int = REPLIES) -> None:
        self.capacity = capacity
        self.lost = False
        self._events: deque[Frame] = deque()
        self._replies: deque[str] = deque(maxlen=replies)
        self._latest: dict[str, str] = {}
        self._something = asyncio.Event()

    def post(self, frame: Frame) -> None:
        """Add an event."""
        if len(self._events) >= self.capacity:
            self._events.clear()
            self.lost = True
        self._events.append(frame)
        self._something.set()

    def reply(self, text: str) -> None:
        """Add an answer to something the client said; of too many the oldest go."""
        self._replies.append(text)
        self._something.set()

    def show(self, stream: str, text: str) -> None:
        """Replace what waits of a lossy stream."""
        self._latest[stream] = text
        self._something.set()

    def wake(self) -> None:
        """Let the reader look, whether there is mail or not."""
        self._something.set()

    async def wait(self) -> None:
        """Return when there may be mail."""
        await self._something.wait()
        self._something.clear()

    def take_replies(self) -> list[str]:
        replies = list(self._replies)
        self._replies.clear()
        return replies

    def take_latest(self) -> list[str]:
        latest = list(self._latest.values())
        self._latest.clear()
        return latest

    def take_lost(self) -> bool:
        lost, self.lost = self.lost, False
        return lost

    def first(self) -> Frame | None:
        """Return the oldest event without taking it."""
        return self._events[0] if self._events else None

    def drop_until(self, sequence: int) -> None:
        """Forget events that have been sent already."""
        while self._events and self._events[0].sequence <= sequence:
            self._events.popleft()
