"""The socket of a session: its timeline as it grows, who is here, and the latest readings."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final
from urllib.parse import parse_qs
from uuid import UUID

from django.utils import timezone

from biolab.accounts.models import User
from biolab.accounts.policies import require_scope
from biolab.accounts.roles import Scope
from biolab.kernel.errors import Missing, Refusal
from biolab.kernel.ids import find
from sessions_app.live.admission import Guest, fresh_person, guest_of, may_see_readings, refusal_of
from sessions_app.live.feed import Feed, join_feed, leave_feed
from sessions_app.live.frames import PAGE, frame_text, frames_after, head_of
from sessions_app.live.mailbox import Frame
from sessions_app.live.socket import Gone, Socket
from sessions_app.live.threads import in_thread
from sessions_app.models import LabSession

BREATH_S: Final = 0.02


class SessionSocket(Socket):
    """``/ws/sessions/{sid}?after=``: everything behind the cursor, then what comes, each event once and in order.

    Without ``after`` only what comes. The cursor is the sequence of the last event sent; a frame from the feed is sent
    only when it is the next one, and whatever else happens, the table is read from the cursor on.
    """

    guest: Guest
    sees_readings: bool

    session_pk: UUID
    cursor: int

    _feed: Feed | None = None
    _refusal: Refusal | None = None

    async def open(self) -> None:
        """Find the session, take a seat at its feed, and say where the client stands."""
        after = self._after()
        self.guest = guest_of(self.identity, socket_key=secrets.token_hex(8))
        session, person = await in_thread(self._find)()
        self.session_pk = session.pk
        self.sees_readings = may_see_readings(person)
        self._feed = await join_feed(session.pk, self)
        head = await in_thread(head_of)(session.pk)
        self.cursor = head if after is None else min(after, head)
        hello = {"message": f"Connected to {session.name}.", "head": head}
        await self.send_text(frame_text(session.pk, "connected", hello))
        if after is not None and after > head:
            await self._tell_resync()

    async def deliver(self) -> None:
        """Send replies first, events in order, and of the lossy streams the latest."""
        feed = self._seat_of()
        while True:
            if self._refusal is not None:
                raise self._refusal
            await self.send_replies()
            if self.mailbox.take_lost():
                await self._tell_resync()
            if self.cursor < feed.position and self._next_is_far():
                await self._catch_up(feed)
            if await self._send_next():
                continue
            for text in self.mailbox.take_latest():
                await self.send_text(text)
            await self.mailbox.wait()

    async def ask_again(self) -> None:
        refusal = await in_thread(refusal_of)(self.guest, self.session_pk, at=timezone.now())
        if refusal is not None:
            raise refusal

    async def closed(self) -> None:
        feed, self._feed = self._feed, None
        if feed is not None:
            await leave_feed(feed, self)

    def dismiss(self, refusal: Refusal) -> None:
        """Close with the refusal's code, as soon as the client has taken what is on its way."""
        self._refusal = refusal
        self.mailbox.wake()

    def complaint(self, message: str) -> str:
        return frame_text(self.session_pk, "error", {"message": message}, type="error", message=message)

    async def _send_next(self) -> bool:
        """Send the next event, if it is here; tell whether there may be another."""
        self.mailbox.drop_until(self.cursor)
        frame = self.mailbox.first()
        if frame is None or frame.sequence != self.cursor + 1:
            return False
        self.mailbox.drop_until(frame.sequence)
        await self._send_frame(frame)
        return True

    def _next_is_far(self) -> bool:
        """Tell whether the event behind the cursor is not in the mailbox."""
        self.mailbox.drop_until(self.cursor)
        first = self.mailbox.first()
        return first is None or first.sequence > self.cursor + 1

    async def _catch_up(self, feed: Feed) -> None:
        """Read on from the cursor until the mailbox goes on from there."""
        while self.cursor < feed.position and self._next_is_far():
            frames, refusal = await in_thread(self._read_on)()
            if refusal is not None:
                raise refusal
            for frame in frames:
                await self._send_frame(frame)
            if not frames:
                await asyncio.sleep(BREATH_S)

    async def _send_frame(self, frame: Frame) -> None:
        for text in frame.texts:
            await self.send_text(text)
        self.cursor = frame.sequence

    async def _tell_resync(self) -> None:
        await self.send_text(frame_text(self.session_pk, "resync", {"after": self.cursor}))

    def _read_on(self) -> tuple[list[Frame], Refusal | None]:
        """Return the next page; the right to it is asked after reading, so that a right lost before counts."""
        frames = frames_after(self.session_pk, self.cursor, PAGE)
        return frames, refusal_of(self.guest, self.session_pk, at=timezone.now())

    def _find(self) -> tuple[LabSession, User]:
        person = fresh_person(self.identity)
        if person is None:
            raise Missing("There is no session with this id.")
        session = find(LabSession.objects.visible_to(person), self.scope["url_route"]["kwargs"]["sid"])
        require_scope(person, Scope.SESSIONS_READ)
        return session, person

    def _after(self) -> int | None:
        """Return the cursor that the client gave; one that is no number is a refusal."""
        query = parse_qs(self.scope.get("query_string", b"").decode("ascii", "replace"))
        text = query.get("after", [""])[0]
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            raise Refusal("The cursor is not a sequence number.", code="bad_cursor")
        return int(text)

    def _seat_of(self) -> Feed:
        if self._feed is None:
            raise Gone
        return self._feed
