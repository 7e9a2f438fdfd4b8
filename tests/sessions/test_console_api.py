"""The console's doors, from the first request to a verified timeline."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from biolab.accounts.roles import Role
from sessions_app.models import LabSession
from sessions_app.services.sessions import change_session, move_session
from sessions_app.states import PAUSE
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team
from tests.sessions.kit import CONSOLE, all_that_is_written, client_of, kinds

pytestmark = pytest.mark.django_db

DETAIL = {
    "execution",
    "protocol",
    "notebook_entries",
    "steps",
    "telemetry_channels",
    "anomaly_events",
    "auto_log_entries",
    "timeline_preview",
}
STEP = {
    "index",
    "instruction",
    "status",
    "started_at",
    "completed_at",
    "completed_by",
    "blocked_reason",
    "required_actions",
    "auto_triggers",
    "planned_duration_s",
    "values",
}
EVENT = {
    "id",
    "execution_id",
    "event_type",
    "payload",
    "actor",
    "sequence",
    "occurred_at",
    "created_at",
    "hash",
    "prev_hash",
}


def test_a_session_from_start_to_end_through_the_doors() -> None:
    protocol = ProtocolFactory(variables=["strain"])
    client = client_of(make_member(protocol.team, Role.OPERATOR))
    body = {
        "template_id": protocol.public_id,
        "title": "Run 7",
        "parameters": {"strain": "K-12"},
        "auto_create_notebook": True,
    }

    answer = client.post(CONSOLE, body)
    assert answer.status_code == 201
    shown = answer.json()
    assert set(shown) == DETAIL
    assert all(set(step) == STEP for step in shown["steps"])
    assert all(set(event) == EVENT for event in shown["timeline_preview"])
    assert shown["execution"]["status"] == "in_progress"
    assert shown["execution"]["template_id"] == shown["protocol"]["id"] == protocol.public_id
    assert [step["status"] for step in shown["steps"]] == ["pending"] * 3
    began = ["notebook.created", "session.started", "session.created"]
    assert [event["event_type"] for event in shown["timeline_preview"]] == began
    assert [entry["title"] for entry in shown["notebook_entries"]] == ["Run 7"]
    one = f"{CONSOLE}/{shown['execution']['id']}"

    assert client.post(f"{one}/pause", {"reason": "Lunch"}).json()["execution"]["status"] == "paused"
    assert client.post(f"{one}/resume").json()["execution"]["status"] == "in_progress"
    assert client.post(f"{one}/steps/0/advance").json()["steps"][0]["status"] == "in_progress"
    done = {"status": "completed", "values": {"volume_l": 2.5}}
    assert client.post(f"{one}/steps/0", done).json()["steps"][0]["values"] == {"volume_l": 2.5}
    assert client.post(f"{one}/steps/1", {"status": "skipped", "reason": "Done before"}).status_code == 200
    assert client.post(f"{one}/steps/2/advance").status_code == 200
    ended = client.post(f"{one}/steps/2/advance").json()

    assert ended["execution"]["status"] == "completed"
    assert ended["execution"]["open_moves"] == []
    assert len(ended["timeline_preview"]) == 10
    verified = client.get(f"{one}/timeline/verify").json()
    assert verified["valid"] is True
    assert verified["events"] == ended["execution"]["head_sequence"] == 11
    assert verified["head"] == ended["timeline_preview"][0]["hash"]
    assert verified["checkpoint"]["sequence"] == 11
    assert verified["checkpoint"]["valid"] is True
    assert client.get(one).json() == ended


def test_a_planned_session_waits_for_start() -> None:
    protocol = ProtocolFactory()
    client = client_of(protocol.created_by)

    body = {"template_id": str(protocol.pk), "planned_for": "2026-03-03T10:00:00+01:00"}
    planned = client.post(CONSOLE, body).json()["execution"]
    one = f"{CONSOLE}/{planned['id']}"

    assert (planned["status"], planned["planned_for"]) == ("pending", "2026-03-03T09:00:00Z")
    assert planned["title"] == protocol.title
    before = all_that_is_written()
    for path, sent in ((f"{one}/steps/0", {"status": "completed"}), (f"{one}/steps/0/advance", {})):
        refused = client.post(path, sent)
        assert (refused.status_code, refused.json()["code"]) == (409, "session_not_running")
    assert all_that_is_written() == before
    assert client.post(f"{one}/start").json()["execution"]["status"] == "in_progress"
    assert client.post(f"{one}/start").status_code == 409


@pytest.mark.parametrize(
    ("changes", "status", "pointer"),
    [
        ({"template_id": "proto_01h455vb4pex5vsknk084sn02q"}, 404, None),
        ({"template_id": "nonsense"}, 422, "/template_id"),
        ({"template_id": None}, 422, "/template_id"),
        ({"title": " "}, 422, "/title"),
        ({"title": "x" * 256}, 422, "/title"),
        ({"parameters": []}, 422, "/parameters"),
        ({"parameters": {}}, 422, "/parameters/strain"),
        ({"parameters": {"strain": 2**62}}, 422, "/parameters"),
        ({"planned_for": "2026-03-03T10:00:00"}, 422, "/planned_for"),
        ({"planned_for": "soon"}, 422, "/planned_for"),
        ({"team_id": "team_01h455vb4pex5vsknk084sn02q"}, 404, None),
        ({"team_id": 7}, 422, "/team_id"),
    ],
)
def test_a_session_that_cannot_be_is_refused(changes: dict[str, Any], status: int, pointer: str | None) -> None:
    protocol = ProtocolFactory(variables=["strain"])
    body = {"template_id": protocol.public_id, "parameters": {"strain": "K-12"}, **changes}
    before = all_that_is_written()

    answer = client_of(protocol.created_by).post(CONSOLE, body)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    if pointer is not None:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert all_that_is_written() == before


def test_a_session_may_run_in_another_team_of_the_person() -> None:
    protocol, other = ProtocolFactory(), make_team("Downstream")
    person = make_member(protocol.team)
    other.memberships.create(user=person, role=Role.OPERATOR)

    body = {"template_id": protocol.public_id, "team_id": other.public_id}
    answer = client_of(person).post(CONSOLE, body)

    assert answer.json()["execution"]["team_id"] == other.public_id


def test_the_same_idempotency_key_starts_one_session() -> None:
    protocol = ProtocolFactory()
    client = client_of(protocol.created_by)
    body, headers = {"template_id": protocol.public_id}, {"Idempotency-Key": "run-7"}

    first = client.post(CONSOLE, body, headers=headers)
    second = client.post(CONSOLE, body, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert LabSession.objects.count() == 1
    assert client.post(CONSOLE, {**body, "title": "Another"}, headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"status": "skipped"}, 422, "/reason"),
        ({"status": "finished"}, 422, "/status"),
        ({}, 422, "/status"),
        ({"status": "completed", "values": [1]}, 422, "/values"),
        ({"status": "completed", "completed_at": "2030-01-01T00:00:00"}, 422, "/completed_at"),
        ({"status": "completed", "completed_at": "2999-01-01T00:00:00Z"}, 422, "/completed_at"),
        ({"status": "pending"}, 409, "move_refused"),
    ],
)
def test_a_step_that_cannot_move_so_is_refused(body: dict[str, Any], status: int, said: str) -> None:
    session = SessionFactory(with_steps=True)
    before = all_that_is_written()

    answer = client_of(session.created_by).post(f"{CONSOLE}/{session.public_id}/steps/1", body)

    problem = answer.json()
    assert answer.status_code == status
    assert said in (problem["code"], problem.get("errors", [{}])[0].get("pointer"))
    assert all_that_is_written() == before


@pytest.mark.parametrize("index", ["3", "99999999999999999999999", "-1", "one"])
def test_an_unknown_step_is_not_found(index: str) -> None:
    session = SessionFactory(with_steps=True)
    client = client_of(session.created_by)

    assert client.post(f"{CONSOLE}/{session.public_id}/steps/{index}", {"status": "completed"}).status_code == 404
    assert client.post(f"{CONSOLE}/{session.public_id}/steps/{index}/advance").status_code == 404


def test_out_of_order_is_a_conflict_that_names_the_open_step() -> None:
    session = SessionFactory(with_ordered_steps=True)
    before = all_that_is_written()

    answer = client_of(session.created_by).post(f"{CONSOLE}/{session.public_id}/steps/1/advance")

    assert (answer.status_code, answer.json()["code"]) == (409, "step_out_of_order")
    assert answer.json()["open_step_index"] == 0
    assert all_that_is_written() == before


def test_ending_twice_is_a_conflict() -> None:
    session = SessionFactory(completed=True)
    client = client_of(session.created_by)
    before = all_that_is_written()

    for move in ("start", "pause", "resume", "complete", "abort"):
        answer = client.post(f"{CONSOLE}/{session.public_id}/{move}")
        assert (answer.status_code, answer.json()["code"]) == (409, "move_refused")

    assert all_that_is_written() == before


def test_the_list_is_newest_first_and_narrowed_by_its_filters() -> None:
    team = make_team()
    lead = make_member(team)
    protocol = ProtocolFactory(team=team, by=lead)
    first = SessionFactory(team=team, by=lead, name="Alpha run", protocol=protocol)
    second = SessionFactory(team=team, by=lead, name="Beta run", paused=True)
    third = SessionFactory(team=team, by=lead, name="Gamma", planned=True)
    SessionFactory(name="Somebody else's run")
    client = client_of(lead)

    def listed(**query: str) -> list[str]:
        return [item["execution"]["id"] for item in client.get(CONSOLE, query).json()["items"]]

    assert listed() == [third.public_id, second.public_id, first.public_id]
    assert listed(status="paused") == [second.public_id]
    assert listed(status="pending") == [third.public_id]
    assert listed(q="RUN") == [second.public_id, first.public_id]
    assert listed(template_id=protocol.public_id) == [first.public_id]
    assert listed(template_id="proto_01h455vb4pex5vsknk084sn02q") == []
    page = client.get(CONSOLE, {"limit": "2"}).json()
    assert len(page["items"]) == 2
    rest = client.get(CONSOLE, {"limit": "2", "cursor": page["next_cursor"]}).json()
    assert [item["execution"]["id"] for item in rest["items"]] == [first.public_id]
    assert rest["next_cursor"] is None
    assert rest["items"][0]["protocol"]["title"] == protocol.title


@pytest.mark.parametrize(
    "query",
    [
        {"status": "running"},
        {"template_id": "x"},
        {"limit": "0"},
        {"limit": "1001"},
        {"cursor": "zz"},
        {"q": "x" * 256},
    ],
)
def test_a_wrong_filter_is_refused(query: dict[str, str]) -> None:
    answer = client_of(make_member(make_team())).get(CONSOLE, query)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"?{next(iter(query))}"


def test_the_timeline_pages_both_ways() -> None:
    session = SessionFactory()
    for number in range(5):
        change_session(session=session, by=session.created_by, at=NINE, name=f"Run {number} b")
    move_session(session=session, move=PAUSE, by=session.created_by, at=NINE)
    client, address = client_of(session.created_by), f"{CONSOLE}/{session.public_id}/timeline"

    def walked(**query: str) -> list[int]:
        seen: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            page = client.get(address, {**query, **({"cursor": cursor} if cursor else {})}).json()
            seen += [event["sequence"] for event in page["events"]]
            cursor = page["next_cursor"]
        return seen

    assert walked() == [8, 7, 6, 5, 4, 3, 2, 1]
    assert walked(limit="3") == [8, 7, 6, 5, 4, 3, 2, 1]
    assert walked(limit="3", after="2") == [3, 4, 5, 6, 7, 8]
    assert walked(event_types="session.paused, session.created") == [8, 1]
    assert walked(event_types="session.changed", after="4", limit="1") == [5, 6, 7]
    assert walked(event_types="nothing.known") == []
    for query in ({"limit": "201"}, {"limit": "x"}, {"after": "-1"}, {"after": "x"}, {"cursor": "x"}):
        assert client.get(address, query).status_code == 422


def test_a_tampered_timeline_says_where() -> None:
    session = SessionFactory()
    LabSession.objects.filter(pk=session.pk).update(head_hash="ab" * 32)

    answer = client_of(session.created_by).get(f"{CONSOLE}/{session.public_id}/timeline/verify").json()

    assert (answer["valid"], answer["first_bad"], answer["events"]) == (False, 2, 2)
    assert answer["reason"]
    assert answer["checkpoint"] is None


def test_lists_cost_the_same_however_long(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    team = make_team()
    lead = make_member(team)
    protocol = ProtocolFactory(team=team, by=lead)
    for count in (1, 12):
        for _ in range(count):
            session = SessionFactory(team=team, by=make_member(team), protocol=protocol)
            ProtocolFactory(team=team, by=make_member(team))
        client = client_of(lead)
        with django_assert_num_queries(1):
            client.get(CONSOLE)
        with django_assert_num_queries(2):
            client.get("/api/protocols")
        with django_assert_num_queries(2):
            client.get(f"/api/protocols/{protocol.public_id}/versions")
        with django_assert_num_queries(2):
            client.get(f"{CONSOLE}/{session.public_id}/timeline")


def test_a_session_is_shown_in_a_fixed_number_of_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    few = SessionFactory(with_steps=True)
    many = SessionFactory(protocol=ProtocolFactory(content="\n".join(f"Step {number}" for number in range(30))))

    for session in (few, many):
        session.crew.add(make_member(session.team))
        client = client_of(session.created_by)
        with django_assert_num_queries(11):
            client.get(f"{CONSOLE}/{session.public_id}")


def test_protocols_through_the_doors() -> None:
    team = make_team()
    lead = make_member(team)
    client = client_of(lead)
    body = {"title": "Fed-batch", "content": "Fill\n  Heat", "variables": ["strain"], "ordered": True}

    made = client.post("/api/protocols", body)
    assert made.status_code == 201
    shown = made.json()
    assert {name: shown[name] for name in body} == body
    assert (shown["version"], shown["status"], shown["team_id"]) == (1, "active", team.public_id)
    one = f"/api/protocols/{shown['id']}"
    assert client.get(one).json() == shown

    changed = client.patch(one, {"content": "Fill"}, headers={"If-Match": made["ETag"]})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    stale = client.patch(one, {"content": "Empty"}, headers={"If-Match": made["ETag"]})
    assert (stale.status_code, stale["ETag"]) == (412, changed["ETag"])
    versions = client.get(f"{one}/versions").json()["items"]
    assert [(version["version"], version["content"]) for version in versions] == [(2, "Fill"), (1, "Fill\n  Heat")]

    assert client.patch(one, {"status": "retired"}).json()["status"] == "retired"
    assert client.post(CONSOLE, {"template_id": shown["id"]}).json()["code"] == "protocol_retired"
    assert client.get("/api/protocols", {"status": "active"}).json()["items"] == []
    assert len(client.get("/api/protocols", {"q": "fed"}).json()["items"]) == 1


def test_a_protocol_needs_a_team_that_is_named_when_there_are_several() -> None:
    first, second = make_team(), make_team("Downstream")
    person = make_member(first)
    second.memberships.create(user=person, role=Role.LEAD)
    client, body = client_of(person), {"title": "Fed-batch", "content": "Fill"}
    before = all_that_is_written()

    assert client.post("/api/protocols", body).status_code == 422
    assert all_that_is_written() == before
    made = client.post("/api/protocols", {**body, "team_id": second.public_id})
    assert made.json()["team_id"] == second.public_id


def test_paths_work_with_a_trailing_slash_too() -> None:
    session = SessionFactory()
    client = client_of(session.created_by)

    assert client.get(f"{CONSOLE}/").status_code == 200
    assert client.post(f"{CONSOLE}/{session.public_id}/pause/").status_code == 200
    assert kinds(session)[-1] == "session.paused"
