"""How many queries the hot doors ask, however much they carry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from biolab.accounts.roles import Role
from sessions_app.models import LabSession
from telemetry_app.stores import current
from tests.factories.accounts import client_of
from tests.factories.sessions import SessionFactory, make_member
from tests.factories.telemetry import ChannelFactory, later_iso

pytestmark = pytest.mark.django_db(transaction=True)

FOR_THE_PERSON = 2  # the token with its owner, the session in sight
FOR_A_BATCH = {  # the token and its owner, the session, the role, the channels, the segment with the latest values
    "postgresql": 5,
    "sqlite": 6,  # the latest values by themselves
}
FOR_LIMITS = 1  # where limited channels stood


def asked(client: APIClient, url: str, body: Any = None) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get(url) if body is None else client.post(url, body, format="json")
    assert answer.status_code == 200
    return [query["sql"] for query in queries if not query["sql"].startswith(("BEGIN", "COMMIT"))]


def batch(number: int, channels: int, count: int) -> dict[str, Any]:
    start = timezone.now() - timedelta(minutes=4) + timedelta(seconds=10 * number)
    stamps = [later_iso(start, milliseconds=i) for i in range(count)]
    return {"columns": [{"channel": f"c{i}", "timestamps": stamps, "values": [15] * count} for i in range(channels)]}


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def client(session: LabSession) -> APIClient:
    client = client_of(make_member(session.team, Role.OPERATOR))
    url = f"/api/sessions/{session.public_id}/telemetry"
    assert client.post(f"{url}/batch", batch(0, 40, 1), format="json").status_code == 200
    return client


@pytest.mark.parametrize(("channels", "count"), [(1, 1), (40, 1), (20, 500)])
def test_a_batch_costs_the_same_queries_whatever_it_carries(
    client: APIClient, session: LabSession, channels: int, count: int
) -> None:
    queries = asked(client, f"/api/sessions/{session.public_id}/telemetry/batch", batch(1, channels, count))

    assert len(queries) == FOR_A_BATCH[connection.vendor], queries


def test_limits_cost_one_query_more(client: APIClient, session: LabSession) -> None:
    for i in range(50, 60):
        ChannelFactory(team=session.team, name=f"c{i}", limited=True)
    url = f"/api/sessions/{session.public_id}/telemetry/batch"
    asked(client, url, batch(1, 60, 1))

    queries = asked(client, url, batch(2, 60, 3))

    assert len(queries) == FOR_A_BATCH[connection.vendor] + FOR_LIMITS, queries


@pytest.mark.parametrize(
    ("rest", "most"),
    [
        ("", 5),
        ("?channel=c1", 6),
        ("/latest", 2),
        ("/latest?channel=c1", 3),
        ("/channels", 3),
        ("/summary", 3),
        ("/series", 5),
    ],
)
def test_reading_costs_the_same_queries_however_much_there_is(
    client: APIClient, session: LabSession, rest: str, most: int
) -> None:
    url = f"/api/sessions/{session.public_id}/telemetry"
    few = asked(client, url + rest)
    for number in range(1, 8):
        asked(client, f"{url}/batch", batch(number, 20, 300))
        if number == 4:
            current().compact(session.pk)

    many = asked(client, url + rest)

    assert len(few) <= len(many) <= FOR_THE_PERSON + most, many
