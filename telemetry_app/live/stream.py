"""The socket that shows readings as they come, and the streams behind it: one per process for all who want the same."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog

from biolab.kernel.api import dump
from biolab.kernel.errors import Forbidden, Missing, Refusal, Unauthenticated
from biolab.kernel.hub import Hub, hub
from sessions_app.live.admission import Guest, guest_of
from sessions_app.live.socket import Socket
from sessions_app.live.threads import in_thread
from telemetry_app.live.controller import POLICY_VIOLATION
from telemetry_app.live.wishes import Asked, Wish, granted
from telemetry_app.points import live_points, shown_point
from telemetry_app.services.ingest import readings_topic
from telemetry_app.stores.base import Reading, SessionKey

log = structlog.get_logger(__name__)

EVERY_S: Final = 0.2
TRUST_S: Final = 1.0
MEMBERS: Final = ("value", "event_public_id", "timestamp", "experiment_public_id")

Place = tuple[UUID, SessionKey]


class News:
    """Readings that have come, the last of each channel and session; written down once for all who get them."""

    def __init__(self, readings: Mapping[Place, Reading]) -> None:
        self.readings = readings

    def followed_by(self, later: News) -> News:
        """Return both in one, as a client gets them that was too slow for the first."""
        return News({**self.readings, **later.readings})

    @cached_property
    def text(self) -> str:
        shown = (shown_point(reading) for reading in self.readings.values())
        datapoints = [{name: point[name] for name in MEMBERS} for point in shown]
        return dump({"type": "datapoints_batch", "datapoints": datapoints}).decode()


class StreamSocket(Socket):
    """``/ws/datapoints/stream?events=&experiment=``: each channel's newest reading, at most five times a second.

    Lossy in between: a client that is slow gets the last reading of every channel once it reads again.
    """

    codes: ClassVar = {**Socket.codes, Unauthenticated.kind: POLICY_VIOLATION}

    guest: Guest
    asked: Asked
    wish: Wish

    _stream: Stream | None = None
    _waiting: News | None = None

    async def open(self) -> None:
        """Take a seat at the stream before the client is told that it is connected."""
        self.guest = guest_of(self.identity, socket_key=secrets.token_hex(8))
        self.asked = Asked.of(self.scope.get("query_string", b""))
        self.wish = await in_thread(granted)(self.identity, self.asked)
        self._stream = await _join(self.wish, self)
        hello = {"type": "connected", "message": "Readings come as they are stored."}
        await self.send_text(dump(hello).decode())

    async def deliver(self) -> None:
        """Send replies first, then what has come."""
        while True:
            await self.send_replies()
            news, self._waiting = self._waiting, None
            if news is None:
                await self.mailbox.wait()
            else:
                await self.send_text(news.text)

    def offer(self, news: News) -> None:
        """Take news to be sent; what still waits is joined with it."""
        if news.readings:
            self._waiting = news if self._waiting is None else self._waiting.followed_by(news)
            self.mailbox.wake()

    def reconsider(self) -> None:
        """Ask again, soon, what this client may be shown."""
        self._doubt.set()

    async def ask_again(self) -> None:
        """Move to the stream of what the person may see now."""
        try:
            wish = await in_thread(granted)(self.identity, self.asked)
        except Missing:
            raise Forbidden("You may no longer see this.") from None
        if wish != self.wish:
            await self.closed()
            self._waiting, self.wish = None, wish
            self._stream = await _join(wish, self)
            self.offer(self._stream.newest)  # what came on the way from one stream to the other, among them

    async def closed(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await _leave(stream, self)


class Stream:
    """What the sockets of this process with one wish are shown; lives as long as there are any."""

    def __init__(self, wish: Wish, hub: Hub) -> None:
        self.wish = wish
        self._hub = hub
        self._seats: set[StreamSocket] = set()
        self._seen: dict[Place, Reading] = {}
        self._live: set[UUID] = set()
        self._given_at = self._asked_at = time.monotonic()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    async def join(self, seat: StreamSocket) -> None:
        """Give ``seat`` what comes from now on."""
        self._seats.add(seat)  # before any waiting, so that a stream that somebody joins does not end
        async with self._opening:
            if self._task is None:
                for topic in self._topics():
                    await self._hub.join(topic, self._heard)
                await self._look()
                self._task = asyncio.create_task(self._run())

    async def leave(self, seat: StreamSocket) -> None:
        """Forget ``seat``; the stream ends with the last."""
        self._seats.discard(seat)
        async with self._opening:
            if self._seats:
                return
            if self._task is not None:
                self._task.cancel()
                self._task = None
            for topic in self._topics():
                await self._hub.leave(topic, self._heard)

    @property
    def newest(self) -> News:
        """The last reading of every channel, as far as the stream has looked."""
        return News(self._seen)

    @property
    def is_over(self) -> bool:
        """Whether nobody sits here any more, nor is about to."""
        return self._task is None and not self._seats

    def _topics(self) -> list[str]:
        return [readings_topic(team_id) for team_id in self.wish.teams]

    def _heard(self, _hint: Mapping[str, Any]) -> None:
        """A bell, or the hub's pulse in case one was lost."""
        self._woken.set()

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            await asyncio.sleep(self._given_at + EVERY_S - time.monotonic())
            self._woken.clear()
            self._given_at = time.monotonic()
            try:
                await self._give()
            except Exception as error:  # the database is away, say: sockets stay, and get the latest when it is back
                log.warning("stream_failed", error=repr(error), exc_info=error)
                await asyncio.sleep(1)
                self._woken.set()

    async def _give(self) -> None:
        news = await self._look()
        if not news.readings:
            return
        seats = set(self._seats)
        if time.monotonic() - self._asked_at > TRUST_S:
            self._asked_at = time.monotonic()
            claims = {(seat.guest, seat.asked) for seat in seats}
            kept = await in_thread(_still_granted)(self.wish, claims)
            for seat in [seat for seat in seats if (seat.guest, seat.asked) not in kept]:
                seats.discard(seat)
                seat.reconsider()
        for seat in seats & self._seats:
            seat.offer(news)

    async def _look(self) -> News:
        """Return what has changed since the last look."""
        readings, self._live = await in_thread(_live_points)(self.wish, self._live)
        before, self._seen = self._seen, {(one.channel_id, one.session_id): one for one in readings}
        return News({place: one for place, one in self._seen.items() if _is_new(one, before.get(place))})


def _is_new(reading: Reading, before: Reading | None) -> bool:
    """Tell whether a reading is news; one that is older came back because a later one was withdrawn."""
    return before is None or reading.us > before.us or (reading.us == before.us and reading.value != before.value)


def _live_points(wish: Wish, also: Collection[UUID]) -> tuple[list[Reading], set[UUID]]:
    return live_points(wish.known_channels(), wish.sessions, also)


def _still_granted(wish: Wish, claims: Iterable[tuple[Guest, Asked]]) -> set[tuple[Guest, Asked]]:
    """Return the claims that are still good for the whole wish."""
    kept = set()
    for guest, asked in claims:
        try:
            if granted(guest.identity, asked) == wish:
                kept.add((guest, asked))
        except Refusal:
            continue  # its socket asks again by itself, and closes with the code of the refusal
    return kept


_streams: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Wish, Stream]] = WeakKeyDictionary()


async def _join(wish: Wish, seat: StreamSocket) -> Stream:
    streams = _streams.setdefault(asyncio.get_running_loop(), {})
    stream = streams.get(wish)
    if stream is None:
        stream = streams[wish] = Stream(wish, hub())
    try:
        await stream.join(seat)
    except BaseException:
        await _leave(stream, seat)
        raise
    return stream


async def _leave(stream: Stream, seat: StreamSocket) -> None:
    streams = _streams.setdefault(asyncio.get_running_loop(), {})
    await stream.leave(seat)
    if stream.is_over and streams.get(stream.wish) is stream:
        del streams[stream.wish]
