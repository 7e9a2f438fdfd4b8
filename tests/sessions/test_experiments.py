"""`/api/v1/experiments`: sessions as controllers start, name, stop and hide them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from biolab.accounts.models import Team, User
from biolab.accounts.roles import PlatformRole, Role
from sessions_app.models import LabSession, LogEntry
from sessions_app.verification import verify_session
from tests.factories.accounts import make_admin
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.kernel.conftest import run_at_once
from tests.sessions.kit import all_that_is_written, client_of, kinds

pytestmark = pytest.mark.django_db

EXPERIMENTS = "/api/v1/experiments"
SHAPE = {"public_id", "name", "started_on", "stopped_on", "user_public_id"}


@pytest.fixture
def operator() -> User:
    return make_member(make_team(), Role.OPERATOR)


@pytest.fixture
def client(operator: User) -> APIClient:
    return client_of(operator)


@pytest.fixture
def session(operator: User) -> LabSession:
    return SessionFactory(team=operator.teams.get(), by=operator, name="Fluidised bed")


def one(session: LabSession, *tail: str) -> str:
    return "/".join([EXPERIMENTS, session.public_id, *tail])


def told() -> list[str]:
    return list(LogEntry.objects.order_by("created_at", "id").values_list("content", flat=True))


def test_an_experiment_starts_is_renamed_and_stops_as_a_session_does(client: APIClient, operator: User) -> None:
    made = client.post(EXPERIMENTS, {"name": "Fluidised bed"}, format="json")
    session = LabSession.objects.get()
    shown = client.get(one(session))
    renamed = client.put(one(session), {"name": "Bed 2"}, format="json")
    stopped = client.put(one(session, "stop"))

    session.refresh_from_db()
    assert made.status_code == 201
    assert made.json() == {"status": "success", "message": "Experiment started.", **shown.json()}
    assert shown.json().keys() == SHAPE
    assert (shown.json()["public_id"], shown.json()["user_public_id"]) == (session.public_id, operator.public_id)
    assert shown.json()["started_on"] is not None
    assert shown.json()["stopped_on"] is None
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Bed 2")
    assert (stopped.status_code, session.status, session.team) == (200, "completed", operator.teams.get())
    assert stopped.json()["stopped_on"] is not None
    assert kinds(session)[:3] == ["session.created", "session.started", "session.changed"]
    assert told() == ["Experiment “Fluidised bed” started.", "Experiment “Bed 2” stopped."]


def test_an_experiment_stops_once(client: APIClient, session: LabSession) -> None:
    assert client.put(one(session, "stop"), {}, format="json").status_code == 200
    before = all_that_is_written()

    again = client.put(one(session, "stop"), {}, format="json")

    assert again.status_code == 409
    assert all_that_is_written() == before
    assert told().count("Experiment “Fluidised bed” stopped.") == 1


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 256}, {"name": 7}])
def test_what_is_no_name_starts_nothing(client: APIClient, body: dict[str, Any]) -> None:
    assert client.post(EXPERIMENTS, body, format="json").status_code == 422
    assert not LabSession.objects.exists()
    assert not LogEntry.objects.exists()


def test_without_a_team_work_goes_to_the_default_team_and_with_several_one_is_named(settings: Any) -> None:
    settings.DEFAULT_TEAM_NAME = "Main lab"
    nomad, wanderer = make_member(None), make_member(make_team("A"))
    second = make_team("B")
    second.memberships.create(user=wanderer, role=Role.OPERATOR)

    first = client_of(nomad).post(EXPERIMENTS, {"name": "Mine"}, format="json")
    several = client_of(wanderer).post(EXPERIMENTS, {"name": "Whose?"}, format="json")
    named = client_of(wanderer).post(EXPERIMENTS, {"name": "B's", "team_id": second.public_id}, format="json")

    assert first.status_code == 201
    assert LabSession.objects.get(name="Mine").team.name == "Main lab"
    assert (several.status_code, several.json()["code"]) == (422, "team_needed")
    assert {team["name"] for team in several.json()["teams"]} == {"A", "B"}
    assert named.status_code == 201
    assert not LabSession.objects.filter(name="Whose?").exists()


def test_a_deleted_experiment_stops_and_is_hidden_from_controllers_alone(
    client: APIClient, session: LabSession
) -> None:
    gone = client.delete(one(session), {"reason": "a trial"}, format="json")

    session.refresh_from_db()
    assert gone.status_code == 200
    assert (session.status, session.hidden_at is not None) == ("completed", True)
    assert kinds(session)[-1] == "session.hidden"
    assert session.events.order_by("-sequence")[0].payload == {"reason": "a trial"}
    assert verify_session(session.pk).valid
    assert client.get(EXPERIMENTS).json()["total"] == 0
    assert [client.get(path).status_code for path in (one(session), one(session, "export", "csv"))] == [404, 404]
    assert client.delete(one(session)).status_code == 404
    assert client.get(f"/api/sessions/{session.public_id}").json()["status"] == "ended"
    assert [found["id"] for found in client.get("/api/sessions").json()] == [session.public_id]


def test_the_desk_tells_when_a_session_was_taken_off_the_lists(client: APIClient, session: LabSession) -> None:
    client.delete(one(session))
    desk = Client()
    desk.force_login(make_admin())

    shown = desk.get(reverse("admin:sessions_app_labsession_change", args=[session.pk])).content.decode()

    assert "Off the controllers&#x27; lists" in shown


def test_a_stopped_experiment_is_hidden_without_stopping_again(client: APIClient, operator: User) -> None:
    session = SessionFactory(team=operator.teams.get(), by=operator, completed=True)

    assert client.delete(one(session)).status_code == 200
    assert kinds(session).count("session.completed") == 1
    assert kinds(session)[-1] == "session.hidden"


def test_a_planned_experiment_is_aborted_by_who_may_abort(client: APIClient, operator: User) -> None:
    team = operator.teams.get()
    session = SessionFactory(team=team, planned=True)
    before = all_that_is_written()

    refused = client.delete(one(session))
    kept = all_that_is_written()
    done = client_of(make_member(team, Role.LEAD)).delete(one(session))

    session.refresh_from_db()
    assert (refused.status_code, done.status_code, session.status) == (403, 200, "aborted")
    assert kept == before


def test_a_legal_hold_keeps_an_experiment_as_it_is(client: APIClient, session: LabSession) -> None:
    LabSession.objects.filter(pk=session.pk).update(legal_hold=True)
    before = all_that_is_written()

    refused = client.delete(one(session))

    assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
    assert all_that_is_written() == before


def test_a_stopped_experiment_is_renamed_with_a_reason_only(client: APIClient, session: LabSession) -> None:
    client.put(one(session, "stop"))

    without = client.put(one(session), {"name": "Bed 3"}, format="json")
    with_one = client.put(one(session), {"name": "Bed 3", "reason": "a slip"}, format="json")

    assert (without.status_code, without.json()["code"]) == (409, "session_ended")
    assert (with_one.status_code, with_one.json()["name"]) == (200, "Bed 3")


def test_a_name_that_is_null_stays(client: APIClient, session: LabSession) -> None:
    answer = client.put(f"{EXPERIMENTS}/{session.public_id}", {"name": None}, format="json")

    assert (answer.status_code, answer.json()["name"]) == (200, session.name)


def test_a_change_holds_for_the_version_that_was_read(client: APIClient, session: LabSession) -> None:
    tag = client.get(one(session))["ETag"]
    client.put(one(session), {"name": "Theirs"}, format="json", headers={"If-Match": tag})

    late = client.put(one(session), {"name": "Mine"}, format="json", headers={"If-Match": tag})

    session.refresh_from_db()
    assert (late.status_code, session.name) == (412, "Theirs")
    assert late["ETag"] == client.get(one(session))["ETag"]


def test_a_viewer_of_the_platform_and_an_observer_start_and_stop_nothing(session: LabSession) -> None:
    team: Team = session.team
    before = all_that_is_written()

    for person in (make_member(team, Role.OBSERVER), make_member(team, role_on_platform=PlatformRole.VIEWER)):
        client = client_of(person)
        assert client.post(EXPERIMENTS, {"name": "Mine", "team_id": team.public_id}, format="json").status_code == 403
        assert client.put(one(session, "stop")).status_code == 403
        assert client.delete(one(session)).status_code == 403

    assert all_that_is_written() == before


def test_pages_of_experiments_started_at_one_moment_hold_each_once(operator: User, client: APIClient) -> None:
    team = operator.teams.get()
    ids = {SessionFactory(team=team, by=operator, at=NINE).public_id for _ in range(11)}

    pages = [client.get(f"{EXPERIMENTS}?page={page}&page_size=4").json() for page in (1, 2, 3, 4)]

    found = [shown["public_id"] for page in pages for shown in page["data"]]
    assert [(page["page"], page["page_size"], page["total"], len(page["data"])) for page in pages] == [
        (1, 4, 11, 4),
        (2, 4, 11, 4),
        (3, 4, 11, 3),
        (4, 4, 11, 0),
    ]
    assert (set(found), len(found)) == (ids, 11)
    assert found == sorted(found, reverse=True)
    assert client.get(f"{EXPERIMENTS}?page_size=101").status_code == 422
    assert client.get(f"{EXPERIMENTS}?page=0").status_code == 422


@pytest.mark.parametrize("count", [1, 6])
def test_a_page_costs_the_same_queries_however_many_it_shows(operator: User, client: APIClient, count: int) -> None:
    for _ in range(count):
        SessionFactory(team=operator.teams.get(), by=operator)

    with CaptureQueriesContext(connection) as queries:
        assert len(client.get(EXPERIMENTS).json()["data"]) == count

    assert len(queries) == 2, queries.captured_queries


def test_an_administrator_sees_every_teams_experiments(session: LabSession) -> None:
    assert client_of(make_admin()).get(EXPERIMENTS).json()["total"] == 1
    assert client_of(make_member(make_team("Another"))).get(EXPERIMENTS).json()["total"] == 0


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_two_who_stop_an_experiment_at_once_one_does(session: LabSession) -> None:
    people = [make_member(session.team, Role.OPERATOR) for _ in range(2)]

    codes = run_at_once(lambda person: client_of(person).put(one(session, "stop")).status_code, people)

    assert sorted(codes) == [200, 409]
    assert kinds(session).count("session.completed") == 1
    assert told().count("Experiment “Fluidised bed” stopped.") == 1


def test_the_desk_puts_a_hidden_experiment_back_with_a_reason_only(client: APIClient, session: LabSession) -> None:
    client.delete(one(session))
    desk = Client()
    desk.force_login(make_admin())
    page = f"/admin/sessions_app/labsession/{session.pk}/"

    desk.post(f"{page}list-again/", {"reason": ""})
    still_gone = client.get(one(session)).status_code
    desk.post(f"{page}list-again/", {"reason": "Deleted by mistake"})

    back = client.get(one(session)).json()
    assert (still_gone, back["public_id"]) == (404, session.public_id)
    assert back["stopped_on"] is not None
    assert kinds(session)[-2:] == ["session.hidden", "session.listed"]
    assert verify_session(session.pk).valid
    assert "list-again" not in desk.get(f"{page}change/").content.decode()


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_two_who_delete_an_experiment_at_once_one_does(session: LabSession) -> None:
    people = [make_member(session.team, Role.OPERATOR) for _ in range(2)]

    codes = run_at_once(lambda person: client_of(person).delete(one(session)).status_code, people)

    assert codes.count(200) == 1
    assert set(codes) <= {200, 404, 409}
    assert kinds(session)[-1] == "session.hidden"
    assert kinds(session).count("session.hidden") == 1
