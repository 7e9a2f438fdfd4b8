"""`/ws/socket.io`: every session event under its own name, in order, each once, to whom may see the session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import structlog
from django.db import transaction
from django.utils import timezone

from biolab.accounts.models import Membership
from biolab.accounts.roles import Role
from biolab.accounts.services.sign_in import sign_out
from biolab.accounts.services.teams import remove_member
from biolab.accounts.services.tokens import issue_token, revoke_token
from sessions_app.live import engine, feed
from sessions_app.live.threads import in_thread
from sessions_app.live.visitors import SessionServer
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from tests.factories.sessions import make_member, make_team
from tests.sessions.io_kit import io_client
from tests.sessions.socket_kit import socket
from tests.sessions.test_socket import bench, note, path_of, sign_in_of, token_of

pytestmark = pytest.mark.django_db(transaction=True)


async def test_every_event_comes_under_its_own_name_and_as_the_other_socket_tells_it() -> None:
    session, person, token = await bench()

    async with io_client() as client, socket(path_of(session, after=0, token=token)) as other:
        answer = await client.connect(token=token, sessionId=session.public_id, after=0)
        hello = await client.event()
        backlog = await client.events(2)
        await in_thread(note)(session, person)
        created = await client.until("note.created")
        await in_thread(move_session)(session=session, move=COMPLETE, by=person, at=timezone.now())
        completed = await client.until("session.completed")
        ended = await client.event()
        theirs = await other.until("note.created")

    assert answer.startswith("40{")
    assert hello[0] == "connected"
    assert hello[1]["data"]["head"] == 2
    assert backlog == [("session.created", 1), ("session.started", 2)]
    assert created == theirs
    assert completed["sequence"] == 4
    assert ended == ("session.ended", ended[1])
    assert ended[1]["data"]["status"] == "completed"


async def test_without_a_cursor_only_what_comes_is_sent_and_presence_says_who_is_here() -> None:
    session, person, token = await bench()

    async with io_client() as client:
        await client.connect(token=token, sessionId=session.public_id)
        await client.until("connected")
        people = (await client.until("presence"))["data"]["people"]
        await in_thread(note)(session, person)
        events = await client.events(1)

    assert people == [{"id": person.public_id, "name": person.printed_name}]
    assert events == [("note.created", 3)]


async def test_it_resumes_from_an_index_and_goes_on_from_there_without_a_gap() -> None:
    session, person, token = await bench()
    other, _, _ = await bench()
    for number in range(20):
        await in_thread(note)(session, person, f"note {number}")

    async with io_client() as client:
        await client.connect(token=token)
        greeted = await client.event()
        await client.emit("resume", {"sessionId": session.public_id, "fromIndex": 5})
        replayed = await client.events(17)
        await in_thread(note)(session, person, "live")
        live = await client.events(1)
        await client.emit("resume", {"sessionId": session.public_id, "fromIndex": 20})
        again = await client.events(3)
        await client.say('421["resume",' + json.dumps({"sessionId": other.public_id, "fromIndex": 0}) + "]")
        refused = await client.until("error")
        answer = await client.packet()
        await in_thread(note)(session, person, "still here")
        still = await client.events(1)

    assert greeted == ("connected", {"event": "connected", "session_id": None, **_greeting()})
    assert [sequence for _, sequence in replayed] == list(range(6, 23))
    assert live == [("note.created", 23)]
    assert [sequence for _, sequence in again] == [21, 22, 23]
    assert refused["code"] == 4404
    assert json.loads(answer.removeprefix("431")) == [{"ok": False, **refused}]
    assert still == [("note.created", 24)]


def _greeting() -> dict[str, Any]:
    return {"data": {"message": "Connected."}, "sequence": None}


async def test_resuming_another_session_leaves_the_first() -> None:
    session, person, token = await bench()
    first, _, _ = await bench()
    await in_thread(lambda: Membership.objects.create(user=person, team=first.team, role=Role.LEAD))()

    async with io_client() as client:
        await client.connect(token=token, sessionId=first.public_id)
        await client.until("presence")
        await client.say('427["resume",' + json.dumps({"sessionId": session.public_id, "fromIndex": 1}) + "]")
        while not (packet := await client.packet()).startswith("437"):
            pass
        events = await client.events(1)
        await in_thread(note)(first, person, "not watched")
        await in_thread(note)(session, person, "watched")
        watched = await client.until("note.created")

    assert json.loads(packet.removeprefix("437")) == [{"ok": True}]
    assert events == [("session.started", 2)]
    assert watched["session_id"] == session.public_id


async def test_every_form_of_credential_connects(settings: Any) -> None:
    session, person, token = await bench()
    _, access = await in_thread(sign_in_of)(person)
    forms: list[tuple[dict[str, str], str, dict[str, str]]] = [
        ({}, "", {"token": token}),
        ({}, "", {"token": access}),
        ({}, f"&token={token}", {}),
        ({"Authorization": f"Bearer {token}"}, "", {}),
    ]

    for headers, query, shown in forms:
        async with io_client(headers, query=query) as client:
            await client.connect(sessionId=session.public_id, **shown)
            assert (await client.event())[0] == "connected"
    settings.OPEN_BENCH = True
    async with io_client() as client:
        await client.connect()
        assert (await client.event())[0] == "connected"


async def test_who_may_not_see_the_session_is_not_connected() -> None:
    session, person, token = await bench()
    stranger = await in_thread(lambda: token_of(make_member(make_team("Others"), Role.LEAD)))()
    writer = await in_thread(token_of)(person, scopes=["telemetry:write"])
    mine = {"sessionId": session.public_id}

    shown: list[dict[str, Any]] = [
        {},
        mine,
        {"token": "bl_unknown", **mine},
        {"token": ["a"], **mine},
        {"token": stranger, **mine},
        {"token": token, "sessionId": "sess_nonsense"},
        {"token": writer, **mine},
        {"token": token, "sessionId": 7},
        {"token": token, "after": "soon", **mine},
    ]

    codes = []
    for auth in shown:
        async with io_client() as client:
            codes.append(await client.refusal(**auth))
            assert await client.end() == ["1"]
    async with io_client() as client:
        await client.say('40/admin,{"token":"x"}')
        elsewhere = await client.packet()
        let_in = await client.connect(token=token, **mine)

    assert codes == [4401, 4401, 4401, 4401, 4404, 4404, 4403, 4400, 4400]
    assert elsewhere.startswith("44/admin,")
    assert let_in.startswith("40{")


async def test_whoever_connects_nowhere_is_shown_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOBBY_S", 0.1)

    async with io_client() as client:
        packets = await client.end()

    assert packets == ["1"]


@pytest.mark.parametrize("how", ["signing out", "revoking", "leaving the team"])
async def test_a_right_that_ends_closes_the_connection_and_says_why(how: str) -> None:
    session, _, _ = await bench()
    person = await in_thread(make_member)(session.team, Role.SCIENTIST)
    owner = await in_thread(make_member)(session.team, Role.OWNER)
    family, token = await in_thread(sign_in_of)(person)
    row, secret = await in_thread(issue_token)(owner=person, name="probe", by=None, at=timezone.now())

    @in_thread
    def end() -> None:
        if how == "signing out":
            sign_out(family=family, at=timezone.now())
        elif how == "revoking":
            revoke_token(token=row, by=person, at=timezone.now())
        else:
            remove_member(member=Membership.objects.get(user=person), by=owner, at=timezone.now())

    async with io_client() as client:
        await client.connect(token=secret if how == "revoking" else token, sessionId=session.public_id)
        await client.until("presence")
        await end()
        packets = await client.end()

    closing = next(json.loads(packet[2:]) for packet in packets if "closing" in packet)
    assert closing[0] == "closing"
    assert closing[1]["code"] == (4403 if how == "leaving the team" else 4401)
    assert closing[1]["message"]
    assert packets[-2:] == ["41", "1"]


async def test_signing_out_ends_a_connection_that_watches_nothing() -> None:
    _, person, _ = await bench()
    family, access = await in_thread(sign_in_of)(person)

    async with io_client() as client:
        await client.connect(token=access)
        await client.until("connected")
        await in_thread(sign_out)(family=family, at=timezone.now())
        packets = await client.end()

    assert '"code":4401' in packets[0]
    assert packets[1:] == ["41", "1"]


async def test_what_a_client_says_of_slides_comes_back_under_the_colon_names() -> None:
    _, _, token = await bench()

    async with io_client() as client:
        await client.connect(token=token)
        await client.until("connected")
        await client.emit("slide_progress", {"jobId": "job_1", "progress": 40})
        await client.emit("slide_completed", {"jobId": "job_1", "fileUrl": "/x.pptx"})
        await client.emit("error", {"jobId": "job_1", "message": "no"})
        echoes = [await client.event() for _ in range(3)]

    assert echoes == [
        ("slide:progress", {"jobId": "job_1", "progress": 40}),
        ("slide:completed", {"jobId": "job_1", "fileUrl": "/x.pptx"}),
        ("error", {"jobId": "job_1", "message": "no"}),
    ]


async def test_nonsense_is_answered_and_ends_nothing() -> None:
    session, person, token = await bench()
    nonsense = [
        *(
            "",
            "what?",
            "4",
            "4{}",
            "42",
            "42{}",
            "42[]",
            "42[1]",
            '42["dance"]',
            '42["connect",{}]',
            '42["disconnect"]',
        ),
        *("42[" + "[" * 5000, '42["error",NaN]', '42["error","\\ud800"]', '451-["resume",{"_placeholder":true}]', "7"),
        *("43[]", "4" + "9" * 120, "42" + "7" * 150 + '["error"]', '42["error","' + "x" * 70_000 + '"]'),
    ]

    async with io_client() as client:
        await client.connect(token=token, sessionId=session.public_id)
        await client.until("presence")
        for text in nonsense:
            await client.say(text)
            name, said = await client.event()
            assert (name, said) == ("error", {"message": "This is not understood."}), text
        await client.wire.send_to(bytes_data=b"\x00\xff")
        assert (await client.event())[0] == "error"
        for wrong in ({}, [], {"sessionId": 5}, {"sessionId": session.public_id, "fromIndex": -1}):
            await client.emit("resume", wrong)
            assert (await client.until("error"))["code"] == 4400
        await in_thread(note)(session, person)
        events = await client.events(1)

    assert events == [("note.created", 3)]


async def test_a_page_of_another_site_is_turned_away_unless_it_is_named(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://slides.example"]
    _, _, token = await bench()

    async with io_client({"Origin": "https://slides.example", "Host": "lab.example"}) as client:
        named = await client.connect(token=token)
    async with io_client({"Origin": "https://lab.example", "Host": "lab.example"}) as client:
        own = await client.connect(token=token)
    with pytest.raises(AssertionError):
        async with io_client({"Origin": "https://evil.example", "Host": "lab.example"}):
            pass

    assert named.startswith("40{")
    assert own.startswith("40{")


async def test_a_reader_that_falls_behind_is_told_to_resync_and_gets_every_event_once() -> None:
    session, person, token = await bench()
    server = SessionServer()

    @in_thread
    @transaction.atomic
    def work() -> None:
        for number in range(300):
            note(session, person, f"note {number}")

    async with io_client(server=server) as stuck, socket(path_of(session, token=token)) as other:
        await stuck.connect(token=token, sessionId=session.public_id)
        await stuck.until("presence")
        stuck.reads.clear()
        await other.until("connected")
        await work()
        await other.events(300, timeout_s=60)
        waiting = [one.queue.qsize() for one in server.eio.sockets.values()]
        stuck.reads.set()
        names, sequences = [], []
        while not sequences or sequences[-1] != 302:
            name, frame = await stuck.event(30)
            names.append(name)
            sequences += [frame["sequence"]] if frame.get("sequence") else []
    await server.shutdown()

    assert waiting == [engine.MESSAGES_WAITING]
    assert sequences == list(range(3, 303))
    assert names.count("resync") == 1


async def test_a_client_that_sends_and_never_reads_fills_no_memory_and_waits_for_itself() -> None:
    _, _, token = await bench()
    server = SessionServer()

    async with io_client(server=server) as flooding:
        await flooding.connect(token=token)
        await flooding.until("connected")
        flooding.reads.clear()
        for number in range(200):
            await flooding.emit("error", {"number": number})
        (transport,) = server.eio.sockets.values()
        async with asyncio.timeout(10):
            while transport.queue.qsize() < engine.MESSAGES_WAITING:
                await asyncio.sleep(0)
        for _ in range(1000):
            await asyncio.sleep(0)
        waiting = transport.queue.qsize()
        flooding.reads.set()
        echoes = [(await flooding.event())[1]["number"] for _ in range(200)]
    await server.shutdown()

    assert waiting == engine.MESSAGES_WAITING
    assert echoes == list(range(200))


async def test_a_client_that_answers_no_ping_is_let_go(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WS_HEARTBEAT_INTERVAL = 0.1
    monkeypatch.setattr(engine, "PING_TIMEOUT_S", 1)
    session, _, token = await bench()
    server = SessionServer()

    async with io_client(server=server) as vanished:
        await vanished.connect(token=token, sessionId=session.public_id)
        (eio_sid,) = server.eio.sockets
        assert server.is_known(eio_sid)
        await vanished.end(10)
        async with asyncio.timeout(10):
            while server.is_known(eio_sid):
                await asyncio.sleep(0.01)
    await server.shutdown()

    assert not server.eio.sockets


async def test_a_client_that_only_steers_its_transport_is_let_go() -> None:
    server = SessionServer()

    async with io_client(server=server) as steering:
        steering.reads.clear()
        for _ in range(5 * engine.PACKETS_WAITING):
            await steering.say("5")
        (transport,) = server.eio.sockets.values()
        async with asyncio.timeout(10):
            while transport.queue.qsize() < engine.PACKETS_WAITING:
                await asyncio.sleep(0)
        for _ in range(1000):
            await asyncio.sleep(0)
        waiting = transport.queue.qsize()
        steering.reads.set()
        packets = await steering.end()
    await server.shutdown()

    assert waiting <= engine.PACKETS_WAITING + 1
    assert set(packets) <= {"6"}


@pytest.mark.parametrize("moment", ["asked who it is", "known", "about to sit down"])
async def test_who_polls_and_leaves_on_the_way_in_stays_nowhere(moment: str) -> None:
    session, _, token = await bench()
    other = await in_thread(make_member)(session.team, Role.LEAD)
    server, feeds = SessionServer(), feed._feeds.setdefault(asyncio.get_running_loop(), {})
    here: dict[str, Callable[[str], Any]] = {
        "asked who it is": lambda eio_sid: server.manager.sid_from_eio_sid(eio_sid, "/"),
        "known": server.is_known,
        "about to sit down": lambda _: session.pk in feeds,
    }
    transport = httpx.ASGITransport(app=engine.mounted(server, None))

    async with httpx.AsyncClient(transport=transport, base_url="http://lab.example") as http:
        opened = await http.get(f"{engine.PATH}/?EIO=4&transport=polling")
        eio_sid = json.loads(opened.text[1:])["sid"]
        address = f"{engine.PATH}/?EIO=4&transport=polling&sid={eio_sid}"
        shown = json.dumps({"token": token, "sessionId": session.public_id})
        with structlog.testing.capture_logs() as logged:
            coming_in = asyncio.create_task(http.post(address, content=f"40{shown}"))
            while not here[moment](eio_sid):
                await asyncio.sleep(0)
            await http.post(address, content="1")
            await coming_in
            async with asyncio.timeout(10):  # the last one's subscription ends when Redis says so
                while server.is_known(eio_sid) or feeds:
                    await asyncio.sleep(0.01)
    async with socket(path_of(session, token=await in_thread(token_of)(other))) as watching:
        people = (await watching.until("presence"))["data"]["people"]
    await server.shutdown()

    assert [one["id"] for one in people] == [other.public_id]
    assert logged == []


async def test_what_a_client_posts_in_pieces_arrives_whole_and_bounded() -> None:
    session, _, token = await bench()
    server = SessionServer()
    transport = httpx.ASGITransport(app=engine.mounted(server, None))
    shown = json.dumps({"token": token, "sessionId": session.public_id})

    async def pieces(*texts: str) -> AsyncIterator[bytes]:
        for text in texts:
            yield text.encode()

    async with httpx.AsyncClient(transport=transport, base_url="http://lab.example") as http:
        opened = await http.get(f"{engine.PATH}/?EIO=4&transport=polling")
        address = f"{engine.PATH}/?EIO=4&transport=polling&sid={json.loads(opened.text[1:])['sid']}"
        posted = await http.post(address, content=pieces("40", shown[:9], shown[9:]))
        answer = await http.get(address)
        refused = await http.post(address, content=pieces(*["4" * engine.MAX_TEXT] * 3))
    await server.shutdown()

    assert posted.status_code == 200
    assert answer.text.startswith("40{")
    assert refused.status_code == 400
