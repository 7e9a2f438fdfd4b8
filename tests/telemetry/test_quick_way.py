"""The short way for plain batches lets in exactly whom the door itself lets in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from biolab.accounts.models import Membership, ServiceToken, User
from biolab.accounts.roles import PlatformRole, Role
from sessions_app.models import LabSession
from sessions_app.states import SessionStatus
from telemetry_app.models import Segment
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


@pytest.fixture
def shown(session: LabSession) -> tuple[ServiceToken, APIClient]:
    token, secret = make_token(make_member(session.team, Role.OPERATOR))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return token, client


def send(client: APIClient, session: LabSession, **headers: Any) -> tuple[int, int]:
    """Return the status and how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.post(f"/api/sessions/{session.public_id}/telemetry/batch", BATCH, format="json", **headers)
    return answer.status_code, len(queries)


@pytest.mark.parametrize("reason", REASONS)
def test_what_changes_between_two_batches_holds_for_the_second(
    session: LabSession, shown: tuple[ServiceToken, APIClient], reason: str
) -> None:
    token, client = shown
    change, status = REASONS[reason]
    assert send(client, session)[0] == 200
    change(session, token)

    assert send(client, session)[0] == status

    assert Segment.objects.count() == 1


@pytest.mark.parametrize(
    "fields", [{"scopes": ["telemetry:write"]}, {"expires_at": timezone.now() + timedelta(days=1)}]
)
def test_a_narrowed_token_goes_the_short_way_where_it_reaches(
    session: LabSession, shown: tuple[ServiceToken, APIClient], fields: dict[str, Any]
) -> None:
    token, client = shown
    ServiceToken.objects.filter(pk=token.pk).update(team=session.team, session_ids=[session.public_id], **fields)
    send(client, session)

    short = send(client, session)
    long = send(client, session, HTTP_IDEMPOTENCY_KEY="once more")

    assert (short[0], long[0]) == (200, 200)
    assert short[1] < long[1]


def test_a_repeat_is_told_as_one(session: LabSession, shown: tuple[ServiceToken, APIClient]) -> None:
    url = f"/api/sessions/{session.public_id}/telemetry/batch"

    first, second = (shown[1].post(url, BATCH, format="json") for _ in range(2))

    assert (first.json()["created"], second.json()["created"]) == (1, 0)
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert first.json()["batch_id"] == second.json()["batch_id"]


def test_a_single_reading_goes_the_short_way_and_is_applied_whenever_it_is_sent(
    session: LabSession, shown: tuple[ServiceToken, APIClient]
) -> None:
    url = f"/api/sessions/{session.public_id}/telemetry"
    moment = {"timestamp": "2026-01-02T03:04:05.000006Z", "channel": "t", "unit": "°C"}

    with CaptureQueriesContext(connection) as queries:
        told = [shown[1].post(url, {**moment, "value": value}, format="json") for value in (1.5, 2.5, 1.5)]
    long = shown[1].post(url, {**moment, "value": 1.5}, format="json", headers={"Idempotency-Key": "once more"})

    assert [answer.json()["value"] for answer in told] == [1.5, 2.5, 1.5]
    assert (
        {**told[2].json()}
        == {**long.json()}
        == {**moment, "value": 1.5} | {name: told[0].json()[name] for name in ("id", "session_id")}
    )
    assert shown[1].get(f"{url}/latest", {"channel": "t"}).json()["value"] == 1.5
    assert len(queries) <= 3 * 9
