"""The doors of `/api/sessions/{sid}/stt`: codes, shapes, pages, tags, uploads, and what the socket says."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel import storage
from sessions_app.live.frames import frames_after
from sessions_app.models import LabSession, Note, Transcript
from tests.factories.sessions import SessionFactory, make_member, make_team
from tests.factories.speech import WORDS, make_recording, make_task, silence
from tests.sessions.kit import client_of

pytestmark = pytest.mark.django_db

ASTRA = {
    "id",
    "session_id",
    "audio_chunk_id",
    "duration_seconds",
    "status",
    "transcript",
    "error",
    "created_at",
    "updated_at",
}
ALSO = {
    "confidence",
    "words",
    "engine",
    "attempts",
    "media_type",
    "size",
    "sha256",
    "note_id",
    "reviewed_by",
    "reviewed_at",
    "audio_url",
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


def path(session: LabSession, *tail: str) -> str:
    return "/".join([f"/api/sessions/{session.public_id}/stt", *tail])


def upload(client: APIClient, session: LabSession, sound: bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile("../../etc/passwd.exe", sound, content_type="text/html")
    return client.post(path(session, "upload"), {"file": file, **fields}, format="multipart")


def test_a_module_registers_works_and_reports_as_its_client_expects(client: APIClient, session: LabSession) -> None:
    made = client.post(path(session, "tasks"), {"audio_chunk_id": "chunk_001", "duration_seconds": 8.4}, format="json")
    one = path(session, "tasks", made.json()["id"])
    done = client.put(one, {"status": "done", "transcript": "Motor current rising.", "error": None}, format="json")

    assert (made.status_code, done.status_code) == (201, 200)
    assert set(made.json()) == ASTRA | ALSO
    assert {name: made.json()[name] for name in ("status", "transcript", "error", "engine", "audio_url")} == {
        "status": "pending",
        "transcript": None,
        "error": None,
        "engine": "external",
        "audio_url": None,
    }
    assert (made.json()["session_id"], made.json()["duration_seconds"]) == (session.public_id, 8.4)
    assert (done.json()["status"], done.json()["transcript"]) == ("done", "Motor current rising.")
    assert client.get(one).json() == done.json()
    assert client.get(path(session, "tasks")).json() == [done.json()]


def test_registering_the_same_recording_again_answers_the_same_task(client: APIClient, session: LabSession) -> None:
    answers = [client.post(path(session, "tasks"), {"audio_chunk_id": "a"}, format="json") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Transcript.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"audio_chunk_id": ""},
        {"audio_chunk_id": "x" * 256},
        {"audio_chunk_id": 5},
        {"audio_chunk_id": "a", "duration_seconds": -1},
        {"audio_chunk_id": "a", "duration_seconds": "NaN"},
        {"audio_chunk_id": "a", "duration_seconds": 1e9},
    ],
)
def test_a_recording_that_cannot_be_is_refused(client: APIClient, session: LabSession, body: Any) -> None:
    answer = client.post(path(session, "tasks"), body, format="json")

    assert answer.status_code == 422
    assert not Transcript.objects.exists()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("pending", {"status": "over"}, 422),
        ("pending", {}, 422),
        ("pending", {"status": "done"}, 422),
        ("pending", {"status": "failed"}, 422),
        ("pending", {"status": "done", "transcript": "x", "confidence": 1.1}, 422),
        ("pending", {"status": "done", "transcript": "x", "words": [{"word": "x"}]}, 422),
        ("pending", {"status": "done", "transcript": "x", "words": WORDS, "confidence": 0.5}, 200),
        ("pending", {"status": "pending"}, 409),
        ("processing", {"status": "processing"}, 409),
        ("processing", {"status": "failed", "error": "Too loud"}, 200),
        ("done", {"status": "failed", "error": "x"}, 409),
        ("failed", {"status": "pending"}, 409),
        ("failed", {"status": "done", "transcript": "x"}, 409),
    ],
)
def test_a_report_answers_by_the_table(
    client: APIClient, session: LabSession, lead: User, status: str, body: Any, expected: int
) -> None:
    task = make_task(session, by=lead, status=status)

    answer = client.put(path(session, "tasks", task.public_id), body, format="json")

    assert answer.status_code == expected
    if expected != 200:
        assert Transcript.objects.get().status == status


def test_what_a_report_leaves_out_keeps_its_value(client: APIClient, session: LabSession, lead: User) -> None:
    task = make_task(session, by=lead)
    one = path(session, "tasks", task.public_id)

    client.put(one, {"status": "processing", "confidence": 0.5, "words": WORDS}, format="json")
    done = client.put(one, {"status": "done", "transcript": "Foam rises."}, format="json").json()

    assert (done["confidence"], done["words"], done["duration_seconds"]) == (0.5, WORDS, 8.4)


def test_two_people_who_change_one_task_do_not_overwrite_each_other(
    client: APIClient, session: LabSession, lead: User
) -> None:
    one = path(session, "tasks", make_task(session, by=lead, status="done").public_id)
    read = client.get(one)["ETag"]

    first = client.post(f"{one}/confirm", {}, format="json", headers={"If-Match": read})
    second = client.post(f"{one}/confirm", {"transcript": "Other"}, format="json", headers={"If-Match": read})

    assert (first.status_code, second.status_code) == (200, 412)
    assert second["ETag"] == first["ETag"]
    assert Note.objects.get().content == "Foam rises."


def test_an_upload_is_sealed_and_queued_whatever_it_calls_itself(
    client: APIClient, session: LabSession, settings: Any
) -> None:
    settings.STT_ENGINE = "local"
    sound = silence(0.3)

    answer = upload(client, session, sound, audio_chunk_id="c1", duration_seconds="0.3")

    task = answer.json()
    assert answer.status_code == 202
    assert (task["status"], task["engine"], task["media_type"]) == ("pending", "local", "audio/wav")
    assert (task["sha256"], task["size"]) == (hashlib.sha256(sound).hexdigest(), len(sound))
    audio = client.get(task["audio_url"])
    assert b"".join(audio.streaming_content) == sound  # type: ignore[attr-defined]
    assert audio["Content-Type"] == "audio/wav"
    assert audio["X-Content-Type-Options"] == "nosniff"
    assert audio["Content-Disposition"] == f'attachment; filename="{task["id"]}.wav"'
    assert upload(client, session, sound, audio_chunk_id="c1", duration_seconds="0.3").json() == task


def test_an_upload_may_be_the_body_itself(client: APIClient, session: LabSession) -> None:
    answer = client.post(f"{path(session, 'upload')}?audio_chunk_id=raw", silence(), content_type="audio/wav")

    assert (answer.status_code, answer.json()["audio_chunk_id"]) == (202, "raw")


def test_an_upload_that_is_sent_twice_with_one_key_is_one_task(client: APIClient, session: LabSession) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}

    def send() -> Any:
        file = SimpleUploadedFile("talk.wav", silence())
        return client.post(path(session, "upload"), {"file": file}, format="multipart", **key)

    first, second = send(), send()

    assert (first.status_code, second.status_code) == (202, 202)
    assert (second["Idempotent-Replayed"], second.json()) == ("true", first.json())
    assert Transcript.objects.count() == 1


@pytest.mark.parametrize(
    ("sound", "fields", "expected"),
    [
        (b"<html></html>", {}, 415),
        (b"", {}, 415),
        (silence(), {"duration_seconds": "-1"}, 422),
        (silence(), {"duration_seconds": "long"}, 422),
        (silence(), {"audio_chunk_id": "x" * 256}, 422),
        (silence() + bytes(25 << 20), {}, 413),
    ],
    ids=["HTML", "empty", "backwards", "no number", "overlong name", "too large"],
)
def test_a_bad_upload_is_refused_and_leaves_nothing(
    client: APIClient, session: LabSession, sound: bytes, fields: Any, expected: int
) -> None:
    answer = upload(client, session, sound, **fields)

    assert answer.status_code == expected
    assert not Transcript.objects.exists()


def test_an_upload_needs_a_file_and_a_session_that_goes_on(client: APIClient, lead: User, session: LabSession) -> None:
    ended = SessionFactory(team=lead.teams.get(), by=lead, completed=True)

    none = client.post(path(session, "upload"), {"audio_chunk_id": "c"}, format="multipart")

    assert (none.status_code, upload(client, ended, silence()).status_code) == (422, 409)
    assert not Transcript.objects.exists()


def test_a_recording_that_was_changed_in_storage_is_not_given_out(
    client: APIClient, session: LabSession, lead: User
) -> None:
    task = make_recording(session, by=lead)
    with storage.workbench() as folder:
        storage.put(storage.measure([silence(0.9)], folder=folder, media_type="audio/wav").path, task.stored_as)

    answer = client.get(path(session, "tasks", task.public_id, "audio"))

    assert (answer.status_code, answer.json()["code"]) == (409, "integrity_failed")


def test_a_player_may_ask_for_a_part_of_a_recording(client: APIClient, session: LabSession, lead: User) -> None:
    task = make_recording(session, by=lead)
    audio = path(session, "tasks", task.public_id, "audio")

    part = client.get(audio, headers={"Range": "bytes=8-11"})
    outside = client.get(audio, headers={"Range": "bytes=999999-"})
    known = client.get(audio, headers={"If-None-Match": part["ETag"]})

    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"WAVE")  # type: ignore[attr-defined]
    assert part["Content-Range"] == f"bytes 8-11/{task.size}"
    assert (outside.status_code, known.status_code) == (416, 304)


def test_the_recording_of_a_module_outside_is_not_here(client: APIClient, session: LabSession, lead: User) -> None:
    task = make_task(session, by=lead)

    assert client.get(path(session, "tasks", task.public_id, "audio")).status_code == 404


def test_another_sessions_task_is_not_found(client: APIClient, session: LabSession, lead: User) -> None:
    other = SessionFactory(team=lead.teams.get(), by=lead)
    task = make_recording(other, by=lead)

    for tail in ([], ["audio"]):
        assert client.get(path(session, "tasks", task.public_id, *tail)).status_code == 404
    for tail in ("retry", "confirm"):
        assert client.post(path(session, "tasks", task.public_id, tail), {}, format="json").status_code == 404


def test_confirming_and_retrying_answer_the_task(client: APIClient, session: LabSession, lead: User) -> None:
    done, failed = (make_task(session, by=lead, name=status, status=status) for status in ("done", "failed"))

    confirmed = client.post(
        path(session, "tasks", done.public_id, "confirm"), {"transcript": "Foam rose."}, format="json"
    )
    retried = client.post(path(session, "tasks", failed.public_id, "retry"))

    assert (confirmed.status_code, retried.status_code) == (200, 200)
    assert confirmed.json()["note_id"] == Note.objects.get().public_id
    assert (confirmed.json()["reviewed_by"], confirmed.json()["transcript"]) == (lead.public_id, "Foam rose.")
    assert (retried.json()["status"], retried.json()["error"]) == ("pending", None)
    assert client.get(f"/api/sessions/{session.public_id}/notes?tag=auto-transcription").json()[0]["content"]


def test_the_list_is_newest_first_in_pages_and_costs_the_same_queries_for_many(
    client: APIClient, session: LabSession, lead: User, django_assert_num_queries: Any
) -> None:
    for number in range(4):
        make_task(session, by=lead, name=str(number), status="done", confidence=0.9)

    with django_assert_num_queries(2):
        page = client.get(path(session, "tasks"), {"limit": 3})
    rest = client.get(page["Link"].partition("<")[2].partition(">")[0])

    assert [task["audio_chunk_id"] for task in (*page.json(), *rest.json())] == ["3", "2", "1", "0"]


def test_the_socket_says_what_the_doors_say_and_what_failed(client: APIClient, session: LabSession, lead: User) -> None:
    done = make_task(session, by=lead, name="a", status="done")
    failed = make_task(session, by=lead, name="b", status="failed")

    frames = [orjson.loads(text) for frame in frames_after(session.pk, 0) for text in frame.texts]

    told = {(frame["event"], (frame["data"].get("audio_chunk_id"))): frame for frame in frames}
    assert [frame["event"] for frame in frames if not frame["event"].startswith("session.")] == [
        "stt.task.created",
        "stt.task.done",
        "transcript.chunk.ready",
        "stt.task.created",
        "stt.task.failed",
        "error.occurred",
    ]
    assert told["stt.task.done", "a"]["data"] == client.get(path(session, "tasks", done.public_id)).json()
    assert told["transcript.chunk.ready", "a"]["data"] == {
        "task_id": done.public_id,
        "audio_chunk_id": "a",
        "transcript": "Foam rises.",
        "confidence": None,
        "duration_seconds": 8.4,
        "words": WORDS,
    }
    assert told["error.occurred", None]["data"] == {
        "message": "The microphone was off.",
        "source": "stt",
        "task_id": failed.public_id,
    }
