"""`/ws/controller/telemetry`: readings in, an acknowledgement out once they are stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from biolab.accounts.models import ServiceToken, User
from biolab.accounts.roles import PlatformRole, Role, Scope
from biolab.accounts.services.tokens import revoke_token
from sessions_app.live.threads import in_thread
from telemetry_app.models import Channel, Latest, Segment
from telemetry_app.routing import websocket_urlpatterns
from tests.factories.accounts import make_token
from tests.factories.sessions import SessionFactory, make_member
from tests.factories.telemetry import ChannelFactory
from tests.sessions.socket_kit import OpenSocket, socket

pytestmark = pytest.mark.django_db(transaction=True)

CONTROLLER = "/ws/controller/telemetry"


@in_thread
def bench(role: Role = Role.OPERATOR, **narrowed: Any) -> tuple[Channel, User, ServiceToken, str]:
    """Return a channel of a team whose session runs, a member, and a token of theirs."""
    session = SessionFactory()
    platform = narrowed.pop("role_on_platform", PlatformRole.OPERATOR)
    person = make_member(session.team, role, role_on_platform=platform)
    return ChannelFactory(team=session.team), person, *make_token(person, **narrowed)


def opened_with(token: str, path: str = CONTROLLER) -> Any:
    return socket(f"{path}?token={token}", routes=websocket_urlpatterns)


async def send(opened: OpenSocket, body: Any) -> dict[str, Any]:
    await opened.say(body if isinstance(body, str) else json.dumps(body))
    return await opened.frame()


@in_thread
def stored() -> list[tuple[float, str]]:
    return list(Latest.objects.filter(session__isnull=False).values_list("value", flat=True))


def point(channel: Channel, value: Any = 7.0) -> dict[str, Any]:
    return {"event_public_id": channel.public_id, "value": value}


async def test_a_batch_is_acknowledged_once_it_is_stored() -> None:
    channel, _, _, token = await bench()

    async with opened_with(token) as opened:
        first = await send(opened, {"datapoints": [point(channel, "7.5"), point(channel, "warm"), {"value": 1}]})
        there = await stored()
        single = await send(opened, point(channel, True))
        nothing = await send(opened, {"datapoints": []})

    rejected = [{"index": 1, "code": "invalid_value"}, {"index": 2, "code": "unknown_event"}]
    assert first == {"type": "ack", "accepted": 1, "rejected": rejected}
    assert there == [7.5]
    assert single == {"type": "ack", "accepted": 1, "rejected": []}
    assert nothing == {"type": "ack", "accepted": 0, "rejected": []}
    assert await stored() == [1.0]


async def test_what_came_by_a_socket_says_so() -> None:
    channel, person, token, secret = await bench()

    async with opened_with(secret, CONTROLLER + "/") as opened:
        await send(opened, point(channel))

    segment = await in_thread(Segment.objects.get)()
    assert (segment.address_kind, segment.person_id, segment.token_id) == ("socket", person.pk, token.pk)
    assert len(segment.body_sha256) == 64


async def test_pings_are_answered_and_nonsense_gets_an_error() -> None:
    channel, _, _, token = await bench()

    async with opened_with(token) as opened:
        assert await send(opened, {"type": "ping"}) == {"type": "pong"}
        for nonsense in ("{", '{"datapoints": [', '{"datapoints": 7}', '{"type": "greeting"}', "\\ud800"):
            frame = await send(opened, nonsense)
            assert (frame["type"], bool(frame["message"])) == ("error", True)
        not_a_number = json.dumps({"datapoints": [point(channel, float("nan")), point(channel, 2)]})
        assert (await send(opened, not_a_number))["accepted"] == 1


async def test_a_controller_that_sends_many_batches_ahead_gets_every_acknowledgement() -> None:
    channel, _, _, token = await bench()

    async with opened_with(token) as opened:
        for number in range(40):
            await opened.say(json.dumps({"datapoints": [point(channel, number)]}))
        acks = [await opened.frame() for _ in range(40)]

    assert [ack["accepted"] for ack in acks] == [1] * 40
    assert await stored() == [39.0]


async def test_a_batch_may_be_as_large_as_over_http(settings: Any) -> None:
    channel, _, _, token = await bench()
    settings.DATAPOINTS_MAX = 2000

    async with opened_with(token) as opened:
        whole = await send(opened, {"datapoints": [point(channel, i) for i in range(2000)]})
        more = await send(opened, {"datapoints": [point(channel, i) for i in range(2001)]})

    assert whole["accepted"] == 2000
    assert more["type"] == "error"
    assert "2000" in more["message"]


@pytest.mark.parametrize(
    ("narrowed", "code"),
    [
        ({"scopes": [Scope.TELEMETRY_READ]}, 4403),
        ({"role_on_platform": PlatformRole.VIEWER}, 4403),
    ],
)
async def test_who_may_not_write_readings_is_closed_out(narrowed: dict[str, Any], code: int) -> None:
    channel, _, _, token = await bench(**narrowed)

    async with opened_with(token) as opened:
        await opened.say(json.dumps(point(channel)))
        assert await opened.close_code() == code

    assert not await stored()


async def test_without_a_token_that_holds_the_code_is_that_of_a_policy() -> None:
    async with opened_with("bl_unknown") as opened:
        assert await opened.close_code() == 1008
    async with socket(CONTROLLER, routes=websocket_urlpatterns) as opened:
        assert await send_and_close(opened, {"type": "auth", "token": "bl_unknown"}) == 1008


async def send_and_close(opened: OpenSocket, body: Any) -> int:
    await opened.say(json.dumps(body))
    return await opened.close_code()


async def test_a_token_in_the_first_frame_will_do() -> None:
    channel, _, _, token = await bench()

    async with socket(CONTROLLER, routes=websocket_urlpatterns) as opened:
        await opened.say(json.dumps({"type": "auth", "token": token}))
        assert (await send(opened, point(channel)))["accepted"] == 1


async def test_a_revoked_token_stores_nothing_more_and_closes_the_socket() -> None:
    channel, _, token, secret = await bench()

    async with opened_with(secret) as opened:
        await send(opened, point(channel, 1))
        await in_thread(revoke_token)(token=token, by=None, at=timezone.now())
        assert await send_and_close(opened, point(channel, 2)) == 1008

    assert await stored() == [1.0]
