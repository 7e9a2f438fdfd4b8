"""The door of ThingsBoard's devices: where their readings go, and what of them are readings."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import zstandard
from django.utils import timezone
from rest_framework.test import APIClient

from biolab.accounts.models import Membership, ServiceToken, User
from biolab.accounts.roles import PlatformRole, Role
from sessions_app.models import LabSession
from sessions_app.states import SessionStatus
from telemetry_app import stores
from telemetry_app.ingest.columns import MAX_ROWS
from telemetry_app.instants import to_us
from telemetry_app.models import Channel, Original, Segment
from tests.factories.accounts import make_token
from tests.factories.sessions import SessionFactory, make_member, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def operator(session: LabSession) -> User:
    return make_member(session.team, Role.OPERATOR)


@pytest.fixture
def secret(session: LabSession, operator: User) -> str:
    return make_token(operator, session_ids=[session.public_id])[1]


def send(secret: str, body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return APIClient().generic("POST", f"/api/v1/{secret}/telemetry", text, content_type="application/json")


def stored(session: LabSession | None) -> dict[str, list[tuple[int, float]]]:
    runs = stores.current().window(None if session is None else session.pk, None, -(2**62), 2**62)
    named = Channel.objects.in_bulk(list(runs))
    return {
        named[key].name: list(zip(run.times.tolist(), run.values.tolist(), strict=True)) for key, run in runs.items()
    }


def ago_ms(**delta: float) -> int:
    return to_us(timezone.now() - timedelta(**delta)) // 1000


def test_values_with_their_time_are_readings_of_that_time(session: LabSession, secret: str) -> None:
    ms = ago_ms(seconds=5)

    answer = send(secret, {"ts": ms, "values": {"pH": 7.01, "flow": "12.5", "pump": True}})

    assert (answer.status_code, answer.content) == (200, b"")
    at = ms * 1000
    assert stored(session) == {"pH": [(at, 7.01)], "flow": [(at, 12.5)], "pump": [(at, 1.0)]}
    assert Segment.objects.get().address_kind == "thingsboard"


def test_values_alone_happened_when_they_arrived(session: LabSession, secret: str) -> None:
    before = to_us(timezone.now())

    assert send(secret, {"pH": 7.01, "ts": 3}).status_code == 200

    found = stored(session)
    assert {name: [value for _, value in run] for name, run in found.items()} == {"pH": [7.01], "ts": [3.0]}
    assert before <= found["pH"][0][0] <= to_us(timezone.now())


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_small_devices_need_not_say_that_it_is_json(session: LabSession, secret: str, media_type: str) -> None:
    answer = APIClient().generic("POST", f"/api/v1/{secret}/telemetry", '{"pH": 7.1}', content_type=media_type)

    assert answer.status_code == 200
    assert [value for _, value in stored(session)["pH"]] == [7.1]


def test_an_array_holds_either_form_and_none_overwrites_another(session: LabSession, secret: str) -> None:
    ms = ago_ms(seconds=5)

    answer = send(secret, [{"pH": 1}, {"ts": ms, "values": {"pH": 2}}, {"pH": 3}])

    assert answer.status_code == 200
    assert [value for _, value in stored(session)["pH"]] == [2.0, 1.0, 3.0]


def test_what_is_no_number_is_kept_only_as_received(session: LabSession, secret: str) -> None:
    body = {"ts": ago_ms(seconds=5), "values": {"pH": 7, "state": "warm", "raw": {"a": 1}, "none": None, "list": [1]}}

    assert send(secret, body).status_code == 200

    assert list(stored(session)) == ["pH"]
    kept = Original.objects.get()
    assert kept.media_type == "application/json"
    assert json.loads(zstandard.ZstdDecompressor().decompress(bytes(kept.body))) == body


def test_a_repeat_is_stored_once_and_other_words_are_another_batch(session: LabSession, secret: str) -> None:
    ms = ago_ms(seconds=5)
    numbers = {"ts": ms, "values": {"pH": 7}}
    words = [{"ts": ms, "values": {"pH": 7, "state": state}} for state in ("warm", "cold")]

    for body in (numbers, *words, numbers, *words):
        assert send(secret, body).status_code == 200

    assert Segment.objects.count() == 3
    assert stored(session) == {"pH": [(ms * 1000, 7.0)]}


@pytest.mark.parametrize("body", [{}, [], [{}, {"ts": 1, "values": {}}]])
def test_a_device_may_try_its_connection_with_nothing(session: LabSession, secret: str, body: Any) -> None:
    assert send(secret, body).status_code == 200

    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ("{", 400, None),
        ("", 400, None),
        ("7", 422, ""),
        ([{"pH": 1}, 7], 422, "/1"),
        ({"ts": "yesterday", "values": {"pH": 1}}, 422, "/ts"),
        ({"ts": True, "values": {"pH": 1}}, 422, "/ts"),
        ({"ts": 10**30, "values": {"pH": 1}}, 422, "/ts"),
        ([{"ts": 4_000_000_000_000, "values": {"pH": 1}}], 422, "/0/ts"),
        ({"pH": float("nan")}, 422, "/pH"),
        ({"pH": 10**400}, 422, "/pH"),
        ({"": 1}, 422, "/"),
        ({"ts": 1, "values": {"p\x07H": 1}}, 422, "/values/p\x07H"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    session: LabSession, secret: str, body: Any, status: int, pointer: str | None
) -> None:
    answer = send(secret, body)

    assert answer.status_code == status
    if pointer is not None:
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert not Segment.objects.exists()
    assert not Channel.objects.exists()


def test_more_readings_than_a_batch_holds_are_refused(session: LabSession, secret: str) -> None:
    many = {f"channel {i}": 1 for i in range(1_001)}

    assert send(secret, [many] * (MAX_ROWS // 1_000)).status_code == 413
    assert not Segment.objects.exists()


# --- where they go ----------------------------------------------------------------------------------------------------


def test_a_token_of_no_session_feeds_the_running_one_that_started_last(session: LabSession, operator: User) -> None:
    started = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    LabSession.objects.filter(pk=session.pk).update(started_at=started)
    later: LabSession = SessionFactory(team=session.team)
    LabSession.objects.filter(pk=later.pk).update(started_at=started + timedelta(hours=1))
    _, secret = make_token(operator)

    assert send(secret, {"pH": 7}).status_code == 200
    LabSession.objects.filter(pk=later.pk).update(status=SessionStatus.PAUSED)
    assert send(secret, {"pO2": 9}).status_code == 200

    assert list(stored(later)) == ["pH"]
    assert list(stored(session)) == ["pO2"]


def test_while_none_runs_they_go_to_the_teams_channels_alone(session: LabSession, operator: User) -> None:
    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.COMPLETED, ended_at=timezone.now())
    _, secret = make_token(operator)

    assert send(secret, {"pH": 7}).status_code == 200

    assert stored(session) == {}
    assert list(stored(None)) == ["pH"]
    assert Channel.objects.get().team_id == session.team_id


def test_a_token_of_one_team_feeds_that_team_and_one_of_several_must_say_which(
    session: LabSession, operator: User
) -> None:
    other = make_team("Elsewhere")
    Membership.objects.create(user=operator, team=other, role=Role.OPERATOR)

    undecided = send(make_token(operator)[1], {"pH": 7})
    decided = send(make_token(operator, team=session.team)[1], {"pH": 7})

    assert undecided.status_code == 422
    assert decided.status_code == 200
    assert list(stored(session)) == ["pH"]


def test_a_token_of_certain_sessions_writes_nowhere_else(session: LabSession, operator: User) -> None:
    idle = [SessionFactory(team=session.team) for _ in range(2)]
    LabSession.objects.filter(pk__in=[one.pk for one in idle]).update(status=SessionStatus.PAUSED)
    _, secret = make_token(operator, session_ids=[one.public_id for one in idle])

    refused = send(secret, {"pH": 7})
    LabSession.objects.filter(pk=idle[0].pk).update(status=SessionStatus.RUNNING)

    assert refused.status_code == 403
    assert not Segment.objects.exists()
    assert send(secret, {"pH": 7}).status_code == 200
    assert list(stored(idle[0])) == ["pH"]


def test_an_owner_who_runs_nothing_anywhere_is_told_so(session: LabSession, operator: User) -> None:
    Membership.objects.filter(user=operator).update(role=Role.OBSERVER)

    assert send(make_token(operator)[1], {"pH": 7}).status_code == 403
    assert not Segment.objects.exists()


# --- who may ----------------------------------------------------------------------------------------------------------

PAST = timezone.now() - timedelta(minutes=1)
REASONS: dict[str, tuple[Callable[[ServiceToken], Any], int]] = {
    "revoked": (lambda token: ServiceToken.objects.filter(pk=token.pk).update(revoked_at=PAST), 401),
    "expired": (lambda token: ServiceToken.objects.filter(pk=token.pk).update(expires_at=PAST), 401),
    "other scope": (lambda token: ServiceToken.objects.filter(pk=token.pk).update(scopes=["telemetry:read"]), 403),
    "a viewer": (lambda token: User.objects.filter(pk=token.owner_id).update(role=PlatformRole.VIEWER), 403),
    "an observer": (lambda token: Membership.objects.filter(user=token.owner_id).update(role=Role.OBSERVER), 403),
    "no member": (lambda token: Membership.objects.filter(user=token.owner_id).delete(), 404),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_token_is_asked_afresh_each_time(session: LabSession, operator: User, reason: str) -> None:
    token, secret = make_token(operator, session_ids=[session.public_id])
    change, status = REASONS[reason]
    change(token)

    assert send(secret, {"pH": 7}).status_code == status
    assert not Segment.objects.exists()


@pytest.mark.parametrize("token", ["bl_unknown", "A1_TEST_TOKEN"])
def test_an_unknown_token_is_nobodys(token: str) -> None:
    answer = send(token, {"pH": 7})

    assert answer.status_code == 401
    assert token not in answer.content.decode()


def test_the_name_of_another_door_is_no_token() -> None:
    assert send("datapoints", {"pH": 7}).status_code == 405


def test_an_ended_session_of_its_own_takes_no_more(session: LabSession, secret: str) -> None:
    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.COMPLETED, ended_at=timezone.now())

    assert send(secret, {"pH": 7}).status_code == 409
