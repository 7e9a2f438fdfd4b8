"""`/ws/datapoints/stream`: the newest reading of every channel as it comes, and nothing that is not for its reader."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

import pytest
from django.utils import timezone

from biolab.accounts.models import Membership, User
from biolab.accounts.roles import Role, Scope
from biolab.accounts.services.teams import add_member, remove_member
from biolab.accounts.services.tokens import revoke_token
from sessions_app.live.threads import in_thread
from sessions_app.models import LabSession
from telemetry_app.ingest.points import decode_points
from telemetry_app.instants import to_us
from telemetry_app.live import stream
from telemetry_app.live.stream import News, StreamSocket
from telemetry_app.live.wishes import Wish
from telemetry_app.models import Channel
from telemetry_app.routing import websocket_urlpatterns
from telemetry_app.services.points import take_points
from telemetry_app.stores.base import Reading
from tests.factories.accounts import make_admin, make_token
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.factories.telemetry import ChannelFactory
from tests.sessions.socket_kit import OpenSocket, socket

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = "/ws/datapoints/stream"


@in_thread
def bench() -> tuple[LabSession, User]:
    """Return a running session and an operator of its team."""
    session = SessionFactory()
    return session, make_member(session.team, Role.OPERATOR)


@in_thread
def channels(session: LabSession, count: int) -> list[Channel]:
    return [ChannelFactory(team=session.team) for _ in range(count)]


@in_thread
def token_of(person: User, **narrowed: Any) -> str:
    return make_token(person, **narrowed)[1]


@in_thread
def send(by: User, *rows: tuple[Channel, float]) -> None:
    """Store readings as a controller's batch is."""
    now = timezone.now()
    body = json.dumps({"datapoints": [{"event_public_id": one.public_id, "value": value} for one, value in rows]})
    points = decode_points(body.encode(), received_us=to_us(now), most=1000)
    assert take_points(points=points, by=by, at=now, body_sha256="").accepted == len(rows)


def watching(token: str, **query: str) -> Any:
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    return socket(f"{STREAM}?token={token}{asked}", routes=websocket_urlpatterns)


async def hello(opened: OpenSocket) -> None:
    assert (await opened.frame())["type"] == "connected"


async def batch(opened: OpenSocket) -> dict[str, tuple[float, str | None]]:
    """Return the next batch of readings, by channel."""
    frame = await opened.frame()
    assert frame["type"] == "datapoints_batch", frame
    assert all(
        set(point) == {"value", "event_public_id", "timestamp", "experiment_public_id"} for point in frame["datapoints"]
    )
    return {point["event_public_id"]: (point["value"], point["experiment_public_id"]) for point in frame["datapoints"]}


async def until(opened: OpenSocket, channel: Channel, value: float) -> int:
    """Return how many batches came up to the one with this value."""
    count = 1
    while (await batch(opened)).get(channel.public_id, (None, None))[0] != value:
        count += 1
    return count


async def test_readings_come_as_they_are_stored_in_a_session_and_outside() -> None:
    session, person = await bench()
    first, second = await channels(session, 2)
    other_team, other = await bench()
    (alone,) = await in_thread(lambda: [ChannelFactory(team=make_team("Alone"))])()
    await in_thread(lambda: alone.team.memberships.create(user=person, role=Role.OPERATOR))()
    (foreign,) = await channels(other_team, 1)
    await send(person, (first, 0.5))

    async with watching(await token_of(person)) as opened:
        await hello(opened)
        await send(other, (foreign, 9))
        await send(person, (first, 1), (second, 2))
        here = await batch(opened)
        await send(person, (alone, 3))
        outside = await batch(opened)

    assert here == {first.public_id: (1.0, session.public_id), second.public_id: (2.0, session.public_id)}
    assert outside == {alone.public_id: (3.0, None)}


async def test_a_flood_is_thinned_and_the_last_value_always_comes() -> None:
    session, person = await bench()
    (channel,) = await channels(session, 1)

    async with watching(await token_of(person)) as opened:
        await hello(opened)
        began = asyncio.get_running_loop().time()
        for value in range(60):
            await send(person, (channel, value))
        batches = await until(opened, channel, 59.0)
        took_s = asyncio.get_running_loop().time() - began

    assert batches <= took_s / 0.2 + 2


async def test_only_the_channels_and_the_session_that_were_asked_for_come() -> None:
    session, person = await bench()
    first, second = await channels(session, 2)
    token = await token_of(person)

    async with (
        watching(token, events=f"{first.public_id},{first.pk}") as narrow,
        watching(token, experiment=session.public_id) as one_session,
    ):
        await hello(narrow)
        await hello(one_session)
        await send(person, (first, 1), (second, 2))
        assert set(await batch(narrow)) == {first.public_id}
        assert set(await batch(one_session)) == {first.public_id, second.public_id}


@pytest.mark.parametrize(
    ("narrowed", "query", "code"),
    [
        ({}, {"events": "chan_nothing"}, 4404),
        ({}, {"experiment": "0198c0de-0000-7000-8000-000000000000"}, 4404),
        ({"scopes": [Scope.TELEMETRY_WRITE]}, {}, 4403),
    ],
)
async def test_what_is_not_for_the_reader_closes_with_a_code(
    narrowed: dict[str, Any], query: dict[str, str], code: int
) -> None:
    _, person = await bench()

    async with watching(await token_of(person, **narrowed), **query) as opened:
        assert await opened.close_code() == code


async def test_without_a_token_the_code_is_that_of_a_policy_and_pings_are_answered() -> None:
    _, person = await bench()

    async with watching("bl_unknown") as opened:
        assert await opened.close_code() == 1008
    async with watching(await token_of(person)) as opened:
        await hello(opened)
        await opened.say('{"type": "ping"}')
        assert await opened.frame() == {"type": "pong"}
        await opened.say("ping")
        assert (await opened.wire.receive_output(timeout=5))["text"] == "pong"


async def test_a_token_of_one_session_is_shown_that_session_alone() -> None:
    session, person = await bench()
    (channel,) = await channels(session, 1)
    later = await in_thread(SessionFactory)(team=session.team, at=timezone.now())
    token = await token_of(person, session_ids=[session.public_id])
    wide = await token_of(person)

    async with watching(token) as narrow, watching(wide) as everything:
        await hello(narrow)
        await hello(everything)
        await send(person, (channel, 1))
        assert (await batch(everything))[channel.public_id] == (1.0, later.public_id)
        await asyncio.sleep(0.3)
        assert await narrow.wire.receive_nothing()


async def test_a_revoked_token_and_a_lost_channel_close_the_socket() -> None:
    session, person = await bench()
    (channel,) = await channels(session, 1)
    token, secret = await in_thread(make_token)(person)
    member = await in_thread(Membership.objects.get)(user=person)

    async with watching(secret) as opened:
        await hello(opened)
        await in_thread(revoke_token)(token=token, by=None, at=timezone.now())
        assert await opened.close_code() == 1008
    async with watching(await token_of(person), events=channel.public_id) as opened:
        await hello(opened)
        await in_thread(remove_member)(member=member, by=None, at=timezone.now())
        assert await opened.close_code() == 4403


async def test_a_team_that_is_joined_and_one_that_is_left_change_what_comes() -> None:
    session, person = await bench()
    second, other = await bench()
    (mine,), (theirs,) = await channels(session, 1), await channels(second, 1)
    member = await in_thread(Membership.objects.get)(user=person)
    colleague = await in_thread(make_member)(session.team, Role.OPERATOR)

    async with watching(await token_of(person)) as opened:
        await hello(opened)
        admin = await in_thread(make_admin)()
        await in_thread(add_member)(team=second.team, person=person, role=Role.OBSERVER, by=admin, at=timezone.now())
        for value in range(50):  # until the socket has heard of it
            await send(other, (theirs, value))
            await asyncio.sleep(0.1)
            if opened.wire.output_queue.qsize():
                break
        assert theirs.public_id in await batch(opened)
        await in_thread(remove_member)(member=member, by=None, at=timezone.now())
        await send(colleague, (mine, 1))
        await send(other, (theirs, 99))
        assert await until_only(opened, theirs, 99.0)


async def test_what_is_stored_while_a_socket_changes_its_stream_still_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    _, person = await bench()
    second, other = await bench()
    (theirs,) = await channels(second, 1)
    member = await in_thread(Membership.objects.get)(user=person)
    await in_thread(Membership.objects.create)(team=second.team, user=person, role=Role.OBSERVER)
    join = stream._join

    async with watching(await token_of(person)) as opened:
        await hello(opened)

        async def store_and_join(wish: Wish, seat: StreamSocket) -> stream.Stream:
            await send(other, (theirs, 99))
            return await join(wish, seat)

        monkeypatch.setattr(stream, "_join", store_and_join)
        await in_thread(remove_member)(member=member, by=None, at=timezone.now())

        assert (await batch(opened))[theirs.public_id][0] == 99


async def until_only(opened: OpenSocket, channel: Channel, value: float) -> bool:
    """Read up to a value; tell whether no other channel came."""
    while True:
        found = await batch(opened)
        if set(found) != {channel.public_id}:
            return False
        if found[channel.public_id][0] == value:
            return True


def test_what_a_slow_reader_missed_is_joined_to_the_last_of_every_channel() -> None:
    seat = StreamSocket({}, None, None)  # type: ignore[arg-type]
    first, second = Channel(name="a"), Channel(name="b")

    def news(channel: Channel, us: int, value: float) -> News:
        return News({(channel.pk, None): Reading(channel.pk, None, us, value)})

    for us in range(5):
        seat.offer(news(first, us, float(us)))
    seat.offer(news(second, 9, 9.0))

    assert seat._waiting is not None
    points = json.loads(seat._waiting.text)["datapoints"]
    assert {(point["event_public_id"], point["value"]) for point in points} == {
        (first.public_id, 4.0),
        (second.public_id, 9.0),
    }


async def test_sockets_that_want_the_same_share_one_text() -> None:
    session, person = await bench()
    (channel,) = await channels(session, 1)
    token, again = await token_of(person), await token_of(person)
    texts: list[str] = []

    async with watching(token) as first, watching(again) as second:
        await hello(first)
        await hello(second)
        await send(person, (channel, 1))
        texts = [(await opened.wire.receive_output(timeout=5))["text"] for opened in (first, second)]

    assert texts[0] is texts[1]


async def test_a_right_that_is_lost_without_a_bell_ends_the_readings_of_a_session_socket(settings: Any) -> None:
    settings.LIVE_PULSE_S = 0.2
    session, by = await bench()
    other = await in_thread(make_member)(session.team, Role.OBSERVER)
    (channel,) = await channels(session, 1)
    await send(by, (channel, 0))

    async def go_on() -> None:
        for number in count(1):
            await send(by, (channel, number))

    async with socket(f"/ws/sessions/{session.public_id}?token={await token_of(other)}") as opened:
        await opened.until("telemetry")
        await in_thread(lambda: Membership.objects.filter(user=other).delete())()
        sending = asyncio.create_task(go_on())
        try:
            code = await opened.close_code(timeout_s=8)
        finally:
            sending.cancel()
            await asyncio.wait({sending})

    assert code == 4403
