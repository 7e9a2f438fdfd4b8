"""The doors of a session's readings."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from biolab.accounts.models import Membership, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.times import iso
from sessions_app.models import LabSession, TimelineEvent
from telemetry_app.models import Channel, Segment
from telemetry_app.readings import parse_reading_id
from telemetry_app.stores import current
from tests.factories.accounts import client_of, make_admin, make_person
from tests.factories.sessions import SessionFactory, make_member
from tests.factories.telemetry import ChannelFactory, bench_recording, later_iso

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(make_member(session.team, Role.OPERATOR))


def address(session: LabSession, rest: str = "") -> str:
    return f"/api/sessions/{session.public_id}/telemetry{rest}"


def ago(**delta: float) -> str:
    return iso(timezone.now() - timedelta(**delta))


def rows(count: int = 3, channel: str = "pH", start: datetime | None = None) -> list[dict[str, Any]]:
    first = start or timezone.now() - timedelta(seconds=count)
    return [{"timestamp": later_iso(first, seconds=i), "channel": channel, "value": float(i)} for i in range(count)]


def send(client: APIClient, session: LabSession, body: Any, **headers: str) -> Any:
    return client.post(address(session, "/batch"), body, format="json", headers=headers)


def test_a_single_reading_is_stored_shown_and_found_by_its_id(client: APIClient, session: LabSession) -> None:
    at = ago(seconds=3)

    answer = client.post(address(session), {"timestamp": at, "channel": "pH", "value": 7.01, "unit": "pH"})

    assert answer.status_code == 200
    reading = answer.json()
    assert reading == {
        "id": reading["id"],
        "session_id": session.public_id,
        "timestamp": at,
        "channel": "pH",
        "value": 7.01,
        "unit": "pH",
    }
    key = parse_reading_id(reading["id"])
    assert key is not None
    assert key.session_id == session.pk
    assert client.get(address(session)).json() == [reading]
    assert client.get(address(session, "/latest"), {"channel": "pH"}).json() == reading
    assert client.get(address(session, "/latest")).json() == {"pH": reading}


def test_a_single_reading_without_a_time_happened_now_and_every_call_counts(
    client: APIClient, session: LabSession
) -> None:
    for value in ("7.1", True):
        assert client.post(address(session), {"channel": "pH", "value": value}).status_code == 200

    assert [reading["value"] for reading in client.get(address(session)).json()] == [1.0, 7.1]


def test_a_batch_counts_what_it_brought_and_a_repeat_brings_nothing(client: APIClient, session: LabSession) -> None:
    data = rows(5)

    first, again = send(client, session, {"data": data}), send(client, session, {"data": data})

    assert first.status_code == again.status_code == 200
    assert (first.json()["created"], again.json()["created"]) == (5, 0)
    assert first.json()["batch_id"] == again.json()["batch_id"]
    assert again["Idempotent-Replayed"] == "true"
    assert len(client.get(address(session)).json()) == 5


def test_a_named_batch_is_answered_from_its_receipt_even_after_compaction(
    client: APIClient, session: LabSession
) -> None:
    data = rows(4, start=timezone.now() - timedelta(hours=1))
    body = {"data": data, "batch_id": "run-7/1"}
    first = send(client, session, body).json()
    current().compact(session.pk)
    send(client, session, {"data": [{**data[0], "value": 99}]})

    again = send(client, session, body)

    assert first == {"created": 4, "late": 4, "flagged": 0, "batch_id": "run-7/1"}
    assert again.json() == {**first, "created": 0}
    assert client.get(address(session)).json()[-1]["value"] == 99


def test_the_idempotency_key_names_a_batch_and_belongs_to_one_body(client: APIClient, session: LabSession) -> None:
    headers = {"idempotency_key": "k-1"}
    url = address(session)
    body = {"channel": "pH", "value": 7}

    first = client.post(url, body, headers=headers)
    again = client.post(url, body, headers=headers)
    other = client.post(url, {"channel": "pH", "value": 8}, headers=headers)
    bad = client.post(url, body, headers={"idempotency_key": "x" * 256})

    assert (first.status_code, again.status_code) == (200, 200)
    assert again["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_idempotency_key")
    assert len(client.get(url).json()) == 1


def test_columns_and_gzip_are_taken_too(client: APIClient, session: LabSession) -> None:
    at = [ago(seconds=2), ago(seconds=1)]
    body = json.dumps({"columns": [{"channel": "DO", "unit": "%", "timestamps": at, "values": [40, "41"]}]}).encode()

    answer = client.generic(
        "POST",
        address(session, "/batch"),
        gzip.compress(body),
        content_type="application/json",
        headers={"content_encoding": "gzip"},
    )

    assert answer.json()["created"] == 2
    assert [reading["value"] for reading in client.get(address(session)).json()] == [41.0, 40.0]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"no gzip", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-3], {"content_encoding": "gzip"}, 400),
        (gzip.compress(b" " * 11_000_000, mtime=0), {"content_encoding": "gzip"}, 413),
        (b"{}", {"content_encoding": "br"}, 415),
        (b" " * 11_000_000, {}, 413),
        (b"{", {}, 400),
        (b"", {}, 400),
        (b'{"data": []}', {}, 422),
        (b'{"data": [{"channel": "a", "value": NaN}]}', {}, 422),
    ],
)
def test_bodies_that_cannot_be_taken_leave_nothing(
    client: APIClient, session: LabSession, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = client.generic("POST", address(session, "/batch"), body, content_type="application/json", headers=headers)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert not Segment.objects.exists()
    assert not Channel.objects.exists()


def test_a_wrong_row_keeps_the_whole_batch_out(client: APIClient, session: LabSession) -> None:
    data = [*rows(3), {"timestamp": "2026-03-02T09:00:00", "channel": "pH", "value": 1}]

    answer = send(client, session, {"data": data})

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/data/3/timestamp"]
    assert not Segment.objects.exists()
    assert client.get(address(session)).json() == []


@pytest.mark.parametrize(("trait", "code"), [("planned", "session_not_running"), ("completed", "session_ended")])
def test_a_session_that_does_not_run_takes_nothing(trait: str, code: str) -> None:
    session = SessionFactory(**{trait: True})
    client = client_of(make_member(session.team, Role.OPERATOR))

    answer = send(client, session, {"data": rows(1)})

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert not Segment.objects.exists()
    assert not Channel.objects.exists()


def test_a_paused_session_goes_on_recording() -> None:
    session = SessionFactory(paused=True)

    answer = send(client_of(make_member(session.team, Role.OPERATOR)), session, {"data": rows(1)})

    assert answer.json()["created"] == 1


def readers_and_writers(session: LabSession) -> list[tuple[User, dict[str, Any], int, int]]:
    """Return (person, token's fields, status of reading, status of writing)."""
    operator = make_member(session.team, Role.OPERATOR)
    other = SessionFactory(team=session.team)
    viewer = make_person(PlatformRole.VIEWER)
    Membership.objects.create(team=session.team, user=viewer, role=Role.OPERATOR)
    return [
        (operator, {}, 200, 200),
        (operator, {"scopes": ["telemetry:write"]}, 403, 200),
        (operator, {"scopes": ["telemetry:read"]}, 200, 403),
        (operator, {"scopes": ["sessions:write"]}, 403, 403),
        (operator, {"session_ids": [session.public_id]}, 200, 200),
        (operator, {"session_ids": [other.public_id]}, 404, 404),
        (operator, {"team": SessionFactory().team}, 404, 404),
        (make_member(session.team, Role.OBSERVER), {}, 200, 403),
        (viewer, {}, 200, 403),
        (make_admin(), {}, 200, 403),
        (make_person(), {}, 404, 404),
        (make_member(SessionFactory().team, Role.OWNER), {}, 404, 404),
    ]


def test_who_may_read_and_who_may_write(session: LabSession) -> None:
    for number, (person, token, reads, writes) in enumerate(readers_and_writers(session)):
        client = client_of(person, **token)
        before = Segment.objects.count()

        for rest in ("", "/channels", "/summary", "/series"):
            assert client.get(address(session, rest)).status_code == reads, (number, rest)
        assert send(client, session, {"data": rows(1)}).status_code == writes, number
        assert client.post(address(session), {"channel": "pH", "value": 1}).status_code == writes, number

        assert Segment.objects.count() == before + (2 if writes == 200 else 0)


def test_nobody_reads_without_credentials(session: LabSession) -> None:
    for rest in ("", "/latest", "/channels", "/summary", "/series"):
        assert APIClient().get(address(session, rest)).status_code == 401
    assert send(APIClient(), session, {"data": rows(1)}).status_code == 401
    assert not Segment.objects.exists()


@pytest.mark.parametrize("sid", ["sess_nonsense", "x", "00000000-0000-7000-8000-000000000000"])
def test_an_unknown_session_is_not_there(client: APIClient, sid: str) -> None:
    assert client.get(f"/api/sessions/{sid}/telemetry").status_code == 404
    assert client.post(f"/api/sessions/{sid}/telemetry", {"channel": "a", "value": 1}).status_code == 404


def test_readings_come_newest_first_by_pages_that_follow_the_link(client: APIClient, session: LabSession) -> None:
    start = timezone.now() - timedelta(minutes=2)
    send(client, session, {"data": [row for name in ("a", "b") for row in rows(60, name, start)]})
    current().compact(session.pk)
    send(client, session, {"data": rows(60, "c", start)})

    seen, url = [], address(session, "?limit=50")
    while url:
        page = client.get(url)
        seen += page.json()
        link = page.get("Link", "")
        url = link.partition("<")[2].partition(">")[0]

    assert len(seen) == 180
    assert len({reading["id"] for reading in seen}) == 180
    assert [reading["timestamp"] for reading in seen] == sorted((r["timestamp"] for r in seen), reverse=True)


def test_readings_are_narrowed_by_channel_and_time(client: APIClient, session: LabSession) -> None:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    send(client, session, {"data": [row for name in ("a", "b") for row in rows(10, name, start)]})

    def values(**query: Any) -> list[float]:
        return [reading["value"] for reading in client.get(address(session), query).json()]

    assert values(channel="a") == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert values(channel="a", **{"from": "2026-03-02T09:00:03Z", "to": "2026-03-02T10:00:05+01:00"}) == [5, 4, 3]
    assert values(channel=["a", "b"], limit=2) == [9, 9]
    assert values(channel="unheard of") == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "10001"},
        {"limit": "x"},
        {"from": "yesterday"},
        {"to": "2026-03-02T09:00:00"},
        {"cursor": "nonsense"},
        {"cursor": "tel_aaaa"},
    ],
)
def test_queries_that_make_no_sense_are_named(client: APIClient, session: LabSession, query: dict[str, str]) -> None:
    answer = client.get(address(session), query)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"?{next(iter(query))}"


def test_a_channel_without_readings_has_no_latest_one(client: APIClient, session: LabSession) -> None:
    ChannelFactory(team=session.team, name="quiet")

    assert client.get(address(session, "/latest"), {"channel": "quiet"}).status_code == 404
    assert client.get(address(session, "/latest"), {"channel": "unknown"}).status_code == 404
    assert client.get(address(session, "/latest")).json() == {}


def test_channels_and_summary_say_what_the_session_holds(client: APIClient, session: LabSession) -> None:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    send(client, session, {"data": rows(10, "b", start) + rows(4, "a", start)})

    channels = client.get(address(session, "/channels")).json()
    summary = client.get(address(session, "/summary")).json()

    assert channels["channels"] == ["a", "b"]
    assert channels["items"][1] == {
        "name": "b",
        "unit": "",
        "count": 10,
        "first": "2026-03-02T09:00:00Z",
        "last": "2026-03-02T09:00:09Z",
        "min": 0.0,
        "max": 9.0,
    }
    assert (summary["readings"], summary["first"], summary["last"]) == (
        14,
        "2026-03-02T09:00:00Z",
        "2026-03-02T09:00:09Z",
    )
    assert summary["channels"][1]["mean"] == 4.5


def test_a_recording_comes_back_value_by_value_and_its_chart_keeps_every_spike(
    client: APIClient, session: LabSession
) -> None:
    times, columns = bench_recording(1200)
    stamps = [later_iso(datetime(1970, 1, 1, tzinfo=UTC), microseconds=int(us)) for us in times]
    for start in range(0, 1200, 300):
        part = slice(start, start + 300)
        data = [
            {"timestamp": at, "channel": name, "value": float(value)}
            for name, column in columns.items()
            for at, value in zip(stamps[part], column[part], strict=True)
        ]
        assert send(client, session, {"data": data}).json()["created"] == 2400
        if start == 600:
            current().compact(session.pk)

    for name, column in columns.items():
        found = client.get(address(session), {"channel": name, "limit": 10_000}).json()
        assert [reading["timestamp"] for reading in reversed(found)] == stamps
        assert [reading["value"] for reading in reversed(found)] == column.tolist()
    chart = client.get(address(session, "/series"), {"channels": "Current,Pressure", "max_points": 100}).json()
    assert chart["decimated"]
    assert chart["raw_count"] == 2400
    assert len(chart["time"]) <= 100
    assert max(chart["series"]["Current"]["max"]) == 19.7531
    assert min(chart["series"]["Pressure"]["min"]) == -7.38264
    whole = client.get(address(session, "/series"), {"channels": "Current"}).json()
    assert not whole["decimated"]
    assert whole["time"] == stamps
    assert whole["series"]["Current"]["value"] == columns["Current"].tolist()


def test_a_chart_names_channels_that_do_not_exist_and_reads_names_with_commas(
    client: APIClient, session: LabSession
) -> None:
    send(client, session, {"data": rows(3, "flow, left") + rows(3, "pH")})

    shown = client.get(address(session, "/series"), {"channels": "pH,flow, left"})
    missing = client.get(address(session, "/series"), {"channels": "pH,none"})

    assert list(shown.json()["series"]) == ["pH", "flow, left"]
    assert list(client.get(address(session, "/series")).json()["series"]) == ["flow, left", "pH"]
    assert (missing.status_code, missing.json()["code"]) == (404, "channel_unknown")
    assert client.get(address(session, "/series"), {"max_points": "9"}).status_code == 422


def test_gaps_in_a_chart_are_null(client: APIClient, session: LabSession) -> None:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    send(client, session, {"data": rows(2, "a", start) + rows(1, "b", start)})

    assert client.get(address(session, "/series")).json()["series"]["b"]["value"] == [0.0, None]


def test_another_unit_is_refused_and_a_first_one_is_adopted(client: APIClient, session: LabSession) -> None:
    url = address(session)
    client.post(url, {"channel": "T", "value": 300})
    adopted = client.post(url, {"channel": "T", "value": 301, "unit": "K"})

    respelled = client.post(url, {"channel": "T", "value": 302, "unit": "kelvin"})
    refused = client.post(url, {"channel": "T", "value": 27, "unit": "°C", "data": [1]})

    assert [answer.json()["unit"] for answer in (adopted, respelled)] == ["K", "K"]
    assert (refused.status_code, refused.json()["code"]) == (422, "unit_mismatch")
    assert refused.json()["errors"][0]["pointer"] == "/unit"
    assert Channel.objects.get().unit == "K"
    assert len(client.get(url).json()) == 3


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (
            {
                "data": [
                    {"channel": "p", "value": 1, "unit": "bar"},
                    {"channel": "T", "value": 27},
                    {"channel": "T", "value": 27, "unit": "°C"},
                    {"channel": "p", "value": 1, "unit": "bar"},
                ]
            },
            ["/data/2/unit", "/data/0/unit"],
        ),
        (
            {"columns": [{"channel": "q", "values": [1]}, {"channel": "T", "unit": "°C", "values": ["1"]}]},
            ["/columns/1/unit"],
        ),
    ],
)
def test_rows_in_another_unit_are_named(
    client: APIClient, session: LabSession, body: dict[str, Any], pointers: list[str]
) -> None:
    ChannelFactory(team=session.team, name="T", unit="K")
    ChannelFactory(team=session.team, name="p", unit="Pa")

    refused = client.post(address(session, "/batch"), body)

    assert (refused.status_code, refused.json()["code"]) == (422, "unit_mismatch")
    assert [error["pointer"] for error in refused.json()["errors"]] == pointers
    assert client.get(address(session)).json() == []
    assert not Channel.objects.filter(name="q").exists()


def test_the_source_of_every_batch_is_kept(session: LabSession) -> None:
    person = make_member(session.team, Role.OPERATOR)

    send(client_of(person), session, {"data": rows(1), "batch_id": "b"})

    batch = Segment.objects.get()
    assert batch.person == person
    assert batch.token is not None
    assert batch.source == batch.token.public_id
    assert (batch.batch_id, batch.address_kind, len(batch.body_sha256)) == ("b", "http", 64)


def test_readings_outside_the_limits_are_kept_and_flagged_and_the_crossing_is_told_once(
    client: APIClient, session: LabSession
) -> None:
    ChannelFactory(team=session.team, name="T", limited=True, unit="°C")
    start = timezone.now() - timedelta(minutes=1)
    values = [15.0, 21.0, 22.0, 19.9, 20.1, 15.0]
    data = [
        {"timestamp": later_iso(start, seconds=i), "channel": "T", "value": value} for i, value in enumerate(values)
    ]

    flagged = [send(client, session, {"data": [row]}).json()["flagged"] for row in data]

    assert flagged == [0, 1, 1, 0, 1, 0]
    assert len(client.get(address(session)).json()) == 6
    told = TimelineEvent.objects.filter(session=session, kind__startswith="telemetry.limit").order_by("sequence")
    assert [event.kind for event in told] == ["telemetry.limit.crossed", "telemetry.limit.cleared"]
    payload = told[0].payload
    assert (payload["channel"], payload["value"], payload["standing"], payload["maximum"]) == ("T", 21.0, "high", 20.0)


def test_a_late_reading_does_not_change_where_a_channel_stands(client: APIClient, session: LabSession) -> None:
    ChannelFactory(team=session.team, name="T", limited=True)
    now = timezone.now()
    client.post(address(session), {"timestamp": iso(now), "channel": "T", "value": 15})

    late = send(
        client, session, {"data": [{"timestamp": later_iso(now, minutes=-10), "channel": "T", "value": 99}]}
    ).json()

    assert (late["late"], late["flagged"], late["created"]) == (1, 1, 1)
    assert not TimelineEvent.objects.filter(kind__startswith="telemetry.limit").exists()
    assert client.get(address(session, "/latest"), {"channel": "T"}).json()["value"] == 15


def test_a_fluttering_channel_tells_its_first_and_last_change_of_a_batch(
    client: APIClient, session: LabSession
) -> None:
    ChannelFactory(team=session.team, name="T", limited=True)
    start = timezone.now() - timedelta(minutes=1)
    data = [
        {"timestamp": later_iso(start, milliseconds=i), "channel": "T", "value": 15 if i % 2 else 25}
        for i in range(100)
    ]

    assert send(client, session, {"data": data}).json()["flagged"] == 50

    told = TimelineEvent.objects.filter(kind__startswith="telemetry.limit").order_by("sequence")
    assert [event.payload["untold"] for event in told] == [0, 98]


def test_new_channels_are_told_once_in_one_event(client: APIClient, session: LabSession) -> None:
    send(client, session, {"data": rows(2, "a") + rows(2, "b")})
    send(client, session, {"data": rows(2, "a")})

    told = TimelineEvent.objects.get(session=session, kind="telemetry.channel.added")
    assert {channel["name"] for channel in told.payload["channels"]} == {"a", "b"}
