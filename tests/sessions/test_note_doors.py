"""The doors of `/api/sessions`: codes, shapes, filters, pages, tags, and who is let in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.accounts.services.tokens import issue_token
from sessions_app.models import LabSession, Note, NoteVersion, TimelineEvent
from sessions_app.services.notes import write_note
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team
from tests.sessions.kit import client_of

pytestmark = pytest.mark.django_db

SESSION = {"id", "name", "description", "status", "started_at", "ended_at", "note_count"}
NOTE = {
    "id",
    "session_id",
    "timestamp",
    "speaker",
    "content",
    "type",
    "tags",
    "telemetry_snapshot",
    "created_at",
    "updated_at",
    "version",
    "late_entry",
}


@pytest.fixture
def lead() -> User:
    return make_member(make_team(), Role.LEAD)


@pytest.fixture
def client(lead: User) -> APIClient:
    return client_of(lead)


@pytest.fixture
def session(lead: User) -> LabSession:
    return SessionFactory(team=lead.teams.get(), by=lead)


def notes_of(session: LabSession, *tail: str) -> str:
    return "/".join([f"/api/sessions/{session.public_id}/notes", *tail])


def body(**changes: Any) -> dict[str, Any]:
    return {"timestamp": "2026-03-02T09:00:00Z", "content": "Motor current rising", **changes}


def everything() -> list[list[tuple[Any, ...]]]:
    tables = (LabSession, Note, NoteVersion, TimelineEvent)
    return [list(table.objects.order_by("pk").values_list()) for table in tables]


# -- sessions ------------------------------------------------------------------------------------------------


def test_creating_a_session_starts_it_and_answers_200(client: APIClient, lead: User) -> None:
    answer = client.post("/api/sessions", {"name": "Pump run", "description": "Valve 1"}, format="json")

    made = answer.json()
    assert answer.status_code == 200
    assert set(made) == SESSION
    assert made["status"] == "active"
    assert made["started_at"].endswith("Z")
    assert (made["name"], made["description"], made["ended_at"], made["note_count"]) == ("Pump run", "Valve 1", None, 0)
    row = LabSession.objects.get()
    assert (row.public_id, row.status, row.team, row.created_by) == (made["id"], "running", lead.teams.get(), lead)
    assert client.get(f"/api/sessions/{made['id']}").json() == made
    assert client.get(f"/api/sessions/{row.pk}").json() == made


@pytest.mark.parametrize("name", ["", "   ", "x" * 256, None, 5.5, ["x"]])
def test_a_session_needs_a_proper_name(client: APIClient, name: Any) -> None:
    answer = client.post("/api/sessions", {"name": name}, format="json")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/name"
    assert not LabSession.objects.exists()


def test_a_session_can_run_a_protocol_in_its_team(client: APIClient, lead: User) -> None:
    protocol = ProtocolFactory(team=lead.teams.get(), by=lead)

    answer = client.post("/api/sessions", {"name": "Run", "protocol_template_id": protocol.public_id}, format="json")
    unknown = client.post("/api/sessions", {"name": "Run", "protocol_template_id": str(uuid4())}, format="json")
    malformed = client.post("/api/sessions", {"name": "Run", "protocol_template_id": "steps"}, format="json")

    assert answer.status_code == 200
    assert LabSession.objects.get().steps.count() == 3
    assert (unknown.status_code, malformed.status_code) == (404, 422)


def test_without_a_team_id_only_an_only_team_is_understood(lead: User) -> None:
    alone = make_member(None)
    many = make_member(lead.teams.get(), Role.SCIENTIST)
    second = make_team("Second")
    second.memberships.create(user=many, role=Role.LEAD)

    none = client_of(alone).post("/api/sessions", {"name": "Run"}, format="json")
    several = client_of(many).post("/api/sessions", {"name": "Run"}, format="json")
    named = client_of(many).post("/api/sessions", {"name": "Run", "team_id": second.public_id}, format="json")
    foreign = client_of(lead).post("/api/sessions", {"name": "Run", "team_id": second.public_id}, format="json")

    assert [none.status_code, several.status_code, named.status_code, foreign.status_code] == [422, 422, 200, 404]
    assert {team["id"] for team in several.json()["teams"]} == {team.public_id for team in many.teams.all()}
    assert LabSession.objects.get().team == second


def test_the_list_is_a_bare_array_newest_first_with_links(client: APIClient, lead: User) -> None:
    team = lead.teams.get()
    made = [SessionFactory(team=team, by=lead, at=NINE + timedelta(minutes=number)) for number in range(5)]
    SessionFactory()

    first = client.get("/api/sessions?limit=3")
    link = first["Link"].removeprefix("<").partition(">")[0]
    second = client.get(link)

    assert [row["id"] for row in first.json() + second.json()] == [session.public_id for session in reversed(made)]
    assert "Link" not in second
    assert client.get("/api/sessions?limit=0").status_code == 422
    assert client.get("/api/sessions?limit=1001").status_code == 422


def test_the_list_is_narrowed_by_status_and_text(client: APIClient, lead: User) -> None:
    team = lead.teams.get()
    running = SessionFactory(team=team, by=lead, name="Pump")
    over = SessionFactory(team=team, by=lead, name="Valve", description="with a pump", aborted=True)

    def ids(query: str) -> set[str]:
        return {row["id"] for row in client.get(f"/api/sessions?{query}").json()}

    assert ids("status=active") == {running.public_id}
    assert ids("status=ended") == {over.public_id}
    assert ids("q=PUMP") == {running.public_id, over.public_id}
    assert ids("q=valve&status=active") == set()
    assert client.get("/api/sessions?status=running").status_code == 422


def test_the_list_counts_standing_notes_without_a_query_per_row(
    client: APIClient, lead: User, django_assert_num_queries: Any
) -> None:
    team = lead.teams.get()
    for number in range(30):
        session = SessionFactory(team=team, by=lead)
        for _ in range(number % 3):
            write_note(session=session, by=lead, at=NINE, timestamp=NINE, content="x")
    withdrawn = Note.objects.all()[0]
    Note.objects.filter(pk=withdrawn.pk).update(withdrawn_at=NINE)

    with django_assert_num_queries(1):
        rows = client.get("/api/sessions").json()

    assert sum(row["note_count"] for row in rows) == 29


def test_ending_a_session_happens_once(client: APIClient, session: LabSession) -> None:
    path = f"/api/sessions/{session.public_id}"

    ended = client.patch(path, {"status": "ended", "name": "Renamed"}, format="json")
    before = everything()
    again = client.patch(path, {"status": "ended"}, format="json")
    reopened = client.patch(path, {"status": "active"}, format="json")
    unknown = client.patch(path, {"status": "over"}, format="json")

    assert ended.status_code == 200
    assert (ended.json()["status"], ended.json()["name"]) == ("ended", "Renamed")
    assert ended.json()["ended_at"].endswith("Z")
    assert [again.status_code, reopened.status_code, unknown.status_code] == [409, 409, 422]
    assert everything() == before


def test_what_is_null_in_a_change_of_a_session_stays(client: APIClient, session: LabSession) -> None:
    path, before = f"/api/sessions/{session.public_id}", session.name

    described = client.patch(path, {"name": None, "description": "Cold", "status": None}, format="json")
    nothing = client.patch(path, {"name": None, "description": None, "status": None, "reason": None}, format="json")

    assert [described.status_code, nothing.status_code] == [200, 200]
    assert (nothing.json()["name"], nothing.json()["description"], nothing.json()["status"]) == (
        before,
        "Cold",
        "active",
    )


def test_a_session_is_changed_only_by_who_has_read_it_last(client: APIClient, session: LabSession) -> None:
    path = f"/api/sessions/{session.public_id}"
    etag = client.get(path)["ETag"]

    first = client.patch(path, {"name": "One"}, format="json", headers={"If-Match": etag})
    stale = client.patch(path, {"name": "Two"}, format="json", headers={"If-Match": etag})

    assert first.status_code == 200
    assert (stale.status_code, stale["ETag"]) == (412, first["ETag"])
    assert LabSession.objects.get().name == "One"


# -- notes ---------------------------------------------------------------------------------------------------


def test_writing_a_note_answers_200_with_the_whole_note(client: APIClient, session: LabSession) -> None:
    answer = client.post(
        notes_of(session),
        body(speaker="Engineer A", tags=["motor"], telemetry_snapshot={"battery_voltage": 32.5, "state": "on"}),
        format="json",
    )

    note = answer.json()
    assert answer.status_code == 200
    assert set(note) == NOTE
    assert note["session_id"] == session.public_id
    assert note["timestamp"] == "2026-03-02T09:00:00Z"
    assert note["telemetry_snapshot"] == {"battery_voltage": 32.5, "state": "on"}
    assert (note["type"], note["version"], note["late_entry"]) == ("observation", 1, note["late_entry"])
    assert client.get(notes_of(session, note["id"])).json() == note
    assert client.get(f"/api/sessions/{session.public_id}").json()["note_count"] == 1


def test_times_are_converted_and_naive_ones_are_utc(client: APIClient, session: LabSession) -> None:
    times = ["2026-03-02T09:00:00.000123", "2026-03-02T11:00:00+02:00", "2026-03-02 09:00:00"]

    shown = [client.post(notes_of(session), body(timestamp=at), format="json").json()["timestamp"] for at in times]
    refused = [client.post(notes_of(session), body(timestamp=at), format="json") for at in ("soon", "", None, 5)]

    assert shown == ["2026-03-02T09:00:00.000123Z", "2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"]
    assert [answer.status_code for answer in refused] == [422] * 4
    assert {answer.json()["errors"][0]["pointer"] for answer in refused} == {"/timestamp"}


def test_a_new_note_is_on_time_and_an_old_one_late(client: APIClient, session: LabSession) -> None:
    now = timezone.now()

    fresh = client.post(notes_of(session), body(timestamp=now.isoformat()), format="json").json()
    old = client.post(notes_of(session), body(timestamp=(now - timedelta(minutes=6)).isoformat()), format="json").json()

    assert (fresh["late_entry"], old["late_entry"]) == (False, True)


WRONG: list[tuple[Any, int]] = [
    ({}, 422),
    ({"content": "No time"}, 422),
    (body(content=""), 422),
    (body(content="x" * 20_001), 422),
    (body(type="rumour"), 422),
    (body(tags="motor"), 422),
    (body(tags=[["x"]]), 422),
    (body(telemetry_snapshot=[1]), 422),
    (body(telemetry_snapshot={"n": 2**60}), 422),
    (body(content="a\x00b"), 422),
    ([1, 2], 422),
    ("text", 422),
    (None, 422),
]


@pytest.mark.parametrize(("sent", "status"), WRONG)
def test_a_wrong_note_is_refused_and_nothing_is_written(
    client: APIClient, session: LabSession, sent: Any, status: int
) -> None:
    before = everything()

    answer = client.post(notes_of(session), sent, format="json")

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert everything() == before


def test_malformed_json_is_400(client: APIClient, session: LabSession) -> None:
    answer = client.post(notes_of(session), b'{"content": ', content_type="application/json")

    assert answer.status_code == 400


def test_notes_come_by_their_time_and_every_filter_narrows(client: APIClient, session: LabSession, lead: User) -> None:
    def write(minute: int, **changes: Any) -> str:
        at = NINE + timedelta(minutes=minute)
        wish = {"content": "Foam", "speaker": "Engineer A", **changes}
        return write_note(session=session, by=lead, at=at, timestamp=at, **wish).public_id

    third = write(30, type="anomaly", tags=["motor", "foam"])
    first = write(10, speaker="Engineer B", tags=["motor_2"])
    second = write(20, content="Motor hums", tags=["motor"])

    def ids(**query: str) -> list[str]:
        return [row["id"] for row in client.get(notes_of(session), query).json()]

    assert ids() == [first, second, third]
    assert ids(speaker="Engineer A") == [second, third]
    assert ids(speaker="Engineer") == []
    assert ids(type="anomaly") == [third]
    assert ids(tag="motor") == [second, third]
    assert ids(tag="mot") == []
    assert ids(q="HUMS") == [second]
    assert ids(**{"from": "2026-03-02T09:10:00Z", "to": "2026-03-02T09:20:00"}) == [first, second]
    assert ids(**{"from": "2026-03-02T09:10:00.000001Z"}) == [second, third]
    assert ids(speaker="Engineer A", tag="foam", to="2026-03-02T10:30:00+01:00") == [third]
    for query in ({"type": "rumour"}, {"from": "soon"}, {"limit": "x"}, {"cursor": "x"}):
        assert client.get(notes_of(session), query).status_code == 422


def test_pages_of_notes_at_one_moment_lose_none(client: APIClient, session: LabSession, lead: User) -> None:
    made = {
        write_note(session=session, by=lead, at=NINE, timestamp=NINE, content=str(number)).public_id
        for number in range(7)
    }

    found: list[str] = []
    address = notes_of(session) + "?limit=2"
    while address:
        answer = client.get(address)
        found += [row["id"] for row in answer.json()]
        address = answer.get("Link", "").removeprefix("<").partition(">")[0]

    assert len(found) == 7
    assert set(found) == made


def test_a_list_of_notes_takes_two_queries(
    client: APIClient, session: LabSession, lead: User, django_assert_num_queries: Any
) -> None:
    for number in range(50):
        write_note(session=session, by=lead, at=NINE, timestamp=NINE, content=str(number), tags=["a"])

    with django_assert_num_queries(2):
        rows = client.get(notes_of(session) + "?tag=a").json()

    assert len(rows) == 50


def test_correcting_appending_and_the_history(client: APIClient, session: LabSession, lead: User) -> None:
    nid = client.post(notes_of(session), body(speaker="A", tags=["x"]), format="json").json()["id"]

    put = client.put(notes_of(session, nid), {"content": "Falling", "reason": "Misheard"}, format="json")
    patch = client.patch(
        notes_of(session, nid),
        {"append_content": "Stable", "timestamp": "2026-03-02T09:15:30", "telemetry_snapshot": {"v": 1}},
        format="json",
    )
    history = client.get(notes_of(session, nid, "history"))

    assert (put.status_code, put.json()["version"], put.json()["speaker"], put.json()["tags"]) == (200, 2, "A", ["x"])
    assert patch.json()["content"] == "Falling\n[09:15:30] Stable"
    assert patch.json()["telemetry_snapshot"] == {"v": 1}
    assert [(row["version"], row["action"], row["reason"]) for row in history.json()] == [
        (1, "created", ""),
        (2, "corrected", "Misheard"),
        (3, "appended", ""),
    ]
    assert {row["by"] for row in history.json()} == {lead.public_id}
    assert {row["by_name"] for row in history.json()} == {lead.printed_name}
    assert client.put(notes_of(session, nid), {"content": " "}, format="json").status_code == 422
    assert client.patch(notes_of(session, nid), {}, format="json").status_code == 422


def test_what_is_null_in_a_correction_stays_and_what_is_empty_goes(client: APIClient, session: LabSession) -> None:
    told = client.post(notes_of(session), body(speaker="Engineer A", tags=["motor"]), format="json").json()
    one = notes_of(session, told["id"])
    nulls = dict.fromkeys(("content", "speaker", "type", "tags", "reason"))

    same = client.put(one, nulls, format="json").json()
    other = client.put(one, {**nulls, "content": "Falling"}, format="json").json()
    empty = client.put(one, {"speaker": "", "tags": []}, format="json").json()

    assert same == told
    assert (other["content"], other["speaker"], other["tags"], other["version"]) == (
        "Falling",
        "Engineer A",
        ["motor"],
        2,
    )
    assert (empty["content"], empty["speaker"], empty["tags"]) == ("Falling", None, [])


def test_deleting_hides_a_note_and_keeps_its_history(client: APIClient, session: LabSession) -> None:
    nid = client.post(notes_of(session), body(), format="json").json()["id"]

    deleted = client.delete(notes_of(session, nid))
    again = client.delete(notes_of(session, nid))

    assert deleted.status_code == 200
    assert set(deleted.json()) == {"message"}
    assert again.status_code == 404
    assert client.get(notes_of(session, nid)).status_code == 404
    assert client.get(notes_of(session)).json() == []
    assert [row["action"] for row in client.get(notes_of(session, nid, "history")).json()] == ["created", "withdrawn"]
    assert client.get(f"/api/sessions/{session.public_id}").json()["note_count"] == 0


def test_if_match_guards_every_change_of_a_note(client: APIClient, session: LabSession) -> None:
    nid = client.post(notes_of(session), body(), format="json").json()["id"]
    old = client.get(notes_of(session, nid))["ETag"]
    new = client.put(notes_of(session, nid), {"content": "Two"}, format="json", headers={"If-Match": old})["ETag"]
    before = everything()

    stale = [
        client.put(notes_of(session, nid), {"content": "Three"}, format="json", headers={"If-Match": old}),
        client.patch(notes_of(session, nid), {"append_content": "Three"}, format="json", headers={"If-Match": old}),
        client.delete(notes_of(session, nid), headers={"If-Match": old}),
    ]

    assert [(answer.status_code, answer["ETag"]) for answer in stale] == [(412, new)] * 3
    assert everything() == before
    assert client.get(notes_of(session, nid), headers={"If-None-Match": new}).status_code == 304


def test_an_ended_session_takes_notes_only_with_a_reason(client: APIClient, session: LabSession) -> None:
    nid = client.post(notes_of(session), body(), format="json").json()["id"]
    client.patch(f"/api/sessions/{session.public_id}", {"status": "ended"}, format="json")
    before = everything()

    refused = [
        client.post(notes_of(session), body(), format="json"),
        client.put(notes_of(session, nid), {"content": "Two"}, format="json"),
        client.patch(notes_of(session, nid), {"append_content": "Two"}, format="json"),
        client.delete(notes_of(session, nid)),
    ]
    untouched = everything() == before
    late = client.post(notes_of(session), body(reason="Found on paper"), format="json")
    gone = client.delete(notes_of(session, nid) + "?reason=Wrong+bench")

    assert [answer.status_code for answer in refused] == [409] * 4
    assert {answer.json()["code"] for answer in refused} == {"session_ended"}
    assert untouched
    assert (late.status_code, late.json()["late_entry"]) == (200, True)
    assert gone.status_code == 200


def test_a_repeated_post_with_its_key_writes_once(client: APIClient, session: LabSession) -> None:
    first = client.post(notes_of(session), body(), format="json", headers={"Idempotency-Key": "a"})
    second = client.post(notes_of(session), body(), format="json", headers={"Idempotency-Key": "a"})
    other = client.post(notes_of(session), body(content="x"), format="json", headers={"Idempotency-Key": "a"})

    assert second.json() == first.json()
    assert second["Idempotent-Replayed"] == "true"
    assert other.status_code == 422
    assert Note.objects.count() == 1


def test_paths_work_with_a_trailing_slash_too(client: APIClient, session: LabSession) -> None:
    posted = client.post(notes_of(session) + "/", body(), format="json")

    assert posted.status_code == 200
    assert client.get(f"/api/sessions/{session.public_id}/").status_code == 200


DOORS = [
    ("get", ""),
    ("patch", ""),
    ("get", "/notes"),
    ("post", "/notes"),
    ("get", "/notes/export?format=json"),
    ("get", "/notes/{nid}"),
    ("put", "/notes/{nid}"),
    ("patch", "/notes/{nid}"),
    ("delete", "/notes/{nid}"),
    ("get", "/notes/{nid}/history"),
]


@pytest.mark.parametrize(("method", "tail"), DOORS)
def test_who_may_pass_each_door(session: LabSession, lead: User, method: str, tail: str) -> None:
    note = write_note(session=session, by=lead, at=NINE, timestamp=NINE, content="x")
    path = f"/api/sessions/{session.public_id}{tail.format(nid=note.public_id)}"
    sent = {"patch": {"append_content": "y"} if "notes" in tail else {"name": "y"}, "put": {"content": "y"}}
    observer = make_member(session.team, Role.OBSERVER)
    stranger = make_member(make_team("Others"), Role.LEAD)
    tokens = {
        name: issue_token(owner=lead, name=name, by=None, at=NINE, scopes=scopes)[1]
        for name, scopes in {"reads": ["sessions:read"], "telemetry": ["telemetry:write"]}.items()
    }
    before = everything()

    def status(client: APIClient) -> int:
        return client.generic(
            method.upper(), path, _json(sent.get(method, body())), content_type="application/json"
        ).status_code

    def bearing(secret: str) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    refused = {
        "nobody": (status(APIClient()), 401),
        "stranger": (status(client_of(stranger)), 404),
        "telemetry token": (status(bearing(tokens["telemetry"])), 403),
        "observer": (status(client_of(observer)), 200 if method == "get" else 403),
        "reading token": (status(bearing(tokens["reads"])), 200 if method == "get" else 403),
    }

    assert {who: got for who, (got, _) in refused.items()} == {who: due for who, (_, due) in refused.items()}
    assert everything() == before
    assert status(client_of(lead)) == 200


def _json(value: Any) -> bytes:
    return orjson.dumps(value)


def test_a_foreign_or_malformed_note_id_is_404(client: APIClient, session: LabSession, lead: User) -> None:
    other = SessionFactory(team=session.team, by=lead)
    elsewhere = write_note(session=other, by=lead, at=NINE, timestamp=NINE, content="x")

    found = [
        client.get(notes_of(session, nid)).status_code
        for nid in (elsewhere.public_id, "note_x", str(uuid4()), "%00", session.public_id)
    ]

    assert found == [404] * 5


# -- export --------------------------------------------------------------------------------------------------


def test_the_markdown_export_has_its_layout(client: APIClient, lead: User) -> None:
    session = SessionFactory(team=lead.teams.get(), by=lead, name="Pump *run* é/2")
    at = datetime(2026, 3, 2, 10, 32, 15, tzinfo=UTC)
    snapshot = {"battery_voltage": 32.5, "motor_current": 2.3}
    write_note(
        session=session,
        by=lead,
        at=at,
        timestamp=at,
        content="# Not a heading\n<script>alert(1)</script> & [link](x)",
        speaker="Engineer A",
        tags=["motor", "current"],
        telemetry_snapshot=snapshot,
    )
    write_note(
        session=session, by=lead, at=at, timestamp=at, content="Temperature nominal, 2.3 A", telemetry_snapshot={}
    )

    answer = client.get(notes_of(session, "export") + "?format=markdown")
    text = b"".join(answer.streaming_content).decode()

    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer["Content-Disposition"] == (
        "attachment; filename=\"Pump _run_ __2 notes.md\"; filename*=UTF-8''Pump%20_run_%20%C3%A9_2%20notes.md"
    )
    assert text == (
        "# Pump \\*run\\* é/2\n\n"
        f"**Session ID:** {session.public_id}  \n"
        "**Started:** 2026-03-02T09:00:00Z  \n"
        "**Status:** active\n\n"
        "---\n\n"
        "## Notes\n\n"
        "### [10:32:15] Engineer A\n\n"
        "\\# Not a heading  \n&lt;script&gt;alert(1)&lt;/script&gt; & \\[link\\](x)\n\n"
        "**Telemetry:** battery_voltage=32.5, motor_current=2.3\n\n"
        "*Tags: motor, current*\n\n"
        "### [10:32:15] Unknown\n\n"
        "Temperature nominal, 2.3 A\n"
    )


def test_the_json_export_holds_every_standing_note(client: APIClient, session: LabSession, lead: User) -> None:
    for number in range(3):
        write_note(session=session, by=lead, at=NINE, timestamp=NINE, content=str(number))
    listed = client.get(notes_of(session)).json()

    answer = client.get(notes_of(session, "export") + "?format=json")
    exported = orjson.loads(b"".join(answer.streaming_content))

    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"].endswith("notes.json")
    assert set(exported) == {"session_id", "session_name", "exported_at", "notes"}
    assert (exported["session_id"], exported["session_name"]) == (session.public_id, session.name)
    assert exported["notes"] == listed
    assert client.get(notes_of(session, "export") + "?format=pdf").status_code == 422


def test_an_export_marks_late_entries_and_the_end(client: APIClient, lead: User) -> None:
    session = SessionFactory(team=lead.teams.get(), by=lead, completed=True)
    write_note(session=session, by=lead, at=NINE, timestamp=NINE, content="x", reason="Found on paper")

    text = b"".join(client.get(notes_of(session, "export") + "?format=markdown").streaming_content).decode()

    assert "**Status:** ended" in text
    assert "*Late entry, written 2026-03-02T09:00:00Z*" in text
