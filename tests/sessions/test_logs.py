"""`/api/v1/logs` and `/api/v1/logging`: what controllers and people tell, and what the house tells of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from biolab.accounts.models import Team, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Forbidden
from biolab.kernel.models import SecurityEntry
from biolab.kernel.times import iso
from sessions_app.models import LogEntry
from sessions_app.services.logs import change_log, forget_old_logs, restore_log, withdraw_log, write_log
from tests.factories import accounts
from tests.factories.accounts import PASSWORD, make_admin, make_person
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.sessions.kit import client_of

pytestmark = pytest.mark.django_db

LOGS = "/api/v1/logs"
SHAPE = {"public_id", "content", "logging_type", "status_type", "created_on", "user_public_id"}


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def operator(team: Team) -> User:
    return make_member(team, Role.OPERATOR)


@pytest.fixture
def client(operator: User) -> APIClient:
    return client_of(operator)


def line(team: Team, by: User, content: str = "Valve stuck", **more: Any) -> LogEntry:
    return write_log(team=team, by=by, at=NINE, content=content, **more)


def contents(client: APIClient, query: str = "") -> list[str]:
    return [shown["content"] for shown in client.get(f"{LOGS}{query}").json()["data"]]


@pytest.mark.parametrize("door", [LOGS, "/api/v1/logging"])
def test_a_line_is_written_read_marked_and_withdrawn(client: APIClient, operator: User, door: str) -> None:
    made = client.post(door, {"content": "Controller started", "logging_type": "warning"}, format="json")
    entry = LogEntry.objects.get()
    path = f"{door}/{entry.public_id}"
    shown = client.get(path)
    marked = client.put(path, {"status_type": "read"}, format="json")
    unmarked = client.put(path, {"status_type": "unread", "content": "Controller started late"}, format="json")
    listed = client.get(door).json()
    gone = client.delete(path)

    entry.refresh_from_db()
    assert made.status_code == 201
    assert made.json() == {"status": "success", "message": "Log entry written.", **shown.json()}
    assert shown.json().keys() == SHAPE
    assert (shown.json()["logging_type"], shown.json()["status_type"]) == ("warning", "unread")
    assert (shown.json()["user_public_id"], entry.team) == (operator.public_id, operator.teams.get())
    assert marked.json()["status_type"] == "read"
    assert (unmarked.json()["status_type"], unmarked.json()["content"]) == ("unread", "Controller started late")
    assert (listed["total"], listed["data"][0]["public_id"]) == (1, entry.public_id)
    assert (gone.status_code, entry.withdrawn_at is not None) == (200, True)
    assert (client.get(path).status_code, client.get(door).json()["total"]) == (404, 0)


def test_a_line_tells_information_unless_it_says_otherwise(client: APIClient) -> None:
    assert client.post(LOGS, {"content": "Up"}, format="json").json()["logging_type"] == "info"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": " "},
        {"content": "x" * 501},
        {"content": "Up", "logging_type": "debug"},
        {"content": "Up", "logging_type": None},
        {"content": 7},
    ],
)
def test_what_is_no_line_is_not_written(client: APIClient, body: dict[str, Any]) -> None:
    assert client.post(LOGS, body, format="json").status_code == 422
    assert not LogEntry.objects.exists()


def test_what_is_null_in_a_change_stays(client: APIClient, team: Team, operator: User) -> None:
    entry = line(team, operator)

    marked = client.put(f"{LOGS}/{entry.public_id}", {"status_type": "read", "content": None}, format="json")
    nothing = client.put(f"{LOGS}/{entry.public_id}", {"status_type": None, "content": None}, format="json")

    assert [marked.status_code, nothing.status_code] == [200, 200]
    assert (nothing.json()["status_type"], nothing.json()["content"]) == ("read", "Valve stuck")


@pytest.mark.parametrize("body", [{"status_type": "seen"}, {"content": ""}, {"content": "x" * 501}])
def test_what_is_no_change_changes_nothing(client: APIClient, team: Team, operator: User, body: dict[str, Any]) -> None:
    entry = line(team, operator)

    assert client.put(f"{LOGS}/{entry.public_id}", body, format="json").status_code == 422
    assert LogEntry.objects.get().content == "Valve stuck"


def test_words_are_their_authors_and_the_security_log_keeps_both(client: APIClient, team: Team, operator: User) -> None:
    entry = line(team, operator)
    path = f"{LOGS}/{entry.public_id}"
    colleague = client_of(make_member(team, Role.OPERATOR))

    refused = colleague.put(path, {"content": "Nothing happened"}, format="json")
    marked = colleague.put(path, {"status_type": "read"}, format="json")
    done = client.put(path, {"content": "Valve 2 stuck"}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (403, "not_the_author")
    assert (marked.status_code, done.status_code) == (200, 200)
    kept = SecurityEntry.objects.get(kind="log.changed").record
    assert (kept["detail"]["before"], kept["detail"]["after"]) == ("Valve stuck", "Valve 2 stuck")
    assert kept["person"]["id"] == operator.public_id


def test_another_operator_withdraws_no_line_and_a_lead_does(team: Team, operator: User) -> None:
    path = f"{LOGS}/{line(team, operator).public_id}"

    refused = client_of(make_member(team, Role.OPERATOR)).delete(path)
    kept = LogEntry.objects.standing().count()
    done = client_of(make_member(team, Role.LEAD)).delete(path)

    assert (refused.status_code, kept, done.status_code) == (403, 1, 200)
    assert SecurityEntry.objects.get(kind="log.withdrawn").record["detail"]["content"] == "Valve stuck"


def test_a_change_holds_for_the_version_that_was_read(client: APIClient, team: Team, operator: User) -> None:
    path = f"{LOGS}/{line(team, operator).public_id}"
    tag = client.get(path)["ETag"]
    client.put(path, {"status_type": "read"}, format="json", headers={"If-Match": tag})

    assert client.put(path, {"content": "Late"}, format="json", headers={"If-Match": tag}).status_code == 412
    assert LogEntry.objects.get().content == "Valve stuck"


def test_a_sign_in_is_told_to_the_person_and_administrators_alone(team: Team) -> None:
    anna, admin = make_person(username="Anna"), make_admin(username="Root")
    for role, person in (("operator", anna), ("owner", make_member(team, Role.OWNER))):
        team.memberships.get_or_create(user=person, defaults={"role": role})
    body = {"email": anna.email, "password": PASSWORD}

    token = APIClient().post("/api/v1/auth/login", body, format="json").json()["access_token"]
    APIClient().post("/api/v1/auth/login", {**body, "password": "wrong"}, format="json")

    assert contents(APIClient(headers={"Authorization": f"Bearer {token}"})) == ["Anna logged in."]
    assert contents(client_of(admin)) == ["Anna logged in."]
    assert contents(client_of(make_member(team, Role.OWNER))) == []
    assert contents(accounts.client_of(anna, team=team)) == []


def test_a_sign_in_on_the_page_is_told_too() -> None:
    person = make_person(username="Anna")

    Client().post("/sign-in", {"email": person.email, "password": PASSWORD})

    assert LogEntry.objects.get().content == "Anna logged in."


def test_a_sign_in_is_marked_and_withdrawn_by_the_person_alone() -> None:
    person, admin = make_person(), make_admin()
    entry = LogEntry.objects.create(author=person, content="Anna logged in.", created_at=NINE)
    path = f"{LOGS}/{entry.public_id}"

    assert client_of(admin).put(path, {"status_type": "read"}, format="json").status_code == 403
    assert client_of(admin).delete(path).status_code == 403
    assert client_of(person).put(path, {"status_type": "read"}, format="json").status_code == 200
    assert client_of(person).delete(path).status_code == 200


def test_the_log_tells_how_each_session_went(client: APIClient, team: Team, operator: User) -> None:
    lead = make_member(team, Role.LEAD)
    SessionFactory(team=team, by=lead, name="Bed", completed=True)
    SessionFactory(team=team, by=lead, name="Pump", aborted=True)
    SessionFactory(team=team, by=lead, name="Later", planned=True)

    assert sorted(contents(client)) == [
        "Experiment “Bed” started.",
        "Experiment “Bed” stopped.",
        "Experiment “Pump” started.",
        "Experiment “Pump” was aborted.",
    ]


def test_the_log_is_narrowed_by_time_both_ends_included(client: APIClient, team: Team, operator: User) -> None:
    for hour in range(4):
        write_log(team=team, by=operator, at=NINE + timedelta(hours=hour), content=f"Hour {hour}")
    ten, eleven = (iso(NINE + timedelta(hours=hour)) for hour in (1, 2))

    assert contents(client, f"?from_date={ten}&to_date={eleven}") == ["Hour 2", "Hour 1"]
    assert contents(client, f"?from_date={eleven}") == ["Hour 3", "Hour 2"]
    assert contents(client, f"?to_date={ten.removesuffix('Z')}") == ["Hour 1", "Hour 0"]
    assert [client.get(f"{LOGS}?{name}=soon").status_code for name in ("from_date", "to_date")] == [422, 422]


def test_the_log_is_narrowed_by_type_mark_and_words(client: APIClient, team: Team, operator: User) -> None:
    line(team, operator, "Valve stuck", type="error")
    entry = line(team, operator, "Pump up")
    client.put(f"{LOGS}/{entry.public_id}", {"status_type": "read"}, format="json")

    assert contents(client, "?logging_type=error") == ["Valve stuck"]
    assert contents(client, "?status_type=read") == ["Pump up"]
    assert contents(client, "?status_type=unread") == ["Valve stuck"]
    assert contents(client, "?search=PUMP") == ["Pump up"]
    assert [client.get(f"{LOGS}?{wrong}").status_code for wrong in ("logging_type=x", "status_type=x")] == [422, 422]


def test_pages_of_lines_of_one_moment_hold_each_once(client: APIClient, team: Team, operator: User) -> None:
    ids = {line(team, operator).public_id for _ in range(7)}

    pages = [client.get(f"{LOGS}?page={page}&page_size=3").json()["data"] for page in (1, 2, 3)]

    found = [shown["public_id"] for page in pages for shown in page]
    assert (set(found), found) == (ids, sorted(found, reverse=True))
    assert len(found) == 7


@pytest.mark.parametrize("count", [1, 6])
def test_a_page_costs_the_same_queries_however_many_it_shows(
    client: APIClient, team: Team, operator: User, count: int
) -> None:
    for _ in range(count):
        line(team, operator)

    with CaptureQueriesContext(connection) as queries:
        assert len(client.get(LOGS).json()["data"]) == count

    assert len(queries) == 2, queries.captured_queries


def test_a_token_of_certain_sessions_neither_reads_nor_writes_the_log(team: Team, operator: User) -> None:
    session = SessionFactory(team=team)
    client = accounts.client_of(operator, session_ids=[session.public_id])
    before = LogEntry.objects.count()

    assert contents(client) == []
    refused = client.post(LOGS, {"content": "Up", "team_id": team.public_id}, format="json")
    assert (refused.status_code, LogEntry.objects.count()) == (403, before)


def test_a_viewer_writes_and_marks_nothing(team: Team, operator: User) -> None:
    entry = line(team, operator)
    viewer = client_of(make_member(team, Role.OPERATOR, role_on_platform=PlatformRole.VIEWER))

    assert viewer.post(LOGS, {"content": "Up"}, format="json").status_code == 403
    assert viewer.put(f"{LOGS}/{entry.public_id}", {"status_type": "read"}, format="json").status_code == 403
    assert (LogEntry.objects.count(), LogEntry.objects.get().read_at) == (1, None)


def test_the_page_shows_the_log_narrowed_and_marks_where_the_person_may(team: Team, operator: User) -> None:
    line(team, operator, "<b>Valve</b> stuck", type="error")
    pump, page = line(team, operator, "Pump up"), Client()
    page.force_login(operator)

    shown = page.get(reverse("page-log"), {"unread": "1"})
    errors = page.get(reverse("page-log"), {"type": "error", "q": "valve"})
    marked = page.post(f"{reverse('page-log-mark', args=[pump.public_id])}?unread=1")

    pump.refresh_from_db()
    assert "Pump up" in shown.content.decode()
    assert "&lt;b&gt;Valve&lt;/b&gt; stuck" in errors.content.decode()
    assert "Pump up" not in errors.content.decode()
    assert (marked["Location"], pump.read_at is not None) == ("/log?unread=1", True)
    assert "Pump up" not in page.get(marked["Location"]).content.decode()


def test_the_page_of_an_observer_offers_no_marks_and_of_a_stranger_no_lines(team: Team, operator: User) -> None:
    entry = line(team, operator)
    observer, stranger = Client(), Client()
    observer.force_login(make_member(team, Role.OBSERVER))
    stranger.force_login(make_member(make_team("Another")))
    mark = reverse("page-log-mark", args=[entry.public_id])

    seen = observer.get(reverse("page-log")).content.decode()
    observer.post(mark)

    entry.refresh_from_db()
    assert ("Valve stuck" in seen, "Mark as read" in seen, entry.read_at) == (True, False, None)
    assert "Valve stuck" not in stranger.get(reverse("page-log")).content.decode()
    assert stranger.post(mark).status_code == 404


@pytest.mark.parametrize("count", [1, 6])
def test_the_page_costs_the_same_queries_however_many_lines_it_shows(team: Team, operator: User, count: int) -> None:
    for _ in range(count):
        line(team, operator)
    page = Client()
    page.force_login(operator)

    with CaptureQueriesContext(connection) as queries:
        assert page.get(reverse("page-log")).content.decode().count("Valve stuck") == count

    assert len(queries) == 5, queries.captured_queries  # the sign-in and its person; how many, the page, their teams


def test_the_desk_reads_the_log_and_changes_nothing(team: Team, operator: User) -> None:
    entry, desk = line(team, operator), Client()
    desk.force_login(make_admin())
    one = reverse("admin:sessions_app_logentry_change", args=[entry.pk])

    assert "Valve stuck" in desk.get(reverse("admin:sessions_app_logentry_changelist")).content.decode()
    assert "Valve stuck" in desk.get(one).content.decode()
    assert desk.post(one, {"content": "Nothing"}).status_code == 403
    assert desk.get(reverse("admin:sessions_app_logentry_add")).status_code == 403
    assert LogEntry.objects.get(pk=entry.pk).content == "Valve stuck"


def test_the_desk_puts_a_withdrawn_line_back_with_a_reason_only(team: Team, operator: User) -> None:
    entry, desk = line(team, operator), Client()
    withdraw_log(entry=entry, by=operator, at=NINE)
    desk.force_login(make_admin())
    one = reverse("admin:sessions_app_logentry_change", args=[entry.pk])
    restore = reverse("admin:sessions_app_logentry_restore", args=[entry.pk])

    offered = "Put back into the log" in desk.get(one).content.decode()
    desk.post(restore, {"reason": " "})
    still_gone = LogEntry.objects.standing().count()
    desk.post(restore, {"reason": "Needed after all"})

    assert (offered, still_gone, LogEntry.objects.standing().count()) == (True, 0, 1)
    assert SecurityEntry.objects.get(kind="log.restored").record["detail"]["reason"] == "Needed after all"
    assert "Put back into the log" not in desk.get(one).content.decode()


def test_only_an_administrator_puts_a_line_back(team: Team, operator: User) -> None:
    entry = line(team, operator)
    withdraw_log(entry=entry, by=operator, at=NINE)

    with pytest.raises(Forbidden):
        restore_log(entry=entry, by=operator, at=NINE, reason="Mine")

    assert not LogEntry.objects.standing().exists()


@pytest.mark.parametrize(
    ("type", "is_read", "days_old", "goes"),
    [
        ("info", True, 31, True),
        ("info", True, 29, False),
        ("info", False, 31, False),
        ("warning", True, 31, False),
        ("error", True, 31, False),
        ("error", False, 31, False),
    ],
)
def test_only_information_that_was_read_long_ago_is_forgotten(
    team: Team, operator: User, type: str, is_read: bool, days_old: int, goes: bool
) -> None:
    change_log(entry=line(team, operator, type=type), by=operator, at=NINE, is_read=is_read)

    kept_for_good = forget_old_logs(at=NINE + timedelta(days=days_old), days=0)
    count = forget_old_logs(at=NINE + timedelta(days=days_old), days=30)

    assert (kept_for_good, count, LogEntry.objects.exists()) == (0, int(goes), not goes)
    assert SecurityEntry.objects.filter(kind="log.forgotten").exists() == goes
