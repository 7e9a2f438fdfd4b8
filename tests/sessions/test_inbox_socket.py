"""`/ws/notifications`: a person's own inbox, each notification once, as it comes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from biolab.accounts.models import ServiceToken, User
from biolab.accounts.services.notifications import notify
from biolab.accounts.services.tokens import issue_token, revoke_token
from biolab.accounts.states import Category
from sessions_app.live.threads import in_thread
from tests.factories.sessions import make_member
from tests.sessions.socket_kit import socket

pytestmark = pytest.mark.django_db(transaction=True)


@in_thread
def reader(**narrowed: Any) -> tuple[User, Any, str]:
    """Return a person, a token of theirs and its secret."""
    person = make_member(None)
    token, secret = issue_token(owner=person, name="probe", by=None, at=timezone.now(), **narrowed)
    return person, token, secret


@in_thread
def tell(person: User, title: str, *, late_s: float = 0) -> None:
    at = timezone.now() - timedelta(seconds=late_s)
    notify([person], title=title, category=Category.SYSTEM, at=at)


async def test_what_comes_is_told_once_and_what_was_there_is_only_counted() -> None:
    person, _, secret = await reader()
    stranger, _, _ = await reader()
    await tell(person, "Before")

    async with socket(f"/ws/notifications?token={secret}") as opened:
        hello = await opened.frame()
        await tell(stranger, "Not yours")
        await tell(person, "First")
        first = await opened.frame()
        await tell(person, "Second, from a transaction that took its time", late_s=30)
        second = await opened.frame()

    assert hello == {"type": "connected", "unread": 1}
    assert first["type"] == "notification"
    assert [frame["notification"]["title"] for frame in (first, second)] == [
        "First",
        "Second, from a transaction that took its time",
    ]


async def test_many_at_once_all_arrive_in_order() -> None:
    person, _, secret = await reader()

    async with socket(f"/ws/notifications?token={secret}") as opened:
        await opened.frame()
        await asyncio.gather(*(tell(person, str(number)) for number in range(12)))
        titles = [(await opened.frame())["notification"]["title"] for _ in range(12)]

    assert sorted(titles, key=int) == [str(number) for number in range(12)]


async def test_a_revoked_token_closes_the_inbox_and_a_narrowed_one_never_opens_it() -> None:
    person, token, secret = await reader()
    _, _, narrowed = await reader(scopes=["telemetry:read"])

    async with socket(f"/ws/notifications?token={secret}") as opened:
        await opened.frame()
        await in_thread(revoke_token)(token=token, by=person, at=timezone.now())
        revoked = await opened.close_code()
    async with socket(f"/ws/notifications?token={narrowed}") as opened:
        refused = await opened.close_code()

    assert (revoked, refused) == (4401, 4403)


async def test_a_right_that_is_lost_without_a_bell_is_missed_at_the_next_read() -> None:
    person, token, secret = await reader()

    async with socket(f"/ws/notifications?token={secret}") as opened:
        await opened.frame()
        await in_thread(lambda: ServiceToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now()))()
        await tell(person, "Not for them")
        output = await opened.wire.receive_output(timeout=5)

    assert (output["type"], output.get("code")) == ("websocket.close", 4401)
