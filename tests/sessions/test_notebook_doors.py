"""The doors of the notebook: shapes, codes, tags, signing, pages and their queries, and evidence to pick from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from sessions_app.models import LabSession, NotebookEntry
from sessions_app.services.notebook import change_entry
from sessions_app.states import WITNESS_ENTRY
from tests.factories.governance import PASSWORD, make_signer
from tests.factories.notebook import make_entry, make_file, sign
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team
from tests.sessions.kit import CONSOLE, client_of, kinds

pytestmark = pytest.mark.django_db

ENTRIES = "/api/notebook/entries"
ENTRY = {
    "id",
    "execution_id",
    "team_id",
    "title",
    "content",
    "version",
    "digest",
    "status",
    "late_entry",
    "author",
    "created_at",
    "updated_at",
    "signatures",
}


@pytest.fixture
def author() -> User:
    return make_signer(make_team(), Role.SCIENTIST)


@pytest.fixture
def session(author: User) -> LabSession:
    return SessionFactory(team=author.teams.get(), by=author)


@pytest.fixture
def client(author: User) -> APIClient:
    return client_of(author)


def one(entry: NotebookEntry, *tail: str) -> str:
    return "/".join([ENTRIES, entry.public_id, *tail])


def test_an_entry_is_begun_read_and_changed(client: APIClient, author: User, session: LabSession) -> None:
    begun = client.post(ENTRIES, {"title": "Plan", "content": "Feed", "execution_id": session.public_id}, format="json")

    assert begun.status_code == 201
    shown = begun.json()
    assert set(shown) == ENTRY
    assert shown["author"] == {"id": author.public_id, "name": author.printed_name}
    assert (shown["version"], shown["status"], shown["execution_id"]) == (1, "draft", session.public_id)
    path = f"{ENTRIES}/{shown['id']}"
    assert client.get(path).json() == shown
    assert client.get(path, headers={"If-None-Match": begun["ETag"]}).status_code == 304

    changed = client.put(path, {**shown, "content": "Feed more"}, format="json")

    assert (changed.status_code, changed.json()["version"], changed.json()["content"]) == (200, 2, "Feed more")
    versions = client.get(f"{path}/versions").json()["items"]
    assert [(version["version"], version["action"], version["content"]) for version in versions] == [
        (2, "changed", "Feed more"),
        (1, "created", "Feed"),
    ]


def test_the_second_of_two_writers_gets_412_with_the_current_tag(client: APIClient, author: User) -> None:
    entry = make_entry(author, content="Mine")
    read = client.get(one(entry))["ETag"]
    first = client.put(one(entry), {"content": "First"}, format="json", headers={"If-Match": read})

    second = client.put(one(entry), {"content": "Second"}, format="json", headers={"If-Match": read})

    assert (second.status_code, second["ETag"]) == (412, first["ETag"])
    assert client.get(one(entry)).json()["content"] == "First"
    again = client.put(one(entry), {"content": "Second"}, format="json", headers={"If-Match": second["ETag"]})
    assert again.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_author_signs_and_another_witnesses() -> None:
    author = make_signer(make_team(), Role.SCIENTIST)
    witness = make_signer(author.teams.get(), Role.QA)
    entry = make_entry(author)
    shown = client_of(author).get(one(entry))
    given = {"signature": "A. Author", "password": PASSWORD, "digest": shown.json()["digest"]}

    wrong = client_of(author).post(one(entry, "sign"), {**given, "password": "guess"}, format="json")
    early = client_of(witness).post(one(entry, "witness"), given, format="json")
    signed = client_of(author).post(one(entry, "sign"), given, format="json", headers={"If-Match": shown["ETag"]})

    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    assert (early.status_code, early.json()["code"]) == (409, "move_refused")
    assert (signed.status_code, signed.json()["status"]) == (200, "signed")
    assert signed["ETag"] != shown["ETag"]
    locked = client_of(author).put(one(entry), {"content": "Else"}, format="json")
    assert (locked.status_code, locked.json()["code"]) == (409, "entry_locked")
    assert client_of(author).post(one(entry, "sign"), given, format="json").status_code == 409
    witnessed = client_of(witness).post(one(entry, "witness"), given, format="json").json()
    assert witnessed["status"] == "witnessed"
    assert [(one["meaning"], one["printed_name"], one["valid"]) for one in witnessed["signatures"]] == [
        ("authorship", author.printed_name, True),
        ("witness", witness.printed_name, True),
    ]


def test_deleting_withdraws_and_keeps_the_versions(client: APIClient, author: User) -> None:
    entry = make_entry(author, content="Kept")

    gone = client.delete(f"{one(entry)}?reason=Twice")

    assert gone.status_code == 200
    assert client.get(one(entry)).status_code == 404
    assert client.get(ENTRIES).json()["items"] == []
    assert client.get(one(entry, "versions")).json()["items"][0]["reason"] == "Twice"
    assert client.delete(one(entry)).status_code == 404


def test_only_an_entry_of_no_session_is_given_out_as_a_file(
    client: APIClient, author: User, session: LabSession
) -> None:
    free, bound = make_entry(author, content="# Mine <script>", title='A/"b"'), make_entry(author, session)

    out = client.get(one(free, "export"))
    kept = client.get(one(bound, "export"))

    assert (out.status_code, out["Content-Type"]) == (200, "text/markdown; charset=utf-8")
    assert out["Content-Disposition"].startswith("attachment;")
    assert "# Mine <script>" in out.content.decode()
    assert (kept.status_code, kept.json()["code"]) == (409, "leaves_by_export")
    assert kinds(session)[-1] == "notebook_export.guardrail_blocked"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 422, "/title"),
        ({"title": " "}, 422, "/title"),
        ({"title": "x", "content": 3}, 422, "/content"),
        ({"title": "x", "execution_id": "nonsense"}, 422, "/execution_id"),
        ({"title": "x", "execution_id": "0198c0de-0000-7000-8000-000000000000"}, 404, None),
        ({"title": "x", "team_id": "0198c0de-0000-7000-8000-000000000000"}, 404, None),
    ],
)
def test_a_body_that_cannot_be_an_entry_begins_none(
    client: APIClient, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    answer = client.post(ENTRIES, body, format="json")

    assert answer.status_code == status
    if pointer is not None:
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert NotebookEntry.objects.count() == 0


def test_an_entry_stays_where_it_was_begun(client: APIClient, author: User, session: LabSession) -> None:
    entry, other = make_entry(author, session), make_team("Another")
    author.teams.add(other)

    moved = client.put(one(entry), {"execution_id": None, "title": "Free"}, format="json")
    elsewhere = client.post(
        ENTRIES, {"title": "x", "execution_id": session.public_id, "team_id": other.public_id}, format="json"
    )

    assert (moved.status_code, moved.json()["errors"][0]["pointer"]) == (422, "/execution_id")
    assert (elsewhere.status_code, elsewhere.json()["errors"][0]["pointer"]) == (422, "/team_id")
    assert entry.versions.count() == 1


def test_a_repeated_key_begins_one_entry(client: APIClient) -> None:
    first, again = (
        client.post(ENTRIES, {"title": "Once"}, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
    )

    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert NotebookEntry.objects.count() == 1


def test_lists_are_filtered_paged_and_cost_the_same_however_long(
    client: APIClient, author: User, session: LabSession, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        make_entry(author, session if number else None, title=f"Day {number}", content=f"pH {number}")

    with django_assert_num_queries(1):
        first = client.get(f"{ENTRIES}?limit=2").json()
    with django_assert_num_queries(1):
        rest = client.get(f"{ENTRIES}?limit=1000&cursor={first['next_cursor']}").json()

    titles = [entry["title"] for entry in first["items"] + rest["items"]]
    assert titles == ["Day 4", "Day 3", "Day 2", "Day 1", "Day 0"]
    assert rest["next_cursor"] is None
    assert (first["items"][0]["preview"], "content" in first["items"][0]) == ("pH 4", False)
    assert client.get(f"{ENTRIES}?include=content&q=ph+3").json()["items"][0]["content"] == "pH 3"
    assert len(client.get(f"{ENTRIES}?execution_id={session.public_id}").json()["items"]) == 4
    assert client.get(f"{ENTRIES}?status=signed").json()["items"] == []
    assert client.get(f"{ENTRIES}?status=lost").status_code == 422


def test_an_entry_and_its_versions_cost_a_fixed_number_of_queries(
    client: APIClient, author: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    entry = make_entry(author)
    for number in range(4):
        change_entry(entry=entry, by=author, at=NINE + timedelta(minutes=number), content=str(number))
    sign(entry, author)
    sign(entry, make_signer(author.teams.get(), Role.QA), move=WITNESS_ENTRY)

    with django_assert_num_queries(5):  # seen, read, its signatures, and the wording under each
        client.get(one(entry))
    with django_assert_num_queries(2):
        client.get(one(entry, "versions"))


def test_a_console_session_opens_with_an_entry_unless_it_is_told_not_to() -> None:
    protocol = ProtocolFactory(title="Fed-batch *1*")
    client = client_of(protocol.created_by)

    with_one = client.post(CONSOLE, {"template_id": protocol.public_id}).json()
    without = client.post(CONSOLE, {"template_id": protocol.public_id, "auto_create_notebook": False}).json()

    entry = client.get(f"{ENTRIES}/{with_one['notebook_entries'][0]['id']}").json()
    assert entry["execution_id"] == with_one["execution"]["id"]
    assert entry["content"].startswith("# Fed-batch \\*1\\*\n\nProtocol: Fed-batch \\*1\\*, version 1\n")
    assert (without["notebook_entries"], NotebookEntry.objects.count()) == ([], 1)


def test_evidence_to_pick_from_is_what_the_person_sees_of_sessions(
    client: APIClient, author: User, session: LabSession, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    entry, file = make_entry(author, session, content="x" * 600), make_file(author, session)
    make_entry(author)
    make_file(author)
    stranger = client_of(make_member(make_team("Another")))
    entries, files, events = (
        "/api/notebook/entries/evidence",
        "/api/data/evidence?domain=file",
        "/api/data/evidence?domain=timeline_event",
    )

    shown = {}
    for path in (entries, files, events):
        with django_assert_num_queries(1):
            shown[path] = client.get(path).json()["items"]
        assert stranger.get(path).json()["items"] == []

    assert [(one["id"], one["type"], one["label"]) for one in shown[entries]] == [
        (entry.public_id, "notebook_entry", "Feed plan")
    ]
    assert shown[entries][0]["snapshot"]["preview"] == "x" * 500
    assert [(one["id"], one["snapshot"]) for one in shown[files]] == [
        (file.public_id, {"filename": "table.csv", "file_type": "text/csv", "file_size": 8})
    ]
    assert [one["snapshot"]["event_type"] for one in shown[events]] == list(reversed(kinds(session)))
    assert client.get(f"{files}&execution_id={SessionFactory().public_id}").json()["items"] == []
    assert client.get("/api/data/evidence?domain=gossip").status_code == 422
