"""One feed per live session and server process: reads what is new once, encodes it once, hands it to every socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.utils import timezone

from biolab.kernel.errors import Refusal
from biolab.kernel.hub import Hub, hub
from biolab.kernel.realtime import ring
from sessions_app.live.admission import Guest, refusal_of
from sessions_app.live.frames import PAGE, frame_text, frames_after, head_of, readings_text
from sessions_app.live.mailbox import Frame, Mailbox
from sessions_app.live.presence import Presence
from sessions_app.live.threads import in_thread
from sessions_app.models.session import session_topic

log = structlog.get_logger(__name__)

READINGS_EVERY_S: Final = 0.1
READINGS_TRUST_S: Final = 1.0


class Seat(Protocol):
    """What a feed knows of a socket."""

    guest: Guest
    mailbox: Mailbox
    sees_readings: bool

    def dismiss(self, refusal: Refusal) -> None:
        """Close the socket with the refusal's code."""


class Feed:
    """What one session's sockets in this process are given; lives as long as there are any."""

    def __init__(self, session_pk: UUID, hub: Hub) -> None:
        self.session_pk = session_pk
        self.position = 0
        self._hub = hub
        self._seats: set[Seat] = set()
        self._presence = Presence(hub.id, clock=time.monotonic)
        self._people_shown = ""
        self._readings_shown = ""
        self._readings_at = 0.0
        self._asked_at = 0.0
        self._due: set[str] = set()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    async def join(self, seat: Seat) -> None:
        """Give ``seat`` what comes from now on; what came before it reads by its cursor."""
        self._seats.add(seat)  # before any waiting, so that a feed that somebody joins does not end
        async with self._opening:
            if self._task is None:
                await self._hub.join(session_topic(self.session_pk), self._heard)
                self.position = await in_thread(head_of)(self.session_pk)
                self._task = asyncio.create_task(self._run())
                ring(session_topic(self.session_pk), presence_asked=True)
        if seat.sees_readings and self._readings_shown:
            seat.mailbox.show("telemetry", self._readings_shown)
        self._want("readings")
        if not self._announce():
            seat.mailbox.show("presence", self._people_text())

    async def leave(self, seat: Seat) -> None:
        """Forget ``seat``; the feed ends with the last."""
        self._seats.discard(seat)
        self._announce()
        async with self._opening:
            if self._seats:
                return
            if self._task is not None:
                self._task.cancel()
                self._task = None
            await self._hub.leave(session_topic(self.session_pk), self._heard)

    @property
    def is_over(self) -> bool:
        """Whether nobody sits here any more, nor is about to."""
        return self._task is None and not self._seats

    def _heard(self, hint: Mapping[str, Any]) -> None:
        if hint.get("pulse"):
            self._want("events", "readings", "people")
            if self._presence.is_due():
                self._announce(again=True)
        if hint.get("sequence", 0) > self.position:
            self._want("events")
        if hint.get("telemetry"):
            self._want("readings")
        if "presence" in hint:
            self._presence.heard(hint["presence"])
            self._want("people")
        if "share" in hint:
            self._give_share(hint["share"])
        if hint.get("presence_asked"):
            self._announce(again=True)

    def _want(self, *names: str) -> None:
        self._due.update(names)
        self._woken.set()

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                if "events" in self._due:
                    self._due.discard("events")
                    await self._give_events()
                if "people" in self._due:
                    self._due.discard("people")
                    self._give_people()
                if "readings" in self._due:
                    await self._give_readings()
            except Exception as error:  # the database is away, say: sockets stay, and what was missed is read later
                log.warning("feed_failed", session=str(self.session_pk), error=repr(error), exc_info=error)
                await asyncio.sleep(1)
                self._want("events", "readings")

    async def _give_events(self) -> None:
        while True:
            guests = {seat.guest for seat in self._seats}
            frames, refusals = await in_thread(_read)(self.session_pk, self.position, guests)
            if not frames:
                return
            self._asked_at = time.monotonic()
            self._dismiss(refusals)
            self.position = frames[-1].sequence
            for seat in self._seats:
                if seat.guest in guests and seat.guest not in refusals:
                    for frame in frames:
                        seat.mailbox.post(frame)
                else:
                    seat.mailbox.wake()
            if len(frames) < PAGE:
                return

    async def _give_readings(self) -> None:
        early_s = self._readings_at + READINGS_EVERY_S - time.monotonic()
        if early_s > 0:
            asyncio.get_running_loop().call_later(early_s, self._woken.set)
            return
        self._due.discard("readings")
        seats = [seat for seat in self._seats if seat.sees_readings]
        if not seats:
            return
        self._readings_at = time.monotonic()
        text = await in_thread(readings_text)(self.session_pk)
        if text is None or text == self._readings_shown:
            return
        if self._readings_at - self._asked_at > READINGS_TRUST_S:
            self._asked_at = self._readings_at
            self._dismiss(await in_thread(_refusals)(self.session_pk, {seat.guest for seat in seats}))
        self._readings_shown = text
        for seat in seats:
            if seat in self._seats:
                seat.mailbox.show("telemetry", text)

    def _people_text(self) -> str:
        return frame_text(self.session_pk, "presence", {"people": self._presence.people()})

    def _give_people(self) -> None:
        text = self._people_text()
        if text != self._people_shown:
            self._people_shown = text
            for seat in self._seats:
                seat.mailbox.show("presence", text)

    def _give_share(self, share: Mapping[str, Any]) -> None:
        """Show how far a long job of the session is; what an upper floor rings with goes out as it is."""
        text = frame_text(self.session_pk, share["event"], share["data"], **share.get("beside", {}))
        for seat in self._seats:
            seat.mailbox.show(share["event"], text)

    def _announce(self, *, again: bool = False) -> bool:
        """Note who is here and tell the other processes, where there are any; tell whether it changed."""
        persons = [seat.guest.identity.person for seat in self._seats]
        changed = self._presence.set_here((person.public_id, person.printed_name) for person in persons)
        if changed:
            self._want("people")
        elif not again:
            return False
        if not isinstance(get_channel_layer(), InMemoryChannelLayer):
            ring(session_topic(self.session_pk), presence=self._presence.announcement())
        return changed

    def _dismiss(self, refusals: Mapping[Guest, Refusal]) -> None:
        for seat in [seat for seat in self._seats if seat.guest in refusals]:
            self._seats.discard(seat)
            seat.dismiss(refusals[seat.guest])


def _read(session_pk: UUID, position: int, guests: set[Guest]) -> tuple[list[Frame], dict[Guest, Refusal]]:
    """Return the next frames and who may not have them; asked in this order, so that a right lost before counts."""
    frames = frames_after(session_pk, position)
    return frames, _refusals(session_pk, guests) if frames else {}


def _refusals(session_pk: UUID, guests: set[Guest]) -> dict[Guest, Refusal]:
    at = timezone.now()
    asked = ((guest, refusal_of(guest, session_pk, at=at)) for guest in guests)
    return {guest: refusal for guest, refusal in asked if refusal is not None}


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, Feed]] = WeakKeyDictionary()


async def join_feed(session_pk: UUID, seat: Seat) -> Feed:
    """Seat a socket at its session's feed, which begins with the first."""
    feeds = _feeds.setdefault(asyncio.get_running_loop(), {})
    feed = feeds.get(session_pk)
    if feed is None:
        feed = feeds[session_pk] = Feed(session_pk, hub())
    try:
        await feed.join(seat)
    except BaseException:
        await leave_feed(feed, seat)
        raise
    return feed


async def leave_feed(feed: Feed, seat: Seat) -> None:
    """Let a socket go; its session's feed ends with the last."""
    feeds = _feeds.setdefault(asyncio.get_running_loop(), {})
    await feed.leave(seat)
    if feed.is_over and feeds.get(feed.session_pk) is feed:
        del feeds[feed.session_pk]
