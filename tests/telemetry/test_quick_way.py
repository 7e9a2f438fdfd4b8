"""The short way for plain batches lets in exactly whom the door itself lets in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from biolab.accounts.models import Membership, ServiceToken, User
from biolab.accounts.roles import PlatformRole, Role
from sessions_app.models import LabSession
from sessions_app.states import SessionStatus
from telemetry_app.api import quick
from telemetry_app.api.quick import BATCH as BATCH_DOOR
from telemetry_app.api.quick import QuickDoors
from telemetry_app.models import Channel, Latest, Segment
from tests.factories.accounts import make_team, make_token
from tests.factories.sessions import SessionFactory, make_member

pytestmark = pytest.mark.django_db

BATCH = {"data": [{"timestamp": "2026-01-02T03:04:05Z", "channel": "t", "value": 1.5}]}
Change = Callable[[LabSession, ServiceToken], Any]


def of_token(**fields: Any) -> Change:
    return lambda _session, token: ServiceToken.objects.filter(pk=token.pk).update(**fields)


def of_owner(**fields: Any) -> Change:
    return lambda _session, token: User.objects.filter(pk=token.owner_id).update(**fields)


def of_session(**fields: Any) -> Change:
    return lambda session, _token: LabSession.objects.filter(pk=session.pk).update(**fields)


def role(name: Role) -> Change:
    return lambda _session, token: Membership.objects.filter(user_id=token.owner_id).update(role=name)


def leave(_session: LabSession, token: ServiceToken) -> Any:
    Membership.objects.filter(user_id=token.owner_id).delete()


def another_team(_session: LabSession, token: ServiceToken) -> Any:
    ServiceToken.objects.filter(pk=token.pk).update(team=make_team("Elsewhere"))


PAST = timezone.now() - timedelta(minutes=1)
REASONS: dict[str, tuple[Change, int]] = {
    "revoked": (of_token(revoked_at=PAST), 401),
    "expired": (of_token(expires_at=PAST), 401),
    "owner left": (of_owner(is_active=False), 401),
    "owner became a viewer": (of_owner(role=PlatformRole.VIEWER), 403),
    "other scope": (of_token(scopes=["telemetry:read"]), 403),
    "other team": (another_team, 404),
    "other session": (of_token(session_ids=["sess_01h455vb4pex5vsknk084sn02q"]), 404),
    "no member": (leave, 404),
    "role that runs nothing": (role(Role.OBSERVER), 403),
    "not started": (of_session(status=SessionStatus.PLANNED), 409),
    "ended": (of_session(status=SessionStatus.COMPLETED, ended_at=PAST), 409),
}


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture(autouse=True)
def _requests_share_the_connection_of_the_test() -> Iterator[None]:
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@dataclass(frozen=True)
class Told:
    """What an instrument was answered."""

    status: int
    headers: dict[str, str]
    body: Any


class Instrument:
    """Knocks at the house as a server does, with a service token."""

    def __init__(self, secret: str) -> None:
        self.house = QuickDoors(WSGIHandler())
        self.authorization = f"Bearer {secret}"

    def post(self, url: str, body: Any, **environ: str) -> Told:
        answer: list[Any] = []
        request = RequestFactory().post(
            url, json.dumps(body), content_type="application/json", HTTP_AUTHORIZATION=self.authorization, **environ
        )
        pieces = self.house(request.environ, lambda *told: answer.extend(told))  # type: ignore[arg-type, func-returns-value]
        return Told(int(answer[0].split()[0]), dict(answer[1]), json.loads(b"".join(pieces)))


@pytest.fixture
def shown(session: LabSession) -> tuple[ServiceToken, Instrument]:
    token, secret = make_token(make_member(session.team, Role.OPERATOR))
    return token, Instrument(secret)


def send(instrument: Instrument, session: LabSession, **environ: str) -> tuple[int, int]:
    """Return the status and how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        told = instrument.post(f"/api/sessions/{session.public_id}/telemetry/batch", BATCH, **environ)
    return told.status, len(queries)


@pytest.mark.parametrize("reason", REASONS)
def test_what_changes_between_two_batches_holds_for_the_second(
    session: LabSession, shown: tuple[ServiceToken, Instrument], reason: str
) -> None:
    token, client = shown
    change, status = REASONS[reason]
    assert [send(client, session)[0] for _ in range(3)] == [200, 200, 200]
    change(session, token)

    assert send(client, session)[0] == status

    assert Segment.objects.count() == 1


@pytest.mark.parametrize(
    "fields", [{"scopes": ["telemetry:write"]}, {"expires_at": timezone.now() + timedelta(days=1)}]
)
def test_a_narrowed_token_goes_the_short_way_where_it_reaches(
    session: LabSession, shown: tuple[ServiceToken, Instrument], fields: dict[str, Any]
) -> None:
    token, client = shown
    ServiceToken.objects.filter(pk=token.pk).update(team=session.team, session_ids=[session.public_id], **fields)
    send(client, session)

    short = send(client, session)
    long = send(client, session, HTTP_IDEMPOTENCY_KEY="once more")

    assert (short[0], long[0]) == (200, 200)
    assert short[1] < long[1]


WISHES: dict[str, dict[str, str]] = {
    "a key of its own": {"HTTP_IDEMPOTENCY_KEY": "once"},
    "a page of another site": {"HTTP_ORIGIN": "https://elsewhere.example"},
    "a query": {"QUERY_STRING": "x=1"},
    "another method": {"REQUEST_METHOD": "PUT"},
    "another type": {"CONTENT_TYPE": "text/plain"},
    "another host": {"HTTP_HOST": "elsewhere.example"},
    "another door": {"PATH_INFO": "/api/sessions/sess_01h455vb4pex5vsknk084sn02q/telemetry/latest"},
}


@pytest.mark.parametrize("wish", WISHES)
def test_whoever_wishes_something_special_is_passed_on_with_all_they_brought(
    session: LabSession, shown: tuple[ServiceToken, Instrument], wish: str, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["lab.example"]
    passed: list[bytes] = []

    def house(environ: dict[str, Any], start: Any) -> list[bytes]:
        passed.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start("200 OK", [])
        return [b"{}"]

    instrument = shown[1]
    instrument.house = QuickDoors(house)
    environ = {"HTTP_HOST": "lab.example"} | WISHES[wish]

    told = instrument.post(f"/api/sessions/{session.public_id}/telemetry/batch", BATCH, **environ)

    assert (told.status, [json.loads(body) for body in passed]) == (200, [BATCH])
    assert not Segment.objects.exists()


def test_what_cannot_be_stored_reaches_the_door_with_its_body(
    session: LabSession, shown: tuple[ServiceToken, Instrument]
) -> None:
    told = shown[1].post(f"/api/sessions/{session.public_id}/telemetry/batch", {"data": [{"channel": 5}]})

    assert (told.status, told.headers["Content-Type"]) == (422, "application/problem+json")
    assert told.body["errors"]


def test_plain_http_is_left_to_the_door_where_the_house_speaks_https(
    session: LabSession, shown: tuple[ServiceToken, Instrument], settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    def house(_environ: dict[str, Any], start: Any) -> list[bytes]:
        start("301 Moved Permanently", [])
        return [b"{}"]

    shown[1].house = QuickDoors(house)

    assert send(shown[1], session)[0] == 301
    assert send(shown[1], session, HTTP_X_FORWARDED_PROTO="https")[0] == 200


LATER = {"data": [{**BATCH["data"][0], "timestamp": "2026-01-02T03:04:06Z"}]}


def test_it_asks_as_little_as_it_can(session: LabSession, shown: tuple[ServiceToken, Instrument]) -> None:
    for _ in range(2):
        send(shown[1], session)

    with CaptureQueriesContext(connection) as queries:
        told = shown[1].post(f"/api/sessions/{session.public_id}/telemetry/batch", LATER)

    assert (told.status, told.body["created"]) == (200, 1)
    assert len(queries) == (1 if connection.vendor == "postgresql" else 6)  # two of the six the test's own savepoint


def limit(channel: Channel) -> None:
    Channel.objects.filter(pk=channel.pk).update(max_value=1.0)


def withdraw(channel: Channel) -> None:
    Channel.objects.filter(pk=channel.pk).update(withdrawn_at=PAST)


def forget(channel: Channel) -> None:
    Latest.objects.filter(channel=channel).delete()


@pytest.mark.parametrize(
    ("change", "flagged", "facts", "channels"),
    [
        (lambda channel: None, 0, [], 1),
        (limit, 1, ["telemetry.limit.crossed"], 1),
        (withdraw, 0, ["telemetry.channel.added"], 2),
        (forget, 0, ["telemetry.channel.added"], 1),
    ],
)
def test_what_becomes_of_a_channel_between_two_batches_holds_for_the_second(
    session: LabSession,
    shown: tuple[ServiceToken, Instrument],
    change: Callable[[Channel], None],
    flagged: int,
    facts: list[str],
    channels: int,
) -> None:
    for _ in range(2):
        send(shown[1], session)
    told_before = session.events.count()
    change(Channel.objects.get())

    told = shown[1].post(f"/api/sessions/{session.public_id}/telemetry/batch", LATER)

    assert (told.status, told.body["flagged"]) == (200, flagged)
    assert [event.kind for event in session.events.order_by("sequence")[told_before:]] == facts
    assert Channel.objects.count() == channels
    assert Segment.objects.count() == 2


def test_strangers_cost_no_decoding(session: LabSession, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []
    decode = BATCH_DOOR.decode
    watched = replace(BATCH_DOOR, decode=lambda body, **more: decoded.append(body) or decode(body, **more))
    monkeypatch.setattr(quick, "BATCH", watched)
    token, secret = make_token(make_member(session.team, Role.OPERATOR))
    stranger = Instrument("bl_" + "x" * 43)
    known = Instrument(secret)

    assert send(stranger, session)[0] == 401
    assert decoded == []
    assert send(known, session)[0] == 200
    ServiceToken.objects.filter(pk=token.pk).update(revoked_at=PAST)
    assert [send(known, session)[0] for _ in range(3)] == [401] * 3
    assert len(decoded) == 2  # the second before it was clear that the token is no good any more


def test_a_repeat_is_told_as_one(session: LabSession, shown: tuple[ServiceToken, Instrument]) -> None:
    url = f"/api/sessions/{session.public_id}/telemetry/batch"

    first, second = (shown[1].post(url, BATCH) for _ in range(2))

    assert (first.body["created"], second.body["created"]) == (1, 0)
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert first.body["batch_id"] == second.body["batch_id"]


def test_a_single_reading_goes_the_short_way_and_is_applied_whenever_it_is_sent(
    session: LabSession, shown: tuple[ServiceToken, Instrument]
) -> None:
    url = f"/api/sessions/{session.public_id}/telemetry"
    moment = {"timestamp": "2026-01-02T03:04:05.000006Z", "channel": "t", "unit": "°C"}

    with CaptureQueriesContext(connection) as queries:
        told = [shown[1].post(url, {**moment, "value": value}) for value in (1.5, 2.5, 1.5)]
    long = shown[1].post(url, {**moment, "value": 1.5}, HTTP_IDEMPOTENCY_KEY="once more")

    assert [answer.body["value"] for answer in told] == [1.5, 2.5, 1.5]
    assert (
        told[2].body
        == long.body
        == {**moment, "value": 1.5} | {name: told[0].body[name] for name in ("id", "session_id")}
    )
    assert Latest.objects.get().value == 1.5
    assert len(queries) <= 3 * 9
