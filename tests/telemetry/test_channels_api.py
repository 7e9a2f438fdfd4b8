"""`/api/v1/events`: the channels as controllers make, read, change and withdraw them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from biolab.accounts.models import Team
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.models import SecurityEntry
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app.models import Channel
from tests.factories.accounts import client_of, make_admin, make_person
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.factories.telemetry import ChannelFactory

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/events"
REACTOR = {"name": "Temperature Reactor", "min_value": 20.0, "max_value": 500.0, "unit": "°C", "type": "sensor"}


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def client(team: Team) -> APIClient:
    return client_of(make_member(team, Role.LEAD))


def made(client: APIClient, **more: Any) -> dict[str, Any]:
    answer = client.post(EVENTS, {**REACTOR, **more}, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def send(client: APIClient, event_id: str, value: Any = 21.5) -> None:
    sent = {"event_public_id": event_id, "value": value}
    assert client.post("/api/v1/datapoints", sent, format="json").status_code == 201


def test_a_channel_is_made_listed_read_and_changed(client: APIClient, team: Team) -> None:
    done = made(client)
    channel = Channel.objects.get()

    assert (done["status"], done["public_id"]) == ("success", channel.public_id)
    shown = {
        "public_id": channel.public_id,
        **REACTOR,
        "pinned": False,
        "user_public_id": channel.created_by.public_id if channel.created_by else None,
    }
    assert channel.team == team
    assert client.get(EVENTS).json() == {"page": 1, "page_size": 25, "total": 1, "data": [shown]}
    assert client.get(f"{EVENTS}/{channel.public_id}").json() == shown
    changed = client.put(f"{EVENTS}/{channel.public_id}", {"max_value": 600}, format="json")
    assert changed.status_code == 200
    assert client.get(f"{EVENTS}/{channel.public_id}/").json() == {**shown, "max_value": 600.0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 256},
        {"name": "bell\x07"},
        {"name": 7},
        {"unit": "u" * 65},
        {"min_value": 600},
        {"min_value": "nan"},
        {"max_value": "Infinity"},
        {"type": "thermometer"},
    ],
)
def test_what_is_no_channel_is_refused_and_nothing_is_made(client: APIClient, wrong: dict[str, Any]) -> None:
    answer = client.post(EVENTS, {**REACTOR, **wrong}, format="json")

    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert not Channel.objects.exists()


def test_a_name_is_taken_once_in_a_team_and_free_again_after_a_withdrawal(client: APIClient, team: Team) -> None:
    first = made(client)
    ChannelFactory(name="Elsewhere")

    assert client.post(EVENTS, REACTOR, format="json").status_code == 409
    made(client, name="Elsewhere")
    assert client_of(make_admin()).delete(f"{EVENTS}/{first['public_id']}").status_code == 200
    assert client.get(f"{EVENTS}/{first['public_id']}").status_code == 404
    made(client)


def test_a_name_and_a_unit_stay_once_there_are_readings(client: APIClient) -> None:
    event_id = made(client)["public_id"]
    before = client.put(f"{EVENTS}/{event_id}", {"name": "Reactor", "unit": "K"}, format="json")
    send(client, event_id)

    renamed = client.put(f"{EVENTS}/{event_id}", {"name": "Vessel"}, format="json")
    other_unit = client.put(f"{EVENTS}/{event_id}", {"unit": "°C"}, format="json")
    limits = client.put(f"{EVENTS}/{event_id}", {"name": "Reactor", "unit": "K", "min_value": None}, format="json")

    assert (before.status_code, before.json()["name"], before.json()["unit"]) == (200, "Reactor", "K")
    assert [answer.status_code for answer in (renamed, other_unit, limits)] == [409, 409, 200]
    assert renamed.json()["code"] == "channel_has_readings"
    assert (limits.json()["name"], limits.json()["min_value"]) == ("Reactor", -sys.float_info.max)
    assert Channel.objects.get().min_value is None
    kinds = SecurityEntry.objects.filter(kind__startswith="channel.").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["channel.added", "channel.renamed", "channel.changed"]


def test_a_change_holds_for_the_version_that_was_read(client: APIClient) -> None:
    event_id = made(client)["public_id"]
    tag = client.get(f"{EVENTS}/{event_id}")["ETag"]
    client.put(f"{EVENTS}/{event_id}", {"pinned": True}, format="json")

    stale = client.put(f"{EVENTS}/{event_id}", {"pinned": False}, format="json", headers={"If-Match": tag})

    assert stale.status_code == 412
    assert Channel.objects.get().pinned


def test_a_withdrawal_waits_for_no_seal_and_comes_too_late_after_one(client: APIClient, team: Team) -> None:
    session = SessionFactory(team=team)
    open_one, sealed_one = made(client)["public_id"], made(client, name="Sealed")["public_id"]
    send(client, open_one)
    admin = client_of(make_admin())
    assert admin.delete(f"{EVENTS}/{open_one}", {"reason": "probe fell out"}, format="json").status_code == 200
    send(client, sealed_one)
    move_session(session=session, move=COMPLETE, by=session.created_by, at=datetime.now(UTC))

    refused = admin.delete(f"{EVENTS}/{sealed_one}")

    assert refused.status_code == 409
    assert Channel.objects.in_use().get().public_id == sealed_one
    assert client.delete(f"{EVENTS}/{sealed_one}").status_code == 403


def test_an_operator_makes_channels_and_leaves_their_limits_alone(team: Team) -> None:
    operator = client_of(make_member(team, Role.OPERATOR))

    event_id = made(operator)["public_id"]

    assert operator.put(f"{EVENTS}/{event_id}", {"max_value": 1}, format="json").status_code == 403
    assert client_of(make_member(team, Role.OBSERVER)).post(EVENTS, REACTOR, format="json").status_code == 403


def test_who_is_in_no_team_works_in_the_default_team_and_who_is_in_several_names_one() -> None:
    loner, busy = make_person(), make_member(make_team("One"), Role.LEAD)
    second = make_team("Two")
    make_member(second, Role.OWNER)
    second.memberships.create(user=busy, role=Role.LEAD)

    made(client_of(loner))
    unnamed = client_of(busy).post(EVENTS, REACTOR, format="json")
    made(client_of(busy), team_id=second.public_id)

    assert unnamed.status_code == 422
    assert {team["name"] for team in unnamed.json()["teams"]} == {"One", "Two"}
    assert set(Channel.objects.values_list("team__name", flat=True)) == {"Main lab", "Two"}


def test_another_team_and_a_viewer_get_nothing(client: APIClient) -> None:
    event_id = made(client)["public_id"]
    stranger = client_of(make_member(make_team("Another"), Role.OWNER))
    viewer = client_of(make_person(PlatformRole.VIEWER))

    assert stranger.get(f"{EVENTS}/{event_id}").status_code == 404
    assert stranger.get(EVENTS).json()["total"] == 0
    assert viewer.post(EVENTS, REACTOR, format="json").status_code == 403


def test_a_list_costs_the_same_queries_however_many_channels_there_are(client: APIClient, team: Team) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(EVENTS, {"page_size": 100}).status_code == 200
        return len(queries)

    made(client)
    few = asked()
    for _ in range(30):
        ChannelFactory(team=team)

    assert asked() == few <= 4
    page = client.get(EVENTS, {"page": 2, "page_size": 25}).json()
    assert (page["page"], page["page_size"], page["total"], len(page["data"])) == (2, 25, 31, 6)
