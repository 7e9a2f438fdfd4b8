"""Prometheus' HTTP API over a lab's readings, as Grafana, promtool and a scraping Prometheus use it."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from biolab.accounts.roles import PlatformRole, Role, Scope
from sessions_app.models import LabSession
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app.stores import current
from tests.factories.accounts import client_of, make_token
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.factories.telemetry import NINE_US, ChannelFactory, make_batch, make_intake
from tests.services import program

pytestmark = pytest.mark.django_db

SECOND = 1_000_000
NINE_S = NINE_US // SECOND
API = "/prometheus/api/v1"


def store(session: LabSession, units: dict[str, str], count: int = 10) -> None:
    """Keep a reading a minute from nine o'clock on: 0, 1, 2 … in every channel."""
    channels = {name: ChannelFactory(team=session.team, name=name, unit=unit).pk for name, unit in units.items()}
    rows = [(name, NINE_US + i * 60 * SECOND, float(i)) for i in range(count) for name in channels]
    current().append(make_intake(session, channels, make_batch(rows)))


@pytest.fixture
def session(db: None) -> LabSession:
    session = SessionFactory(team=make_team("Wet lab"), name='Run "7"')
    store(session, {"pH": "", "Volume Flow": "L/min"})
    return session


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(make_member(session.team, Role.OBSERVER))


def ask(client: APIClient, what: str, **given: Any) -> Any:
    return client.get(f"{API}/{what}", given)


def labels(session: LabSession, name: str, channel: str, **more: str) -> dict[str, str]:
    return {
        "__name__": name,
        "team": session.team.name,
        "session": session.public_id,
        "session_name": session.name,
        "channel": channel,
        **more,
    }


def test_an_instant_query_tells_the_last_reading(client: APIClient, session: LabSession) -> None:
    answer = ask(client, "query", query='biolab_reading{channel="pH"}', time=NINE_S + 150).json()

    assert answer == {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [{"metric": labels(session, "biolab_reading", "pH"), "value": [NINE_S + 150.0, "2"]}],
        },
    }


def test_a_form_asks_as_well_as_an_address_and_a_viewer_may_ask(client: APIClient, session: LabSession) -> None:
    viewer = client_of(make_member(session.team, Role.OBSERVER, role_on_platform=PlatformRole.VIEWER))
    form = f"query=max(biolab_reading)&time={NINE_S}"

    answers = [
        one.post(f"{API}/query", form, content_type="application/x-www-form-urlencoded") for one in (client, viewer)
    ]

    assert [answer.json()["data"]["result"][0]["value"][1] for answer in answers] == ["0", "0"]


def test_a_range_query_gives_a_value_for_every_step(client: APIClient, session: LabSession) -> None:
    query = "sum by (unit) (avg_over_time(biolab_reading[2m]))"
    answer = ask(client, "query_range", query=query, start=NINE_S, end=NINE_S + 180, step="1m").json()

    assert answer["data"]["resultType"] == "matrix"
    values = [[NINE_S + 60.0 * i, text] for i, text in enumerate(["0", "0.5", "1", "2"])]
    assert sorted(answer["data"]["result"], key=str) == [
        {"metric": {"unit": "L/min"}, "values": values},
        {"metric": {}, "values": values},
    ]


def test_a_channel_is_found_under_its_own_name(client: APIClient, session: LabSession) -> None:
    result = ask(client, "query", query="Volume_Flow", time=NINE_S).json()["data"]["result"]

    assert [one["metric"] for one in result] == [labels(session, "Volume_Flow", "Volume Flow", unit="L/min")]


def test_a_range_selector_gives_the_readings_themselves(client: APIClient, session: LabSession) -> None:
    data = ask(client, "query", query="pH[2m]", time=NINE_S + 240).json()["data"]

    assert data["resultType"] == "matrix"
    assert data["result"][0]["values"] == [[NINE_S + 120.0, "2"], [NINE_S + 180.0, "3"], [NINE_S + 240.0, "4"]]


def test_numbers_and_texts_have_shapes_of_their_own(client: APIClient) -> None:
    assert ask(client, "query", query="1+1", time=4).json()["data"] == {"resultType": "scalar", "result": [4.0, "2"]}
    assert ask(client, "query", query='"hi"', time=4).json()["data"] == {"resultType": "string", "result": [4.0, "hi"]}


def test_labels_series_and_metadata_fill_a_dashboards_menus(client: APIClient, session: LabSession) -> None:
    assert ask(client, "labels").json()["data"] == ["__name__", "channel", "session", "session_name", "team", "unit"]
    assert ask(client, "label/channel/values").json()["data"] == ["Volume Flow", "pH"]
    assert ask(client, "label/__name__/values").json()["data"] == ["Volume_Flow", "biolab_reading", "pH"]
    assert ask(client, "label/job/values").json()["data"] == []
    narrowed = ask(client, "label/unit/values", **{"match[]": 'biolab_reading{channel=~"Vol.*"}'})
    assert narrowed.json()["data"] == ["L/min"]
    series = ask(client, "series", **{"match[]": ["pH", 'biolab_reading{unit="L/min"}']}).json()["data"]
    assert series == [
        labels(session, "biolab_reading", "Volume Flow", unit="L/min"),
        labels(session, "pH", "pH"),
    ]
    metadata = ask(client, "metadata").json()["data"]
    assert {name: one[0]["unit"] for name, one in metadata.items()} == {
        "Volume_Flow": "L/min",
        "biolab_reading": "",
        "pH": "",
    }
    assert ask(client, "status/buildinfo").json()["data"]["version"].startswith("2.")


def test_an_ended_session_leaves_the_menus_of_later_ranges(client: APIClient, session: LabSession) -> None:
    lead = make_member(session.team, Role.LEAD)
    move_session(session=session, move=COMPLETE, by=lead, at=NINE + timedelta(hours=1))

    later = ask(client, "label/channel/values", start=NINE_S + 40 * 3600, end=NINE_S + 41 * 3600)
    then = ask(client, "label/channel/values", start=NINE_S, end=NINE_S + 60)

    assert later.json()["data"] == []
    assert then.json()["data"] == ["Volume Flow", "pH"]


@pytest.mark.parametrize(
    ("what", "given", "status", "kind", "told"),
    [
        ("query", {"query": "pH{"}, 400, "bad_data", "no PromQL"),
        ("query", {}, 400, "bad_data", "query is missing"),
        ("query", {"query": "pH", "time": "noon"}, 400, "bad_data", "time takes"),
        ("query", {"query": "pH", "time": "1e99"}, 400, "bad_data", "time takes"),
        ("query", {"query": "pH[1h:1m]"}, 400, "bad_data", "Subqueries"),
        ("query", {"query": "biolab_reading - on () biolab_reading", "time": NINE_S}, 422, "execution", "partners"),
        ("query_range", {"query": "pH", "start": 1, "end": 0, "step": 1}, 400, "bad_data", "before the start"),
        ("query_range", {"query": "pH", "start": 0, "end": 1e9, "step": 1}, 400, "bad_data", "11,000 steps"),
        ("query_range", {"query": "pH", "start": 0, "end": 1, "step": 0}, 400, "bad_data", "step takes"),
        ("query_range", {"query": "pH[5m]", "start": 0, "end": 1, "step": 1}, 400, "bad_data", "inside a function"),
        ("query_range", {"query": '"x"', "start": 0, "end": 1, "step": 1}, 400, "bad_data", "no text"),
        ("series", {}, 400, "bad_data", "match"),
        ("series", {"match[]": "rate(pH[5m])"}, 400, "bad_data", "series selector"),
        ("labels", {"match[]": ["pH"] * 21}, 400, "bad_data", "match"),
    ],
)
def test_errors_have_prometheus_own_shape(
    client: APIClient, what: str, given: dict[str, Any], status: int, kind: str, told: str
) -> None:
    answer = ask(client, what, **given)

    assert answer.status_code == status
    assert answer.json()["status"] == "error"
    assert answer.json()["errorType"] == kind
    assert told in answer.json()["error"]


def test_nobody_reads_without_a_credential() -> None:
    answer = APIClient().get(f"{API}/query", {"query": "1"})

    assert answer.status_code == 401
    assert answer.json()["errorType"] == "unauthorized"
    assert "WWW-Authenticate" in answer


def test_what_is_asked_keeps_to_what_the_person_sees(session: LabSession) -> None:
    other = SessionFactory(team=make_team("Wet lab"))
    store(other, {"pH": ""})
    stranger = client_of(make_member(other.team, Role.OWNER))
    narrow = APIClient()
    member = make_member(session.team, Role.OBSERVER)
    elsewhere = SessionFactory(team=session.team)
    token = make_token(member, session_ids=[elsewhere.public_id], scopes=[Scope.TELEMETRY_READ])[1]
    narrow.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    named = f'biolab_reading{{session="{session.public_id}"}}'

    assert ask(stranger, "query", query=named, time=NINE_S).json()["data"]["result"] == []
    assert ask(narrow, "query", query="biolab_reading", time=NINE_S).json()["data"]["result"] == []
    assert ask(stranger, "label/session/values").json()["data"] == [other.public_id]


def test_a_token_that_only_writes_is_refused(session: LabSession) -> None:
    writer = APIClient()
    token = make_token(make_member(session.team, Role.OPERATOR), scopes=[Scope.TELEMETRY_WRITE])[1]
    writer.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    assert writer.post(f"{API}/query", "query=1", content_type="application/x-www-form-urlencoded").status_code == 403
    assert writer.get("/metrics/bench").status_code == 403


def test_readings_outside_any_session_have_no_session_labels(client: APIClient, session: LabSession) -> None:
    channel = ChannelFactory(team=session.team, name="Room", unit="°C")
    current().append(make_intake(None, {"Room": channel.pk}, make_batch([("Room", NINE_US, 21.5)])))

    result = ask(client, "query", query="Room", time=NINE_S).json()["data"]["result"]
    by_session = ask(client, "query", query='{session!="",channel="Room"}', time=NINE_S).json()["data"]["result"]

    metric = {"__name__": "Room", "team": "Wet lab", "channel": "Room", "unit": "°C"}
    assert result == [{"metric": metric, "value": [float(NINE_S), "21.5"]}]
    assert by_session == []


def test_too_many_sessions_are_said_so(client: APIClient, session: LabSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry_app.promql.house.MOST_SESSIONS", 1)
    store(SessionFactory(team=session.team), {"pO2": "%"})

    menu = ask(client, "labels").json()
    query = ask(client, "query", query="biolab_reading", time=NINE_S)
    named = ask(client, "query", query=f'biolab_reading{{session="{session.public_id}"}}', time=NINE_S)

    assert menu["warnings"]
    assert query.status_code == 422
    assert len(named.json()["data"]["result"]) == 2


@pytest.mark.parametrize(
    ("what", "given", "most"),
    [
        ("query", {"query": "biolab_reading", "time": NINE_S}, 9),
        ("query_range", {"query": "rate(biolab_reading[5m])", "start": NINE_S, "end": NINE_S + 600, "step": 5}, 9),
        ("labels", {}, 6),
        ("status/buildinfo", {}, 1),
    ],
)
def test_a_question_costs_the_same_queries_however_many_channels_there_are(
    client: APIClient, session: LabSession, what: str, given: dict[str, Any], most: int
) -> None:
    with CaptureQueriesContext(connection) as few:
        ask(client, what, **given)
    store(session, {f"c{number}": "" for number in range(20)})

    with CaptureQueriesContext(connection) as many:
        ask(client, what, **given)

    assert len(few) <= len(many) <= most, [one["sql"] for one in many]


def test_metrics_bench_tells_the_latest_of_the_running_sessions(client: APIClient, session: LabSession) -> None:
    ended = SessionFactory(team=session.team)
    store(ended, {"old": ""})
    move_session(session=ended, move=COMPLETE, by=make_member(session.team, Role.LEAD), at=NINE)

    answer = client.get("/metrics/bench")

    lines = answer.content.decode().splitlines()
    known = f'team="Wet lab",session="{session.public_id}",session_name="Run \\"7\\""'
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert sorted(lines[2:]) == [
        f'biolab_reading{{{known},channel="Volume Flow",unit="L/min"}} 9.0 {(NINE_S + 540) * 1000}',
        f'biolab_reading{{{known},channel="pH"}} 9.0 {(NINE_S + 540) * 1000}',
    ]


def test_metrics_bench_shows_nothing_of_other_teams(session: LabSession) -> None:
    stranger = client_of(make_member(make_team(), Role.OWNER))

    lines = stranger.get("/metrics/bench").content.decode().splitlines()

    assert [line for line in lines if not line.startswith("#")] == []
    assert APIClient().get("/metrics/bench").status_code == 401


@pytest.fixture
def promtool() -> str:
    return program("promtool", package="prometheus")


def test_promtool_finds_the_metrics_well_written(client: APIClient, promtool: str) -> None:
    text = client.get("/metrics/bench").content

    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=30, check=False)

    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == b""


@pytest.mark.django_db(transaction=True)
def test_promtool_asks_a_real_server(live_server: Any, promtool: str) -> None:
    session = SessionFactory(team=make_team("Wet lab"))
    store(session, {"pH": "", "Volume Flow": "L/min"})
    token = make_token(make_member(session.team, Role.OBSERVER), scopes=[Scope.TELEMETRY_READ])[1]
    server = live_server.url.replace("http://", f"http://promtool:{token}@") + "/prometheus"

    def query(*arguments: str) -> str:
        command = [promtool, "query", *arguments]
        told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert told.returncode == 0, told.stderr
        return told.stdout

    instant = query("instant", f"--time={NINE_S + 60}", server, "max by (channel) (biolab_reading)")
    ranged = query("range", f"--start={NINE_S}", f"--end={NINE_S + 120}", "--step=1m", server, "pH")
    series = query("series", f"--start={NINE_S}", f"--end={NINE_S + 60}", "--match=Volume_Flow", server)
    names = query("labels", f"--start={NINE_S}", f"--end={NINE_S + 60}", server, "channel")
    refused = subprocess.run(
        [promtool, "query", "instant", server, "nosuch(pH)"], capture_output=True, text=True, timeout=30, check=False
    )

    assert sorted(instant.splitlines()) == [
        f'{{channel="Volume Flow"}} => 1 @[{NINE_S + 60}]',
        f'{{channel="pH"}} => 1 @[{NINE_S + 60}]',
    ]
    assert [line.split(" @")[0] for line in ranged.splitlines()[1:]] == ["0", "1", "2"]
    assert 'channel="Volume Flow"' in series
    assert sorted(names.splitlines()) == ["Volume Flow", "pH"]
    assert refused.returncode == 1
    assert "bad_data" in refused.stderr
