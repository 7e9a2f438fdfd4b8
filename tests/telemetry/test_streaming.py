"""The simulated instrument through a real server: retries under one id, stops when the session ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.live_server_helper import LiveServer

from biolab.accounts.roles import Role
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app.bioreactor import CHANNELS
from telemetry_app.models import Segment
from telemetry_app.stores import current
from telemetry_app.streaming import RefusedError, stream
from tests.factories.accounts import make_token
from tests.factories.sessions import NINE, SessionFactory, make_member


class MoodyServer(ThreadingHTTPServer):
    """Answers with the statuses it is given, in turn, and keeps what it was sent."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Moody)
        self.statuses = list(statuses)
        self.bodies: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Moody(BaseHTTPRequestHandler):
    server: MoodyServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        code = "session_ended" if status == 409 else "other"
        answer = json.dumps({"code": code, "detail": "No."}).encode()
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def moody() -> Iterator[MoodyServer]:
    server = MoodyServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_batch_without_an_answer_is_sent_again_under_the_same_id(moody: MoodyServer) -> None:
    moody.statuses = [503, 500, 429]

    outcome = stream(url=moody.url, token="t", session="s", rate_hz=20, duration_s=0.3)

    assert outcome.retries == 3
    assert outcome.batches == len(moody.bodies) - 3
    assert len({body["batch_id"] for body in moody.bodies[:4]}) == 1
    assert moody.bodies[0] == moody.bodies[3]


def test_a_server_that_is_away_is_waited_for_until_stopped() -> None:
    stop, told = threading.Event(), []

    def tell(sentence: str) -> None:
        told.append(sentence)
        stop.set()

    outcome = stream(url="http://127.0.0.1:9", token="t", session="s", rate_hz=20, stop=stop, told=tell)

    assert (outcome.readings, outcome.retries) == (0, 1)
    assert outcome.dropped >= len(CHANNELS)
    assert "1 wait" in told[0]


def test_the_end_of_the_session_ends_the_run(moody: MoodyServer) -> None:
    moody.statuses = [409]

    outcome = stream(url=moody.url, token="t", session="s", rate_hz=20)

    assert outcome.ended
    assert outcome.readings == 0


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_refusal_for_good_is_raised(moody: MoodyServer, status: int) -> None:
    moody.statuses = [status]

    with pytest.raises(RefusedError, match=str(status)):
        stream(url=moody.url, token="t", session="s", rate_hz=20)


@pytest.mark.django_db(transaction=True)
def test_the_command_streams_through_the_public_api(
    live_server: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    session = SessionFactory()
    _, secret = make_token(make_member(session.team, Role.OPERATOR), scopes=["telemetry:write"])

    call_command(
        "simulate_bioreactor",
        session=session.public_id,
        url=live_server.url,
        token=secret,
        rate=10,
        speed=60,
        duration=1.4,
    )

    stored = sum(stats.count for stats in current().summary(session.pk).values())
    assert f"{stored} readings" in capsys.readouterr().out
    assert stored >= 100
    assert len(current().latest(session.pk)) == 10


@pytest.mark.django_db(transaction=True)
def test_the_command_says_why_it_was_refused(live_server: LiveServer) -> None:
    session = SessionFactory()
    options = {"session": session.public_id, "url": live_server.url, "rate": 10, "duration": 1}

    with pytest.raises(CommandError, match="401"):
        call_command("simulate_bioreactor", token="bl_wrong", **options)
    with pytest.raises(CommandError, match="rate"):
        call_command("simulate_bioreactor", token="t", **{**options, "rate": 0})
    assert not Segment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_command_ends_with_the_session(live_server: LiveServer, capsys: pytest.CaptureFixture[str]) -> None:
    session = SessionFactory()
    person = make_member(session.team, Role.LEAD)
    _, secret = make_token(person)
    move_session(session=session, move=COMPLETE, by=person, at=NINE)

    call_command("simulate_bioreactor", session=session.public_id, url=live_server.url, token=secret, duration=5)

    assert "The session has ended." in capsys.readouterr().out
    assert not Segment.objects.exists()
