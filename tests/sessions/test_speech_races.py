"""One recording sent, worked at and confirmed by many at once, on PostgreSQL, where rows are really locked."""

from __future__ import annotations

from typing import Any

import pytest

from sessions_app.models import Note, Transcript
from sessions_app.services.transcribing import run_transcription
from sessions_app.services.transcripts import confirm_speech
from sessions_app.verification import verify_session
from tests.factories.sessions import NINE, SessionFactory
from tests.factories.speech import make_recording, make_task
from tests.sessions.kit import kinds
from tests.sessions.test_timeline_writers import WRITERS, at_once
from tests.sessions.test_transcribing import serving

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def test_one_recording_that_comes_eight_times_at_once_is_told_once(settings: Any) -> None:
    settings.STT_ENGINE = "remote"
    session = SessionFactory()
    person = session.created_by
    with serving() as server:
        settings.STT_BASE_URL = server.base_url
        sent = at_once(lambda _: make_recording(session, by=person))
        task = Transcript.objects.get()
        heard = at_once(lambda _: run_transcription(task_id=task.pk, clock=lambda: NINE))

    assert sent == [task] * WRITERS
    assert sorted(map(bool, heard)) == [False] * (WRITERS - 1) + [True]
    assert len(server.asked) == 1
    assert kinds(session)[-4:] == ["stt.task.created", "stt.task.started", "note.created", "stt.task.done"]
    assert verify_session(session.pk).valid


def test_eight_people_who_confirm_one_transcript_make_one_note() -> None:
    session = SessionFactory()
    task = make_task(session, by=session.created_by, status="done")

    def confirm(number: int) -> Transcript:
        return confirm_speech(task=task, transcript=f"Reading {number}", by=session.created_by, at=NINE)

    given = at_once(confirm)

    won = [one for one in given if isinstance(one, Transcript)]
    assert len(won) == 1
    assert Note.objects.get().content == won[0].transcript
    assert kinds(session).count("stt.task.confirmed") == 1
