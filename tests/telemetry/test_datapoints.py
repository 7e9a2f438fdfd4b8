"""`POST /api/v1/datapoints…`: what controllers send, row by row to where it belongs."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from biolab.accounts.roles import PlatformRole, Role, Scope
from biolab.kernel.times import iso
from sessions_app.models import LabSession
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE, PAUSE
from telemetry_app.models import Channel, Latest, Segment
from tests.factories.accounts import client_of, make_admin
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.factories.telemetry import ChannelFactory

pytestmark = pytest.mark.django_db

POINTS = "/api/v1/datapoints"


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def channel(session: LabSession) -> Channel:
    return ChannelFactory(team=session.team, name="pH", unit="pH")


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(make_member(session.team, Role.OPERATOR))


def ago(**delta: float) -> str:
    return iso(datetime.now(UTC) - timedelta(**delta))


def point(channel: Channel, value: Any = 7.0, **more: Any) -> dict[str, Any]:
    return {"event_public_id": channel.public_id, "value": value, **more}


def send(client: APIClient, *rows: Any, way: str = "/batch", **headers: str) -> Any:
    return client.post(f"{POINTS}{way}", {"datapoints": rows}, format="json", headers=headers)


def stored(client: APIClient) -> list[Any]:
    return [(row["value"], row["experiment_public_id"]) for row in client.get(POINTS).json()["data"]]


def test_one_reading_goes_to_the_session_that_runs(client: APIClient, channel: Channel, session: LabSession) -> None:
    answer = client.post(POINTS, point(channel, 7.01, timestamp=ago(seconds=3)), format="json")

    assert answer.status_code == 201
    assert answer.json() == {"status": "success", "message": "1 datapoint stored.", "accepted": 1, "rejected": []}
    assert stored(client) == [(7.01, session.public_id)]


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"event_public_id": "chan_nothing"}, 404, "channel_unknown"),
        ({"event_public_id": "0198c0de-0000-7000-8000-000000000000"}, 404, "channel_unknown"),
        ({"value": "warm"}, 422, "invalid_value"),
        ({"value": None}, 422, "invalid_value"),
        ({"timestamp": "2026-03-02T09:00:00"}, 422, "invalid_timestamp"),
        ({"timestamp": "9999-12-31T00:00:00Z"}, 422, "timestamp_ahead"),
    ],
)
def test_one_reading_that_is_none_is_refused(
    client: APIClient, channel: Channel, wrong: dict[str, Any], status: int, code: str
) -> None:
    answer = client.post(POINTS, point(channel, **wrong), format="json")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Segment.objects.exists()


@pytest.mark.parametrize("way", ["/batch", "/bulk", "/batch/"])
def test_good_rows_are_stored_and_the_others_named_by_their_place(
    client: APIClient, channel: Channel, way: str
) -> None:
    elsewhere = ChannelFactory()

    answer = send(
        client,
        point(channel, 1, timestamp=ago(seconds=9)),
        point(elsewhere),
        point(channel, "2.5", timestamp=ago(seconds=8)),
        point(channel, "warm"),
        point(channel, True, timestamp=ago(seconds=7)),
        "nonsense",
        point(channel, 1, timestamp="yesterday"),
        {"value": 1},
        way=way,
    )

    assert answer.status_code == 201
    assert answer.json() == {
        "status": "success",
        "message": "3 datapoints stored, 5 rejected.",
        "accepted": 3,
        "rejected": [
            {"index": 1, "code": "unknown_event"},
            {"index": 3, "code": "invalid_value"},
            {"index": 5, "code": "not_an_object"},
            {"index": 6, "code": "invalid_timestamp"},
            {"index": 7, "code": "unknown_event"},
        ],
    }
    assert [value for value, _ in stored(client)] == [1.0, 2.5, 1.0]


def test_words_that_are_no_json_cost_their_row_alone(client: APIClient, channel: Channel) -> None:
    rows = [point(channel, value) for value in (1.0, float("nan"), float("inf"), 2.0)]

    answer = client.generic("POST", f"{POINTS}/batch", json.dumps({"datapoints": rows}), "application/json")

    assert answer.json()["accepted"] == 2
    assert [one["code"] for one in answer.json()["rejected"]] == ["invalid_value"] * 2


def test_rows_without_a_time_come_one_after_the_other_and_every_call_counts(
    client: APIClient, channel: Channel
) -> None:
    other = ChannelFactory(team=channel.team, name="T")
    rows = [point(channel, 10), point(other, 5), point(channel, 20), point(other, 7)]

    assert send(client, *rows).json()["message"].startswith("4 datapoints")
    assert send(client, *rows).json()["accepted"] == 4

    latest = {row["event_public_id"]: row["value"] for row in client.get(f"{POINTS}/latest").json()}
    assert latest == {channel.public_id: 20.0, other.public_id: 7.0}
    assert client.get(POINTS).json()["total"] == 8


def test_a_batch_sent_twice_is_stored_once(client: APIClient, channel: Channel) -> None:
    rows = [point(channel, i, timestamp=ago(seconds=i)) for i in range(5)]

    answers = [send(client, *rows).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert client.get(POINTS).json()["total"] == 5
    assert Segment.objects.count() == 1


def test_an_idempotency_key_answers_again_and_belongs_to_one_body(client: APIClient, channel: Channel) -> None:
    first = send(client, point(channel, 1), idempotency_key="k-1")
    again = send(client, point(channel, 1), idempotency_key="k-1")
    other = send(client, point(channel, 2), idempotency_key="k-1")

    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert other.status_code == 422
    assert [value for value, _ in stored(client)] == [1.0]


def test_readings_follow_the_session_that_started_last_and_go_to_none_without_one(
    client: APIClient, channel: Channel, session: LabSession
) -> None:
    later = SessionFactory(team=session.team, at=session.started_at + timedelta(hours=1))
    by = session.created_by

    send(client, point(channel, 1))
    move_session(session=later, move=COMPLETE, by=by, at=datetime.now(UTC))
    send(client, point(channel, 2))
    move_session(session=session, move=PAUSE, by=by, at=datetime.now(UTC))
    send(client, point(channel, 3))

    assert stored(client) == [(3.0, None), (2.0, session.public_id), (1.0, later.public_id)]


def test_a_batch_for_several_teams_is_parted_and_stored_as_one(session: LabSession, channel: Channel) -> None:
    second = make_team("Second")
    person = make_member(session.team, Role.OPERATOR)
    second.memberships.create(user=person, role=Role.OPERATOR)
    observed = make_team("Observed")
    observed.memberships.create(user=person, role=Role.OBSERVER)
    theirs, watched = ChannelFactory(team=second, name="pH"), ChannelFactory(team=observed, name="pH")
    client = client_of(person)

    answer = send(client, point(channel, 1), point(theirs, 2), point(watched, 3), point(channel, 4))

    assert answer.json()["rejected"] == [{"index": 2, "code": "not_allowed"}]
    assert sorted(stored(client), key=lambda row: row[0]) == [
        (1.0, session.public_id),
        (2.0, None),
        (4.0, session.public_id),
    ]


def test_both_forms_of_an_id_name_one_channel(client: APIClient, channel: Channel) -> None:
    answer = send(client, point(channel, 1), {"event_public_id": str(channel.pk), "value": 2})

    assert answer.json()["accepted"] == 2
    assert Latest.objects.get().value == 2.0


def test_who_runs_nothing_here_stores_nothing(session: LabSession, channel: Channel) -> None:
    team = session.team
    viewer = client_of(make_member(team, Role.OWNER, role_on_platform=PlatformRole.VIEWER))
    reader = client_of(make_member(team, Role.OPERATOR), scopes=[Scope.TELEMETRY_READ])
    other = SessionFactory(team=team, at=session.started_at - timedelta(days=1))
    narrowed = client_of(make_member(team, Role.OPERATOR), session_ids=[other.public_id])

    assert [send(client, point(channel)).status_code for client in (viewer, reader)] == [403, 403]
    for client in (client_of(make_admin()), client_of(make_member(team, Role.OBSERVER)), narrowed):
        answer = send(client, point(channel))
        assert answer.json()["rejected"] == [{"index": 0, "code": "not_allowed"}]
    assert not Segment.objects.exists()


def test_no_more_rows_than_the_setting_says(client: APIClient, channel: Channel, settings: Any) -> None:
    settings.DATAPOINTS_MAX = 3

    assert send(client, *[point(channel)] * 3).json()["accepted"] == 3
    refused = send(client, *[point(channel)] * 4)
    assert (refused.status_code, refused.json()["code"]) == (422, "batch_too_large")
    assert send(client).json()["message"] == "0 datapoints stored."


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"datapoints": [', 400),
        (b"", 400),
        (b'{"datapoints": {}}', 422),
        (b"[]", 422),
        (b'{"points": []}', 422),
        (b" " * (10 * 1024 * 1024 + 1), 413),
    ],
)
def test_what_is_no_batch_is_refused(client: APIClient, body: bytes, status: int) -> None:
    answer = client.generic("POST", f"{POINTS}/batch", body, "application/json")

    assert answer.status_code == status


def test_a_packed_body_is_unpacked(client: APIClient, channel: Channel) -> None:
    body = gzip.compress(json.dumps({"datapoints": [point(channel)]}).encode())

    answer = client.generic("POST", f"{POINTS}/batch", body, "application/json", headers={"content-encoding": "gzip"})

    assert answer.json()["accepted"] == 1


def test_five_thousand_channels_fit_in_a_batch_and_cost_as_many_queries_as_one(
    client: APIClient, session: LabSession, channel: Channel
) -> None:
    many = [Channel(team=session.team, name=f"c{i}", created_at=datetime.now(UTC)) for i in range(5000)]
    Channel.objects.bulk_create(many)

    def asked(*rows: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert send(client, *rows).json()["accepted"] == len(rows)
        own = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
        return len([sql for sql in own if "telemetry_app_latest" not in sql and "timeline" not in sql])

    asked(*[point(one, 1) for one in many])
    one = asked(point(many[0], 2))

    assert asked(*[point(one, 2) for one in many for _ in range(2)]) == one <= 9
    assert Latest.objects.count() == 5000
