"""The socket of a person's inbox: each new notification as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from biolab.accounts.api.shapes import notification_shape
from biolab.accounts.models import Notification
from biolab.accounts.services.notifications import inbox_topic
from biolab.kernel.api import dump
from biolab.kernel.errors import Forbidden, Unauthenticated
from biolab.kernel.hub import hub
from sessions_app.live.admission import fresh_person
from sessions_app.live.socket import Socket
from sessions_app.live.threads import in_thread

OVERLAP: Final = timedelta(minutes=1)
"""How far back a read looks, for what was written by transactions that took their time; nothing is sent twice."""


class InboxSocket(Socket):
    """``/ws/notifications``: first how many are unread, then every notification that comes, once.

    A token that reaches less than its owner does has no business here.
    """

    _topic = ""
    _since: datetime
    _sent: frozenset[UUID] = frozenset()

    async def open(self) -> None:
        """Listen, note what is there already, and say how much of it is unread."""
        await in_thread(self._admit)()
        self._topic = inbox_topic(self.identity.person.pk)
        await hub().join(self._topic, self._ring)
        self._since = timezone.now() - OVERLAP
        await in_thread(self._fresh)()
        unread = await in_thread(self._unread)()
        await self.send_text(dump({"type": "connected", "unread": unread}).decode())

    async def deliver(self) -> None:
        """Send what is new whenever the inbox is rung, and at every pulse."""
        while True:
            await self.mailbox.wait()
            await self.send_replies()
            fresh = await in_thread(self._fresh)()
            if fresh:
                await self.ask_again()
            for notification in fresh:
                shown = {"type": "notification", "notification": notification_shape(notification)}
                await self.send_text(dump(shown).decode())

    async def ask_again(self) -> None:
        await super().ask_again()
        await in_thread(self._admit)()

    async def closed(self) -> None:
        if self._topic:
            await hub().leave(self._topic, self._ring)

    def _ring(self, _hint: Mapping[str, Any]) -> None:
        self.mailbox.wake()

    def _admit(self) -> None:
        person = fresh_person(self.identity)
        if person is None:
            raise Unauthenticated("This account is closed.", code="token_revoked")
        if person.credential is not None and person.credential.is_confined:
            raise Forbidden("This token reaches less than its owner's inbox.", code="scope_missing")

    def _unread(self) -> int:
        return Notification.objects.inbox_of(self.identity.person).unread().count()

    def _fresh(self) -> list[Notification]:
        """Return what has not been returned before, oldest first."""
        inbox = Notification.objects.inbox_of(self.identity.person).filter(created_at__gte=self._since)
        rows = list(inbox.order_by("created_at", "id"))
        fresh = [row for row in rows if row.pk not in self._sent]
        if rows:
            self._since = max(self._since, rows[-1].created_at - OVERLAP)
        self._sent = frozenset(row.pk for row in rows if row.created_at >= self._since)
        return fresh
