"""Speech on the pages and in what leaves the house: unverified until a person confirms it, and marked so."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from biolab.accounts.models import User
from biolab.kernel import storage
from sessions_app.models import LabSession, Note, Transcript
from sessions_app.services.transcripts import confirm_speech
from tests.factories.exports import make_export, make_export_bench
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.factories.speech import make_recording, make_task, silence

pytestmark = pytest.mark.django_db

MARK = "Unverified speech: no person has confirmed this transcript."


def browser_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def dossier_of(bench: Any) -> str:
    export = make_export(bench)
    return b"".join(storage.read(export.content.name)).decode()


def notes_export(session: LabSession, person: User, form: str) -> str:
    answer = browser_of(person).get(f"/api/sessions/{session.public_id}/notes/export?format={form}")
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def test_11_10_a_dossier_marks_speech_that_no_person_has_confirmed() -> None:
    bench = make_export_bench(ended=False)
    noted = make_task(bench.session, by=bench.asker, name="a", status="done", confidence=0.9)
    make_task(bench.session, by=bench.asker, name="b", status="done")

    unverified = dossier_of(bench)
    for task in (noted, Transcript.objects.get(audio_chunk_id="b")):
        confirm_speech(task=task, by=bench.asker, at=NINE)
    verified = dossier_of(bench)

    assert " — unverified\n" in unverified
    assert unverified.count("**unverified speech**") == 2
    assert "Recording b has a transcript that no person confirmed" in unverified
    assert "unverified speech" not in verified
    assert " — unverified\n" not in verified


def test_the_notes_export_marks_it_and_names_the_recording() -> None:
    session = SessionFactory()
    person = session.created_by
    task = make_task(session, by=person, status="done", confidence=0.9)

    before = notes_export(session, person, "markdown")
    shapes = orjson.loads(notes_export(session, person, "json"))["notes"]
    confirm_speech(task=task, by=person, at=NINE)
    after = notes_export(session, person, "markdown")

    assert MARK in before
    assert MARK not in after
    assert "*Recording chunk_001, SHA-256 kept elsewhere*" in after
    assert shapes[0]["speech"] == {
        "task_id": task.public_id,
        "audio_chunk_id": "chunk_001",
        "sha256": "",
        "unverified": True,
    }


def test_the_page_takes_a_file_confirms_and_tries_again_without_a_script() -> None:
    session = SessionFactory()
    browser, home = browser_of(session.created_by), f"/sessions/{session.public_id}"
    failed = make_task(session, by=session.created_by, name="f", status="failed")
    done = make_task(session, by=session.created_by, name="d", status="done", confidence=0.9)

    page = browser.get(home).content.decode()
    answers = [
        browser.post(f"{home}/speech", {"file": SimpleUploadedFile("talk.wav", silence())}),
        browser.post(
            f"{home}/speech/{done.public_id}/confirm", {"transcript": "Foam rises fast.", "version": done.etag}
        ),
        browser.post(f"{home}/speech/{failed.public_id}/retry"),
    ]

    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, home)] * 3
    assert "Unverified speech" in page
    assert "The microphone was off." in page
    assert Note.objects.get().content == "Foam rises fast."
    assert Transcript.objects.get(pk=failed.pk).status == "pending"
    assert Transcript.objects.get(media_type="audio/wav").size == len(silence())
    told = browser.get(home).content.decode()
    assert "Unverified" not in told
    assert f"Confirmed by {session.created_by.printed_name}" in told


def test_a_refusal_stands_beside_what_was_typed() -> None:
    session = SessionFactory()
    browser, home = browser_of(session.created_by), f"/sessions/{session.public_id}"
    task = make_task(session, by=session.created_by, status="done")

    stale = browser.post(
        f"{home}/speech/{task.public_id}/confirm", {"transcript": "What I typed", "version": "another"}
    )
    nothing = browser.post(f"{home}/speech", {})
    no_sound = browser.post(f"{home}/speech", {"file": SimpleUploadedFile("talk.wav", b"<html>")})

    assert stale.status_code == 412
    assert "What I typed" in stale.content.decode()
    assert (nothing.status_code, "Choose a recording." in nothing.content.decode()) == (422, True)
    assert (no_sound.status_code, "this is none of them" in no_sound.content.decode()) == (422, True)
    assert not Note.objects.exists()
    assert Transcript.objects.count() == 1


def test_an_observer_listens_and_finds_no_form() -> None:
    session = SessionFactory()
    recording = make_recording(session, by=session.created_by)
    done = make_task(session, by=session.created_by, name="d", status="done")
    browser, home = browser_of(make_member(session.team, "observer")), f"/sessions/{session.public_id}"

    page = browser.get(home).content.decode()
    answers = [
        browser.post(f"{home}/speech", {"file": SimpleUploadedFile("talk.wav", silence(0.2))}),
        browser.post(f"{home}/speech/{done.public_id}/confirm", {"transcript": "x", "version": done.etag}),
    ]

    assert f"/stt/tasks/{recording.public_id}/audio" in page
    assert "Foam rises." in page
    assert 'id="recorder"' not in page
    assert "/confirm" not in page
    assert [answer.status_code for answer in answers] == [403, 403]
    assert Transcript.objects.count() == 2


def test_another_teams_recordings_are_nowhere_to_be_found() -> None:
    session = SessionFactory()
    task = make_task(session, by=session.created_by, status="done")
    stranger = browser_of(SessionFactory().created_by)
    home = f"/sessions/{session.public_id}"

    assert stranger.get(f"{home}/panels/speech").status_code == 404
    for path in ("", f"/{task.public_id}/confirm", f"/{task.public_id}/retry"):
        assert stranger.post(f"{home}/speech{path}", {"transcript": "x"}).status_code == 404
    assert not Note.objects.exists()
