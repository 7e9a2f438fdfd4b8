"""The doors of files: sent as a form or as a body, listed, and handed back so that no browser opens them."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from sessions_app.models import LabFile, LabSession
from tests.factories.notebook import PNG, make_file
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.sessions.kit import client_of, kinds

pytestmark = pytest.mark.django_db

FILES = "/api/files"
FILE = {
    "id",
    "execution_id",
    "team_id",
    "late_entry",
    "created_at",
    "filename",
    "file_type",
    "file_size",
    "sha256",
    "description",
    "reason",
    "preview",
    "uploaded_by",
    "download_path",
}


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(session.created_by)


def sent(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="text/html")


def test_a_file_of_a_form_comes_back_byte_for_byte(client: APIClient, session: LabSession) -> None:
    body = {"file": sent("gel.png", PNG), "execution_id": session.public_id, "description": "Lane 3"}

    answer = client.post(FILES, body, format="multipart")

    assert answer.status_code == 201
    shown = answer.json()
    assert set(shown) == FILE
    assert (shown["file_type"], shown["execution_id"], shown["description"]) == (
        "image/png",
        session.public_id,
        "Lane 3",
    )
    assert client.get(f"{FILES}/{shown['id']}").json() == shown
    download = client.get(shown["download_path"])
    assert b"".join(download.streaming_content) == PNG
    assert download["Content-Type"] == "application/octet-stream"
    assert download["X-Content-Type-Options"] == "nosniff"
    assert download["Content-Disposition"] == 'attachment; filename="gel.png"'
    assert kinds(session)[-1] == "file.uploaded"


def test_a_file_may_be_the_body(client: APIClient, session: LabSession) -> None:
    path = f"{FILES}?file_name=t.csv&execution_id={session.public_id}"

    answer = client.generic("POST", path, b"a,b\n1,2\n", content_type="text/csv")

    assert (answer.status_code, answer.json()["filename"]) == (201, "t.csv")
    assert answer.json()["preview"] == {"kind": "table", "rows": [["a", "b"], ["1", "2"]]}


@pytest.mark.parametrize(
    ("name", "shown", "disposition"),
    [
        ("../../etc/<b>.txt", "<b>.txt", 'attachment; filename="<b>.txt"'),
        ('a"b\r\nX-Evil: 1.txt', 'a"bX-Evil: 1.txt', 'attachment; filename="a\\"bX-Evil: 1.txt"'),
        ("Größe\u202etxt.exe.txt", "Größetxt.exe.txt", "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fetxt.exe.txt"),
    ],
)
def test_hostile_names_reach_no_header_and_no_folder(
    client: APIClient, session: LabSession, name: str, shown: str, disposition: str
) -> None:
    file = make_file(session.created_by, data=b"text", filename=name)

    download = client.get(f"{FILES}/{file.public_id}/download")

    assert client.get(f"{FILES}/{file.public_id}").json()["filename"] == shown
    assert download["Content-Disposition"] == disposition
    assert file.stored_as == f"files/2026-03/{file.public_id}"
    assert b"".join(download.streaming_content) == b"text"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("gel.png", b"<html><script>alert(1)</script>", "file_type_refused"),
        ("gel.png", PNG + b"<script>alert(1)</script>", "file_type_refused"),
        ("empty.txt", b"", "invalid"),
    ],
)
def test_a_file_that_lies_is_refused(client: APIClient, session: LabSession, name: str, data: bytes, code: str) -> None:
    path = f"{FILES}?file_name={name}&execution_id={session.public_id}"

    answer = client.generic("POST", path, data, content_type="application/octet-stream")

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not LabFile.objects.exists()


def test_a_file_that_is_too_large_or_missing_or_late_is_refused(
    client: APIClient, session: LabSession, settings: object
) -> None:
    settings.UPLOAD_MAX_BYTES = 50  # type: ignore[attr-defined]
    ended = SessionFactory(team=session.team, by=session.created_by, completed=True)

    large = client.generic("POST", FILES, b"\x00" * 51, content_type="application/octet-stream")
    missing = client.post(FILES, {"description": "x"}, format="multipart")
    late = client.generic("POST", f"{FILES}?execution_id={ended.public_id}", b"a", content_type="text/plain")
    malformed = client.generic("POST", f"{FILES}?execution_id=x", b"a", content_type="text/plain")

    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "/file")
    assert (late.status_code, late.json()["code"]) == (409, "session_ended")
    assert (malformed.status_code, malformed.json()["errors"][0]["pointer"]) == (422, "/execution_id")
    assert not LabFile.objects.exists()


def test_lists_are_filtered_and_cost_the_same_however_long(
    client: APIClient, session: LabSession, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(4):
        make_file(session.created_by, session if number else None, filename=f"{number}.csv")

    with django_assert_num_queries(1):
        first = client.get(f"{FILES}?limit=1").json()
    with django_assert_num_queries(1):
        rest = client.get(f"{FILES}?cursor={first['next_cursor']}").json()

    names = [file["filename"] for file in first["items"] + rest["items"]]
    assert names == ["3.csv", "2.csv", "1.csv", "0.csv"]
    assert len(client.get(f"{FILES}?execution_id={session.public_id}").json()["items"]) == 3
    assert [file["filename"] for file in client.get(f"{FILES}?q=2.").json()["items"]] == ["2.csv"]
    assert client_of(make_member(make_team("Another"))).get(FILES).json()["items"] == []


def test_a_repeated_key_keeps_one_file(client: APIClient) -> None:
    answers = [
        client.post(
            FILES, {"file": sent("a.txt", b"once")}, format="multipart", headers={"Idempotency-Key": "k"}
        ).json()
        for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert LabFile.objects.count() == 1
