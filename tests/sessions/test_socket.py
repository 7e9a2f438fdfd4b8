"""`/ws/sessions/{sid}`: everything behind the cursor, then what comes, each event once and in order."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created
from django.utils import timezone

from biolab.accounts.auth import jwt
from biolab.accounts.models import Membership, SignIn, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.accounts.services.people import deactivate_person
from biolab.accounts.services.sign_in import sign_out
from biolab.accounts.services.teams import remove_member
from biolab.accounts.services.tokens import issue_token, revoke_token
from sessions_app.api.bench_forms import note_shape
from sessions_app.consumers import SessionSocket
from sessions_app.live.threads import in_thread
from sessions_app.models import LabSession, Note, TimelineEvent
from sessions_app.services.notes import append_note, correct_note, withdraw_note, write_note
from sessions_app.services.sessions import move_session
from sessions_app.states import ABORT, COMPLETE
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.sessions.socket_kit import OpenSocket, socket

pytestmark = pytest.mark.django_db(transaction=True)


def token_of(person: User, **narrowed: Any) -> str:
    return issue_token(owner=person, name="probe", by=None, at=timezone.now(), **narrowed)[1]


def sign_in_of(person: User) -> tuple[SignIn, str]:
    family = SignIn.objects.create(user=person, refresh_jti="first")
    return family, jwt.access_for(family)


def note(session: LabSession, by: User, content: str = "Foam at the top") -> Note:
    now = timezone.now()
    return write_note(session=session, by=by, at=now, timestamp=now, content=content, speaker="Ada")


def path_of(session: LabSession, **query: Any) -> str:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/ws/sessions/{session.public_id}?{asked}"


@in_thread
def bench() -> tuple[LabSession, User, str]:
    """Return a running session, a lead of its team, and a token of that person."""
    team = make_team()
    person = make_member(team, Role.LEAD)
    return SessionFactory(team=team, by=person), person, token_of(person)


async def test_it_greets_gives_the_backlog_and_goes_on_live() -> None:
    session, person, token = await bench()
    first = await in_thread(note)(session, person, "Before")

    async with socket(path_of(session, after=0, token=token)) as opened:
        hello = await opened.frame()
        backlog = await opened.events(3)
        second = await in_thread(note)(session, person, "After")
        live = (await opened.events(1))[0]

    assert hello["event"] == "connected"
    assert hello["session_id"] == session.public_id
    assert hello["data"]["head"] == 3
    assert isinstance(hello["data"]["message"], str)
    assert [(frame["sequence"], frame["event"]) for frame in backlog] == [
        (1, "session.created"),
        (2, "session.started"),
        (3, "note.created"),
    ]
    assert backlog[0]["data"]["title"] == session.name
    assert backlog[2]["data"]["id"] == first.public_id
    assert (live["sequence"], live["event"], live["data"]["id"]) == (4, "note.created", second.public_id)


async def test_without_a_cursor_only_what_comes_is_sent() -> None:
    session, person, token = await bench()

    async with socket(path_of(session, token=token)) as opened:
        assert (await opened.frame())["data"]["head"] == 2
        await in_thread(note)(session, person)
        event = (await opened.events(1))[0]

    assert event["sequence"] == 3


async def test_a_note_is_told_as_its_get_gives_it_at_each_moment() -> None:
    session, person, token = await bench()
    now = timezone.now()
    shown: list[dict[str, Any]] = []

    @in_thread
    def work() -> Note:
        written = note(session, person, "Foam")
        shown.append(note_shape(written, session))
        shown.append(note_shape(correct_note(note=written, by=person, at=now, content="Foam, a lot"), session))
        shown.append(note_shape(append_note(note=written, by=person, at=now, text="Less now"), session))
        withdraw_note(note=written, by=person, at=now)
        return written

    async with socket(path_of(session, token=token)) as opened:
        await opened.until("connected")
        written = await work()
        frames = await opened.events(4)
    async with socket(path_of(session, token=token, after=2)) as opened:
        again = await opened.events(4)

    assert [frame["event"] for frame in frames] == ["note.created", "note.updated", "note.appended", "note.deleted"]
    assert [frame["data"] for frame in frames[:3]] == shown
    assert frames[3]["data"] == {"id": written.public_id}
    assert again == frames


async def test_the_end_of_a_session_is_told_after_the_move() -> None:
    session, person, token = await bench()

    async with socket(path_of(session, token=token)) as opened:
        await opened.until("connected")
        await in_thread(move_session)(session=session, move=COMPLETE, by=person, at=timezone.now())
        completed = await opened.until("session.completed")
        ended = await opened.frame()

    assert completed["data"]["to_status"] == "completed"
    assert ended["event"] == "session.ended"
    assert ended["sequence"] is None
    assert ended["data"]["status"] == "completed"


async def test_a_session_that_is_broken_off_says_why() -> None:
    session, person, token = await bench()

    async with socket(path_of(session, token=token)) as opened:
        await opened.until("connected")
        await in_thread(move_session)(session=session, move=ABORT, by=person, at=timezone.now(), reason="Spilt")
        await opened.until("session.aborted")
        ended = await opened.frame()

    assert (ended["event"], ended["data"]["status"], ended["data"]["reason"]) == ("session.ended", "aborted", "Spilt")


async def test_who_drops_and_returns_with_the_cursor_misses_nothing_and_sees_nothing_twice() -> None:
    session, person, token = await bench()
    writers, notes_each = 4, 25
    seen: list[int] = []

    def write() -> None:
        for number in range(notes_each):
            note(session, person, f"note {number}")
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    expected = 2 + writers * notes_each
    while len(seen) < expected:
        cursor = seen[-1] if seen else 0
        async with socket(path_of(session, after=cursor, token=token)) as opened:
            assert (await opened.frame())["event"] == "connected"
            take = min(17, expected - len(seen))
            seen += [frame["sequence"] for frame in await opened.events(take, timeout_s=30)]
    for thread in threads:
        await asyncio.to_thread(thread.join)

    assert seen == list(range(1, expected + 1))


async def test_a_long_backlog_comes_in_pages_and_joins_the_live_stream_without_a_gap() -> None:
    session, person, token = await bench()

    @in_thread
    def work(count: int) -> None:
        for number in range(count):
            note(session, person, f"note {number}")

    await work(230)
    async with socket(path_of(session, after=0, token=token)) as opened:
        writing = asyncio.create_task(work(60))
        frames = await opened.events(2 + 230 + 60, timeout_s=40)
        await writing

    assert [frame["sequence"] for frame in frames] == list(range(1, 293))


async def test_a_cursor_beyond_the_head_is_told_to_resync() -> None:
    session, _, token = await bench()

    async with socket(path_of(session, after=99, token=token)) as opened:
        await opened.until("connected")
        resync = await opened.until("resync")

    assert resync["data"] == {"after": 2}


async def test_a_cursor_that_is_no_number_is_refused() -> None:
    session, _, token = await bench()

    async with socket(path_of(session, after="soon", token=token)) as opened:
        code = await opened.close_code()

    assert code == 4400


@pytest.mark.parametrize("form", ["query", "bearer", "token", "basic", "subprotocol", "first frame", "access token"])
async def test_every_form_of_credential_opens_it(form: str) -> None:
    session, person, token = await bench()
    path, headers, protocols = f"/ws/sessions/{session.public_id}", {}, None
    if form == "query":
        path += f"?token={token}"
    elif form in ("bearer", "token"):
        headers["Authorization"] = f"{form.title()} {token}"
    elif form == "basic":
        headers["Authorization"] = "Basic " + base64.b64encode(f"bench:{token}".encode()).decode()
    elif form == "subprotocol":
        protocols = [f"bearer.{token}"]
    elif form == "access token":
        _, access = await in_thread(sign_in_of)(person)
        headers["Authorization"] = f"Bearer {access}"

    async with socket(path, headers=headers, subprotocols=protocols) as opened:
        if form == "first frame":
            await opened.say(f'{{"type": "auth", "token": "{token}"}}')
        hello = await opened.frame()

    assert hello["event"] == "connected"
    assert opened.accepted_protocol == (protocols[0] if protocols else None)


async def test_nobody_gets_in_without_a_credential_that_holds(settings: Any) -> None:
    settings.WS_FIRST_FRAME_TIMEOUT_S = 0.2
    session, _, _ = await bench()
    bare = f"/ws/sessions/{session.public_id}"

    async with socket(bare) as silent:
        codes = [await silent.close_code()]
    async with socket(bare) as wrong:
        await wrong.say('{"type": "hello"}')
        codes.append(await wrong.close_code())
    for shown in ("bl_unknown", "a.b.c"):
        async with socket(f"{bare}?token={shown}") as refused:
            codes.append(await refused.close_code())

    assert codes == [4401] * 4


async def test_what_a_person_cannot_see_is_not_there() -> None:
    session, _, token = await bench()
    stranger = await in_thread(lambda: token_of(make_member(make_team("Others"), Role.LEAD)))()

    codes = []
    for path in (path_of(session, token=stranger), f"/ws/sessions/sess_nonsense?token={token}"):
        async with socket(path) as opened:
            codes.append(await opened.close_code())

    assert codes == [4404, 4404]


async def test_a_token_without_the_scope_is_refused_and_one_with_it_sees_no_readings_it_was_not_given() -> None:
    session, person, _ = await bench()
    writer = await in_thread(token_of)(person, scopes=["telemetry:write"])
    reader = await in_thread(token_of)(person, scopes=["sessions:read"])

    async with socket(path_of(session, token=writer)) as opened:
        code = await opened.close_code()
    async with socket(path_of(session, token=reader)) as opened:
        hello = await opened.frame()

    assert code == 4403
    assert hello["event"] == "connected"


async def test_an_observer_and_a_viewer_may_watch() -> None:
    session, _, _ = await bench()

    @in_thread
    def watcher() -> str:
        person = make_member(session.team, Role.OBSERVER)
        person.role = PlatformRole.VIEWER
        person.save(update_fields=["role"])
        return token_of(person)

    async with socket(path_of(session, token=await watcher())) as opened:
        hello = await opened.frame()

    assert hello["event"] == "connected"


async def test_signing_out_closes_the_socket() -> None:
    session, person, _ = await bench()
    family, access = await in_thread(sign_in_of)(person)

    async with socket(path_of(session, token=access)) as opened:
        await opened.until("connected")
        await in_thread(sign_out)(family=family, at=timezone.now())
        code = await opened.close_code()

    assert code == 4401


async def test_revoking_a_token_closes_the_socket() -> None:
    session, person, _ = await bench()
    row, secret = await in_thread(issue_token)(owner=person, name="probe", by=None, at=timezone.now())

    async with socket(path_of(session, token=secret)) as opened:
        await opened.until("connected")
        await in_thread(revoke_token)(token=row, by=person, at=timezone.now())
        code = await opened.close_code()

    assert code == 4401


async def test_closing_an_account_closes_the_socket_and_says_why() -> None:
    session, _, _ = await bench()
    other = await in_thread(make_member)(session.team, Role.SCIENTIST)
    _, access = await in_thread(sign_in_of)(other)

    async with socket(path_of(session, token=access)) as opened:
        await opened.until("connected")
        await in_thread(deactivate_person)(person=other, by=None, at=timezone.now())
        async with asyncio.timeout(5):
            while (output := await opened.wire.receive_output(timeout=5))["type"] != "websocket.close":
                pass

    assert (output["code"], output["reason"]) == (4401, "This sign-in or token has ended.")


async def test_a_token_that_runs_out_closes_the_socket() -> None:
    session, person, _ = await bench()
    soon = timezone.now() + timedelta(seconds=0.7)
    secret = await in_thread(token_of)(person, expires_at=soon)

    async with socket(path_of(session, token=secret)) as opened:
        await opened.until("connected")
        code = await opened.close_code()

    assert code == 4401


async def test_losing_the_membership_closes_the_socket() -> None:
    session, _, _ = await bench()
    other = await in_thread(make_member)(session.team, Role.SCIENTIST)
    owner = await in_thread(make_member)(session.team, Role.OWNER)
    token = await in_thread(token_of)(other)

    @in_thread
    def leave() -> None:
        remove_member(member=Membership.objects.get(user=other), by=owner, at=timezone.now())

    async with socket(path_of(session, token=token)) as opened:
        await opened.until("connected")
        await leave()
        code = await opened.close_code()

    assert code == 4403


async def test_a_right_that_is_lost_without_a_bell_is_missed_at_the_next_read() -> None:
    session, person, _ = await bench()
    other = await in_thread(make_member)(session.team, Role.SCIENTIST)
    token = await in_thread(token_of)(other)

    async with socket(path_of(session, token=token)) as opened:
        await opened.until("connected")
        await in_thread(lambda: Membership.objects.filter(user=other).delete())()
        await in_thread(note)(session, person, "Not for them")
        seen: list[dict[str, Any]] = []
        async with asyncio.timeout(5):
            while (output := await opened.wire.receive_output(timeout=5))["type"] != "websocket.close":
                seen.append(output)

    assert output["code"] == 4403
    assert not any("Not for them" in frame["text"] for frame in seen)


async def test_ping_pong_and_nonsense() -> None:
    session, person, token = await bench()

    async with socket(path_of(session, token=token)) as opened:
        await opened.until("presence")
        await opened.say("ping")
        assert (await opened.wire.receive_output(timeout=5))["text"] == "pong"
        await opened.say('{"type": "ping"}')
        assert await opened.frame() == {"type": "pong"}
        for nonsense in ("what?", "[1, 2", "{}", "[" * 5000, '{"type": "dance"}', "\\", "x" * 70_000):
            await opened.say(nonsense)
            error = await opened.frame()
            assert error["event"] == error["type"] == "error"
        await opened.wire.send_to(bytes_data=b"\x00\xff")
        assert (await opened.frame())["event"] == "error"
        await opened.say("pong")
        await in_thread(note)(session, person)
        assert (await opened.events(1))[0]["event"] == "note.created"


async def test_the_server_pings(settings: Any) -> None:
    settings.WS_HEARTBEAT_INTERVAL = 0.2
    session, _, token = await bench()

    async with socket(path_of(session, token=token)) as opened:
        await opened.until("presence")
        frames = [await opened.frame(), await opened.frame()]

    assert frames == [{"type": "ping"}, {"type": "ping"}]


async def test_presence_says_who_is_here() -> None:
    session, person, token = await bench()
    other = await in_thread(make_member)(session.team, Role.SCIENTIST)
    others_token = await in_thread(token_of)(other)

    async with socket(path_of(session, token=token)) as first:
        alone = await first.until("presence")
        async with socket(path_of(session, token=others_token)) as second:
            both = await first.until("presence")
            seen_by_second = await second.until("presence")
        alone_again = await first.until("presence")

    me, you = {"id": person.public_id, "name": person.printed_name}, {"id": other.public_id, "name": other.printed_name}
    assert alone["data"]["people"] == alone_again["data"]["people"] == [me]
    assert both["data"] == seen_by_second["data"]
    assert sorted(both["data"]["people"], key=str) == sorted([me, you], key=str)


async def test_a_lost_bell_is_made_good_by_the_pulse(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LIVE_PULSE_S = 0.3
    session, person, token = await bench()

    async with socket(path_of(session, token=token)) as opened:
        await opened.until("connected")
        monkeypatch.setattr("biolab.kernel.realtime._bell.ring", lambda topic, hint: None)
        await in_thread(note)(session, person)
        event = (await opened.events(1))[0]

    assert event["sequence"] == 3


async def test_one_reading_of_the_table_serves_many_sockets() -> None:
    session, person, token = await bench()
    opened = [OpenSocket(path_of(session, token=token)) for _ in range(20)]
    for one in opened:
        await one.connect()
        await one.until("connected")
    reads: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if TimelineEvent._meta.db_table in sql and sql.startswith("SELECT"):
            reads.append(sql)
        return execute(sql, params, many, context)

    def watch(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(count)

    connection_created.connect(watch)
    try:
        await in_thread(note)(session, person)
        events = [(await one.events(1))[0] for one in opened]
    finally:
        connection_created.disconnect(watch)
    for one in opened:
        await one.leave()

    assert {event["sequence"] for event in events} == {3}
    assert len(reads) <= 3


async def test_a_reader_that_falls_behind_is_told_to_resync_and_gets_every_event_once() -> None:
    session, person, token = await bench()
    sent: list[dict[str, Any]] = []
    may_send, heard = asyncio.Event(), asyncio.Queue[dict[str, Any]]()
    may_send.set()

    async def send(message: Any) -> None:
        await may_send.wait()
        if message["type"] == "websocket.send":
            sent.append(json.loads(message["text"]))

    @in_thread
    def work() -> None:
        for number in range(300):
            note(session, person, f"note {number}")

    scope = {
        "type": "websocket",
        "path": f"/ws/sessions/{session.public_id}",
        "query_string": f"token={token}".encode(),
        "headers": [],
        "url_route": {"kwargs": {"sid": session.public_id}},
    }
    heard.put_nowait({"type": "websocket.connect"})
    serving = asyncio.create_task(SessionSocket.as_asgi()(scope, heard.get, send))
    async with socket(path_of(session, token=token)) as other:
        await other.until("connected")
        while not sent:
            await asyncio.sleep(0.01)
        may_send.clear()
        writing = asyncio.create_task(work())
        others = await other.events(300, timeout_s=120)
        await writing
        may_send.set()
        async with asyncio.timeout(60):
            while not sent or sent[-1].get("sequence") != 302:
                await asyncio.sleep(0.05)
    heard.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await asyncio.wait_for(serving, 5)

    numbers = [frame["sequence"] for frame in sent if frame.get("sequence") is not None]
    assert [frame["sequence"] for frame in others] == numbers == list(range(3, 303))
    assert [frame.get("event") for frame in sent].count("resync") == 1
