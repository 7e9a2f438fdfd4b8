"""Short questions about a session: a channel at a time, in a range, what happened, and which channel was meant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from biolab.accounts.roles import Role
from biolab.kernel.facts import _KINDS
from sessions_app.models import LabSession
from sessions_app.services.sessions import move_session
from sessions_app.states import ABORT, PAUSE, Severity
from telemetry_app.search import query_words, score
from telemetry_app.severity import ENDINGS, severity_of
from telemetry_app.stores import current
from tests.factories.accounts import client_of
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.factories.telemetry import NINE_US, ChannelFactory, make_batch, make_intake

SECOND = 1_000_000
NAMES = {
    "pH": "",
    "Accelerometer1RMS": "g",
    "Accelerometer2RMS": "g",
    "Volume Flow Rate": "L/min",
    "Pressure 02": "bar",
}


@pytest.fixture
def session(db: None) -> LabSession:
    session = SessionFactory()
    channels = {
        name: ChannelFactory(team=session.team, name=name, unit=unit).pk
        for name, unit in [*NAMES.items(), ("T1", "°C")]
    }
    rows = [(name, NINE_US + i * SECOND, 7.0 + i) for i in range(4) for name in channels]
    current().append(make_intake(session, channels, make_batch(rows)))
    return session


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(make_member(session.team, Role.OBSERVER))


def ask(client: APIClient, session: LabSession, question: str, **query: Any) -> Any:
    return client.get(f"/api/query/{question}", {"session": session.public_id, **query})


def test_a_channel_is_told_as_it_was_at_a_time(client: APIClient, session: LabSession) -> None:
    then = ask(client, session, "channel", name="pH", at="2026-03-02T09:00:01.5Z").json()
    now = ask(client, session, "channel", name="pH").json()

    assert (then["timestamp"], then["value"], then["channel"]) == ("2026-03-02T09:00:01Z", 8.0, "pH")
    assert (now["timestamp"], now["value"]) == ("2026-03-02T09:00:03Z", 10.0)


def test_before_the_first_reading_there_is_none(client: APIClient, session: LabSession) -> None:
    answer = ask(client, session, "channel", name="pH", at="2026-03-02T08:00:00Z")

    assert answer.status_code == 404
    assert answer.json()["code"] == "no_reading"


def test_a_range_is_told_in_figures(client: APIClient, session: LabSession) -> None:
    told = ask(client, session, "range", name="pH", t0="2026-03-02T09:00:01Z", t1="2026-03-02T09:00:02Z").json()

    assert told == {
        "channel": "pH",
        "session_id": session.public_id,
        "start": "2026-03-02T09:00:01Z",
        "end": "2026-03-02T09:00:02Z",
        "min": 8.0,
        "max": 9.0,
        "mean": 8.5,
        "last": 9.0,
    }


def test_times_may_be_seconds_since_1970(client: APIClient, session: LabSession) -> None:
    nine = NINE_US // SECOND

    then = ask(client, session, "channel", name="pH", at=nine + 1.5).json()
    told = ask(client, session, "range", name="pH", t0=nine + 1, t1=nine + 2).json()
    events = ask(client, session, "events", t0=0, t1=nine + 86_400, severity="all", limit=500).json()

    assert then["timestamp"] == "2026-03-02T09:00:01Z"
    assert (told["min"], told["max"]) == (8.0, 9.0)
    assert events == ask(client, session, "events").json() != []


def test_an_empty_range_has_no_figures(client: APIClient, session: LabSession) -> None:
    assert ask(client, session, "range", name="pH", t0="2026-03-03T09:00:00Z").status_code == 404


def test_events_are_narrowed_by_time_and_gravity(client: APIClient, session: LabSession) -> None:
    lead = make_member(session.team, Role.LEAD)
    move_session(session=session, move=PAUSE, by=lead, at=NINE)
    move_session(session=session, move=ABORT, by=lead, at=NINE, reason="spilt")

    every = ask(client, session, "events").json()
    grave = ask(client, session, "events", severity="warning").json()
    worst = ask(client, session, "events", severity="error").json()
    later = ask(client, session, "events", t0="2126-03-02T09:00:00Z").json()

    assert [event["sequence"] for event in every] == list(range(1, len(every) + 1))
    assert [event["event_type"] for event in grave] == ["session.paused", "session.aborted"]
    assert [(event["event_type"], event["severity"]) for event in worst] == [("session.aborted", "error")]
    assert worst[0]["message"]
    assert later == []


def test_events_name_the_next_page(client: APIClient, session: LabSession) -> None:
    first = ask(client, session, "events", limit=1)

    following = client.get(first["Link"].partition(">")[0].lstrip("<"))

    assert [event["sequence"] for event in first.json() + following.json()] == [1, 2]


def test_every_ending_is_the_ending_of_a_kind_that_exists_or_is_promised() -> None:
    promised = {"error.occurred", ".failed", "telemetry.gap"}
    endings = {ending for some in ENDINGS.values() for ending in some}

    unknown = {ending for ending in endings if not any(kind.endswith(ending) for kind in _KINDS)}

    assert unknown <= promised
    assert severity_of("narrative_export.approval.rejected") is Severity.WARNING
    assert severity_of("note.created") is Severity.INFO


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("ph", "pH"),
        ("t1", "T1"),
        ("1 accelerometer", "Accelerometer1RMS"),
        ("accelerometer 2", "Accelerometer2RMS"),
        ("presure", "Pressure 02"),
        ("pressure 2", "Pressure 02"),
        ("flow", "Volume Flow Rate"),
        ("L min", "Volume Flow Rate"),
    ],
)
def test_search_finds_the_channel_that_was_meant(client: APIClient, session: LabSession, query: str, best: str) -> None:
    found = ask(client, session, "search", q=query).json()

    assert found[0]["channel"] == best


def test_search_keeps_to_the_session_and_to_k(client: APIClient, session: LabSession) -> None:
    ChannelFactory(team=session.team, name="pH elsewhere")

    assert [one["channel"] for one in ask(client, session, "search", q="ph").json()] == ["pH"]
    assert len(ask(client, session, "search", q="accelerometer", k=1).json()) == 1
    assert ask(client, session, "search", q="zebra").json() == []


def test_search_takes_the_session_that_started_last(client: APIClient, session: LabSession) -> None:
    SessionFactory(team=session.team, at=NINE - timedelta(hours=1))

    assert [one["channel"] for one in client.get("/api/query/search", {"q": "ph"}).json()] == ["pH"]


def test_before_any_session_there_is_nothing_to_search(db: None) -> None:
    answer = client_of(make_member(make_team("New lab"), Role.OBSERVER)).get("/api/query/search", {"q": "ph"})

    assert (answer.status_code, answer.json()["code"]) == (404, "no_session")


def test_a_number_is_never_almost_another() -> None:
    assert score(query_words("12"), "Pump 123") == 0
    assert score(query_words("007"), "Pump 7") == 1


@pytest.mark.parametrize(
    ("question", "query", "status"),
    [
        ("channel", {"name": "pX"}, 404),
        ("channel", {}, 422),
        ("channel", {"name": "pH", "at": "noon"}, 422),
        ("channel", {"name": "pH", "at": "1e15"}, 422),
        ("range", {"name": "pH", "t0": "2026-03-02"}, 422),
        ("range", {"name": "pH", "t0": "2026-03-02T09:00:02Z", "t1": "2026-03-02T09:00:01Z"}, 422),
        ("events", {"t0": "2", "t1": "1"}, 422),
        ("events", {"severity": "deadly"}, 422),
        ("events", {"limit": "1000"}, 422),
        ("search", {"q": ""}, 422),
        ("search", {"q": "ph", "k": "0"}, 422),
        ("search", {"q": "p" * 201}, 422),
    ],
)
def test_what_cannot_be_answered_is_refused(
    client: APIClient, session: LabSession, question: str, query: dict[str, str], status: int
) -> None:
    assert ask(client, session, question, **query).status_code == status


def test_a_session_out_of_sight_is_missing(session: LabSession) -> None:
    stranger = client_of(make_member(SessionFactory().team, Role.OWNER))

    assert ask(stranger, session, "channel", name="pH").status_code == 404


@pytest.mark.parametrize(
    ("question", "query", "most"),
    [("channel", {"name": "pH"}, 5), ("range", {"name": "pH"}, 6), ("events", {}, 4), ("search", {"q": "ph"}, 5)],
)
def test_a_question_costs_few_queries(
    client: APIClient, session: LabSession, question: str, query: dict[str, str], most: int
) -> None:
    with CaptureQueriesContext(connection) as queries:
        ask(client, session, question, **query)

    assert len(queries) <= most, [one["sql"] for one in queries]
