"""`/api/v1/experiments/{id}/export/csv`: what stands in the file, in which order, and what it costs."""

from __future__ import annotations

import csv
import io
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from biolab.accounts.roles import Role, Scope
from sessions_app.models import LabSession
from telemetry_app.exports.experiment import TIMELESS, experiment_pieces, id_ends
from telemetry_app.exports.outline import Column, Outline, Shape
from telemetry_app.exports.rows import AT_ONCE, Rows
from telemetry_app.models import Channel
from telemetry_app.readings import ReadingKey, parse_reading_id, reading_id
from tests.factories.accounts import client_of
from tests.factories.sessions import SessionFactory, make_member

HEADER = "timestamp,event_name,event_public_id,value,unit,datapoint_public_id"
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999


@pytest.fixture
def session() -> LabSession:
    return SessionFactory(name="Wirbelschicht Ü/1")


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(make_member(session.team, Role.OPERATOR))


def send(client: APIClient, session: LabSession, *rows: tuple[str, str, float, str]) -> None:
    data = [{"channel": name, "timestamp": at, "value": value, "unit": unit} for name, at, value, unit in rows]
    url = f"/api/sessions/{session.public_id}/telemetry/batch"
    assert client.post(url, {"data": data}, format="json").status_code == 200


def path(session: LabSession) -> str:
    return f"/api/v1/experiments/{session.public_id}/export/csv"


@given(
    st.lists(st.tuples(st.integers(EARLIEST, LATEST), st.integers(0, 2)), min_size=1, max_size=40),
    st.lists(st.uuids(), min_size=3, max_size=3),
    st.uuids(),
)
def test_ids_made_by_the_column_are_those_made_one_by_one(
    rows: list[tuple[int, int]], keys: list[UUID], session_id: UUID
) -> None:
    times, places = np.array([us for us, _ in rows]), np.array([place for _, place in rows], dtype=np.int32)

    ends = id_ends(times, places, np.array([key.int & 0xF for key in keys], dtype=np.uint64)).to_pylist()

    for (us, place), end in zip(rows, ends, strict=True):
        whole = reading_id(ReadingKey(keys[place], session_id, us))
        assert whole + "\r\n" == reading_id(ReadingKey(keys[place], session_id, 0))[:TIMELESS] + end


def test_the_file_comes_in_pieces_of_bounded_size() -> None:
    key = uuid4()
    outline = Outline(Shape.LONG, [Column(key, "chan_1", "pH", "")])
    count = 3 * AT_ONCE + 1
    rows = Rows(np.arange(count), np.zeros(count, dtype=np.int32), np.ones(count))

    pieces = list(experiment_pieces(uuid4(), outline, iter([rows])))

    assert [piece.count(b"\r\n") for piece in pieces] == [1, AT_ONCE, AT_ONCE, AT_ONCE, 1]


@pytest.mark.django_db(transaction=True)
def test_the_file_holds_every_reading_by_time_with_its_ids(client: APIClient, session: LabSession) -> None:
    send(
        client,
        session,
        ("pH", "2026-03-02T09:00:02Z", 7.25, "pH"),
        ("=cmd|'/c calc'!A1", "2026-03-02T09:00:01.000001Z", -3.0, "+V"),
        ("Temp, inner", "2026-03-02T09:00:01.000001Z", 37.0, "°C"),
    )

    answer = client.get(path(session))

    text = b"".join(answer).decode()  # type: ignore[call-overload]
    lines = text.split("\r\n")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    ids = {channel.name: channel for channel in Channel.objects.all()}
    assert (lines[0], lines[-1], len(lines)) == (HEADER, "", 5)
    assert "\n" not in text.replace("\r\n", "")
    assert [(row["timestamp"], row["event_name"], float(row["value"]), row["unit"]) for row in rows] == [
        ("2026-03-02T09:00:01.000001Z", "'=cmd|'/c calc'!A1", -3.0, "'+V"),
        ("2026-03-02T09:00:01.000001Z", "Temp, inner", 37.0, "°C"),
        ("2026-03-02T09:00:02.000000Z", "pH", 7.25, "pH"),
    ]
    for row in rows:
        key = parse_reading_id(row["datapoint_public_id"])
        channel = ids[row["event_name"].removeprefix("'")]
        assert row["event_public_id"] == channel.public_id
        assert key is not None
        assert (key.channel_id, key.session_id) == (channel.pk, session.pk)
        shown = client.get(f"/api/v1/datapoints/{row['datapoint_public_id']}").json()
        assert shown["value"] == float(row["value"])
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    name = f"experiment_Wirbelschicht_%C3%9C_1_{session.public_id[-8:]}.csv"
    assert answer["Content-Disposition"] == f"attachment; filename*=utf-8''{name}"


@pytest.mark.django_db(transaction=True)
def test_an_experiment_without_readings_has_the_header_alone(client: APIClient, session: LabSession) -> None:
    answer = client.get(path(session))

    assert b"".join(answer).decode() == f"{HEADER}\r\n"  # type: ignore[call-overload]


@pytest.mark.django_db
def test_the_file_needs_the_right_to_read_readings(session: LabSession) -> None:
    person = make_member(session.team, Role.OPERATOR)

    assert client_of(person, scopes=[Scope.SESSIONS_READ]).get(path(session)).status_code == 403
    assert client_of(make_member(None)).get(path(session)).status_code == 404
    assert client_of(person, scopes=[Scope.TELEMETRY_READ]).get(path(session)).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("channels", [1, 12])
def test_the_file_costs_the_same_queries_however_many_channels(
    client: APIClient, session: LabSession, channels: int
) -> None:
    send(client, session, *((f"c{number}", "2026-03-02T09:00:00Z", 1.0, "") for number in range(channels)))

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path(session))
        assert b"".join(answer).count(b"\r\n") == channels + 1  # type: ignore[call-overload]

    found = [query["sql"] for query in queries if not query["sql"].startswith(("BEGIN", "COMMIT", "DECLARE"))]
    assert len(found) == 8, found
