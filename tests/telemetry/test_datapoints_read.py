"""`GET /api/v1/datapoints…`: the readings of every session in sight and of none, as controllers read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from biolab.accounts.roles import Role
from biolab.kernel.times import iso
from sessions_app.models import LabSession
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app.models import Channel, Withdrawal
from telemetry_app.stores import current
from tests.factories.accounts import client_of, make_admin
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.factories.telemetry import ChannelFactory, later_iso

pytestmark = pytest.mark.django_db(transaction=True)

POINTS = "/api/v1/datapoints"


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def channel(session: LabSession) -> Channel:
    return ChannelFactory(team=session.team, name="pH")


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(make_member(session.team, Role.OPERATOR))


def send(client: APIClient, channel: Channel, values: Any, start: datetime | None = None) -> datetime:
    """Send values a second apart, the last one now, and return when the first one was."""
    first = start or datetime.now(UTC) - timedelta(seconds=len(values) - 1)
    rows = [
        {"event_public_id": channel.public_id, "value": value, "timestamp": later_iso(first, seconds=i)}
        for i, value in enumerate(values)
    ]
    answer = client.post(f"{POINTS}/bulk", {"datapoints": rows}, format="json")
    assert answer.json()["accepted"] == len(values), answer.json()
    return first


def listed(client: APIClient, **query: Any) -> dict[str, Any]:
    answer = client.get(POINTS, query)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def end(session: LabSession) -> None:
    move_session(session=session, move=COMPLETE, by=session.created_by, at=datetime.now(UTC))


def test_a_reading_is_shown_in_the_list_and_by_its_id(client: APIClient, channel: Channel, session: LabSession) -> None:
    at = send(client, channel, [7.01])

    page = listed(client)

    reading = page["data"][0]
    assert page == {"page": 1, "page_size": 25, "total": 1, "data": [reading]}
    assert reading == {
        "public_id": reading["public_id"],
        "value": 7.01,
        "timestamp": iso(at),
        "event_public_id": channel.public_id,
        "experiment_public_id": session.public_id,
    }
    assert client.get(f"{POINTS}/{reading['public_id']}").json() == reading
    assert client.get(f"{POINTS}/{reading['public_id']}x").status_code == 404


def test_the_list_runs_newest_first_over_sessions_and_none_whether_packed_or_not(
    client: APIClient, channel: Channel, session: LabSession
) -> None:
    other = ChannelFactory(team=session.team, name="T")
    hour = datetime.now(UTC) - timedelta(hours=1)
    send(client, channel, range(10), hour)
    end(session)
    send(client, other, range(100, 110), hour + timedelta(seconds=5))
    current().compact(session.pk)
    later = SessionFactory(team=session.team)
    send(client, channel, range(200, 210), hour + timedelta(seconds=8))

    pages = [listed(client, page=number, page_size=7) for number in range(1, 6)]

    shown = [(row["timestamp"], row["value"]) for page in pages for row in page["data"]]
    assert {page["total"] for page in pages} == {30}
    assert len(shown) == 30
    assert [at for at, _ in shown] == sorted((at for at, _ in shown), reverse=True)
    assert sorted(value for _, value in shown) == [*range(10), *range(100, 110), *range(200, 210)]
    assert listed(client, event_id=other.public_id)["total"] == 10
    assert listed(client, experiment_id=later.public_id)["total"] == 10
    assert listed(client, experiment_id=session.public_id, event_id=other.public_id)["total"] == 0
    cut = {"from": later_iso(hour, seconds=7), "to": later_iso(hour, seconds=9)}
    assert sorted(row["value"] for row in listed(client, **cut)["data"]) == [7, 8, 9, 102, 103, 104, 200, 201]
    assert listed(client, **cut)["total"] == 8


def test_the_same_moment_counts_once_and_the_last_value_wins(client: APIClient, channel: Channel) -> None:
    at = send(client, channel, [1])
    send(client, channel, [2], at)

    page = listed(client)

    assert (page["total"], page["data"][0]["value"]) == (1, 2.0)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"page": 0}, 422),
        ({"page_size": 101}, 422),
        ({"page": 1_000_000, "page_size": 100}, 422),
        ({"from": "yesterday"}, 422),
        ({"event_id": "chan_x"}, 404),
        ({"experiment_id": "0198c0de-0000-7000-8000-000000000000"}, 404),
    ],
)
def test_what_cannot_be_asked_is_refused(client: APIClient, query: dict[str, Any], status: int) -> None:
    assert client.get(POINTS, query).status_code == status


def test_the_latest_is_one_of_each_channel_whatever_session_it_came_in(
    client: APIClient, channel: Channel, session: LabSession
) -> None:
    quiet, silent = ChannelFactory(team=session.team, name="T"), ChannelFactory(team=session.team, name="none")
    now = datetime.now(UTC)
    send(client, channel, [1, 2])
    send(client, quiet, [20], now - timedelta(days=9))
    end(session)
    SessionFactory(team=session.team)
    send(client, channel, [3], now - timedelta(hours=2))

    latest = client.get(f"{POINTS}/latest").json()

    assert [(row["event_public_id"], row["value"]) for row in latest] == [
        (quiet.public_id, 20.0),
        (channel.public_id, 2.0),
    ]
    assert silent.public_id not in str(latest)


def test_a_series_keeps_every_spike_and_the_last_reading(client: APIClient, channel: Channel) -> None:
    other = ChannelFactory(team=channel.team, name="T")
    values = np.sin(np.arange(3000) / 50)
    values[1234], values[2345] = 99.0, -99.0
    send(client, channel, values.tolist())
    send(client, other, [1, 2, 3])
    ids = [channel.public_id, other.public_id, "chan_gone"]

    answer = client.post(f"{POINTS}/series", {"event_public_ids": ids, "max_points": 100}, format="json")

    shown = answer.json()
    assert answer.status_code == 200
    assert list(shown) == ids
    assert [row["value"] for row in shown[other.public_id]] == [1.0, 2.0, 3.0]
    assert shown["chan_gone"] == []
    points = shown[channel.public_id]
    assert 90 <= len(points) <= 100
    assert {99.0, -99.0, values[-1]} <= {row["value"] for row in points}
    assert [row["timestamp"] for row in points] == sorted(row["timestamp"] for row in points)
    assert client.get(f"{POINTS}/{points[0]['public_id']}").json() == points[0]


@pytest.mark.parametrize(
    "wrong", [{"event_public_ids": []}, {"event_public_ids": ["x"] * 21}, {"minutes": 14_401}, {"max_points": 9}]
)
def test_a_series_has_its_bounds(client: APIClient, channel: Channel, wrong: dict[str, Any]) -> None:
    body = {"event_public_ids": [channel.public_id], **wrong}

    assert client.post(f"{POINTS}/series", body, format="json").status_code == 422


def test_a_reading_is_withdrawn_on_the_record_by_administrators_until_the_seal(
    client: APIClient, channel: Channel, session: LabSession
) -> None:
    send(client, channel, [1, 2, 3])
    third, second, _ = (row["public_id"] for row in listed(client)["data"])
    admin = client_of(make_admin())

    assert client.delete(f"{POINTS}/{third}").status_code == 403
    assert admin.delete(f"{POINTS}/{third}", {"reason": "air bubble"}, format="json").status_code == 200
    assert admin.delete(f"{POINTS}/{third}").status_code == 404

    assert [row["value"] for row in listed(client)["data"]] == [2.0, 1.0]
    assert listed(client)["total"] == 2
    assert client.get(f"{POINTS}/latest").json()[0]["value"] == 2.0
    assert Withdrawal.objects.get().reason == "air bubble"
    end(session)
    assert admin.delete(f"{POINTS}/{second}").status_code == 409
    assert listed(client)["total"] == 2


def test_readings_are_for_those_who_see_their_channel_and_session(
    client: APIClient, channel: Channel, session: LabSession
) -> None:
    send(client, channel, [1])
    reading = listed(client)["data"][0]["public_id"]
    end(session)
    send(client, channel, [2])
    stranger = client_of(make_member(make_team("Another"), Role.OWNER))
    narrowed = client_of(make_member(session.team, Role.OPERATOR), session_ids=[session.public_id])

    assert (listed(stranger)["data"], stranger.get(f"{POINTS}/latest").json()) == ([], [])
    assert stranger.get(f"{POINTS}/{reading}").status_code == 404
    assert [row["value"] for row in listed(narrowed)["data"]] == [1.0]
    assert [row["value"] for row in narrowed.get(f"{POINTS}/latest").json()] == [1.0]
    assert narrowed.get(f"{POINTS}/{listed(client)['data'][0]['public_id']}").status_code == 404


@pytest.mark.parametrize(("way", "most"), [("", 12), ("/latest", 4), ("?event_id={event}", 12)])
def test_reading_costs_the_same_queries_however_much_there_is(
    client: APIClient, channel: Channel, session: LabSession, way: str, most: int
) -> None:
    url = POINTS + way.format(event=channel.public_id)

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    send(client, channel, range(3))
    few = asked()
    for number in range(12):
        send(client, ChannelFactory(team=session.team), range(200))
        if number == 8:
            current().compact(session.pk)

    assert few - 1 <= asked() <= most
