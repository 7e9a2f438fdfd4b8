"""Transcribing as a job: leases, retries, reasons; and the engine that is a server, with a real one on the wire."""

from __future__ import annotations

import io
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from biolab.accounts.models import User
from biolab.kernel import storage
from biolab.kernel.errors import Unreachable
from biolab.kernel.leases import LEASE
from sessions_app.models import LabSession, Note, TimelineEvent, Transcript
from sessions_app.services.recordings import due_speech
from sessions_app.services.transcribing import TRIES, run_transcription
from sessions_app.services.transcripts import report_speech
from sessions_app.stt.engine import EngineRefused, engine_called, engine_name, has_local
from sessions_app.stt.remote import RemoteEngine
from tests.conftest import Clock
from tests.factories.sessions import ProtocolFactory, SessionFactory, make_team
from tests.factories.speech import make_recording, silence
from tests.sessions.kit import kinds

pytestmark = pytest.mark.django_db

HEARD: dict[str, Any] = {
    "task": "transcribe",
    "text": " Foam rises. ",
    "duration": 1.5,
    "words": [{"word": "Foam", "start": 0.1, "end": 0.5}, {"word": "rises.", "start": 0.5, "end": 0.9}],
    "segments": [
        {"id": 0, "start": 0.0, "end": 1.0, "avg_logprob": -0.1, "text": "Foam rises."},
        {"id": 1, "start": 1.0, "end": 1.5, "avg_logprob": -0.4, "text": ""},
    ],
}


class SpeechServer(ThreadingHTTPServer):
    """Answers ``/v1/audio/transcriptions`` as it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.answer: bytes = json.dumps(HEARD).encode()
        self.asked: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: SpeechServer
    protocol_version: ClassVar[str] = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        parts: dict[str, list[Any]] = {}
        for part in form.get_payload():
            assert not isinstance(part, str)
            name = str(part.get_param("name", header="content-disposition"))
            parts.setdefault(name, []).append((part.get_filename(), part.get_payload(decode=True)))
        self.server.asked.append({"path": self.path, "key": self.headers.get("Authorization"), **parts})
        self.server.meanwhile()
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        with suppress(ConnectionError):  # who asked may have had enough
            self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[SpeechServer]:
    """Run a speech server for the block."""
    server = SpeechServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def shared_server() -> Iterator[SpeechServer]:
    with serving() as running:
        yield running


@pytest.fixture
def server(shared_server: SpeechServer, settings: Any) -> SpeechServer:
    settings.STT_ENGINE, settings.STT_BASE_URL, settings.STT_API_KEY = "remote", shared_server.base_url, "sesame"
    settings.STT_LANGUAGE, settings.STT_MODEL = "en", ""
    shared_server.status, shared_server.headers, shared_server.asked = 200, {}, []
    shared_server.answer, shared_server.meanwhile = json.dumps(HEARD).encode(), lambda: None
    return shared_server


@pytest.fixture
def session() -> LabSession:
    team = make_team()
    return SessionFactory(team=team, protocol=ProtocolFactory(team=team, content="Open the feed valve\nInoculate"))


@pytest.fixture
def person(session: LabSession) -> User:
    return session.created_by


def run(task: Transcript, clock: Clock) -> Transcript:
    run_transcription(task_id=task.pk, clock=clock)
    return Transcript.objects.told().get(pk=task.pk)


def test_a_recording_is_sent_as_openai_expects_and_its_answer_is_the_transcript(
    server: SpeechServer, session: LabSession, person: User, clock: Clock, settings: Any
) -> None:
    settings.STT_GLOSSARY = ["Antifoam"]
    task = make_recording(session, by=person)

    done = run(task, clock)

    (asked,) = server.asked
    assert (asked["path"], asked["key"]) == ("/v1/audio/transcriptions", "Bearer sesame")
    assert asked["file"] == [("recording.wav", silence())]
    assert [value.decode() for _, value in asked["timestamp_granularities[]"]] == ["word", "segment"]
    sent = {name: asked[name][0][1].decode() for name in ("model", "response_format", "language", "temperature")}
    assert sent == {"model": "whisper-1", "response_format": "verbose_json", "language": "en", "temperature": "0"}
    assert asked["prompt"][0][1].decode() == "Antifoam, valve, Inoculate"
    assert (done.status, done.transcript, done.duration_seconds, done.attempts) == ("done", "Foam rises.", 1.5, 1)
    assert done.words[0] == {"word": "Foam", "start": 0.1, "end": 0.5, "confidence": None}
    assert done.confidence == pytest.approx(0.8187, abs=1e-4)  # e to the mean of −0.1 for 1 s and −0.4 for 0.5 s
    assert (done.lease, done.lease_until) == (None, None)
    assert kinds(session)[-4:] == ["stt.task.created", "stt.task.started", "note.created", "stt.task.done"]
    assert Note.objects.get().speaker == person.printed_name
    assert TimelineEvent.objects.get(kind="stt.task.done").actor is None


def test_a_job_that_is_delivered_again_does_nothing(
    server: SpeechServer, session: LabSession, person: User, clock: Clock
) -> None:
    task = make_recording(session, by=person)

    assert [run_transcription(task_id=task.pk, clock=clock) for _ in range(10)] == [True, *[False] * 9]
    assert len(server.asked) == 1
    assert kinds(session).count("stt.task.done") == 1


def test_two_workers_never_hear_one_recording_at_once(
    server: SpeechServer, session: LabSession, person: User, clock: Clock
) -> None:
    task = make_recording(session, by=person)
    Transcript.objects.filter(pk=task.pk).update(status="processing", lease_until=clock() + LEASE, attempts=1)

    assert due_speech(at=clock()) == []
    assert run_transcription(task_id=task.pk, clock=clock) is False
    assert server.asked == []
    clock.forward(seconds=LEASE.total_seconds())
    assert due_speech(at=clock()) == [task.pk]
    assert run(task, clock).attempts == 2


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again_later_and_given_up_in_the_end(
    server: SpeechServer, session: LabSession, person: User, clock: Clock, status: int
) -> None:
    server.status = status
    task = make_recording(session, by=person)

    for attempt in range(1, TRIES):
        task = run(task, clock)
        assert (task.status, task.attempts, task.lease) == ("processing", attempt, None)
        assert str(status) in task.error
        assert due_speech(at=clock()) == []
        clock.forward(minutes=20)
    task = run(task, clock)

    assert (task.status, task.attempts) == ("failed", TRIES)
    assert due_speech(at=clock() + timedelta(days=1)) == []
    assert kinds(session).count("stt.task.failed") == 1
    assert not Note.objects.exists()


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (400, b"{}", "refused this recording with 400"),
        (307, b"", "refused this recording with 307"),
        (200, b"<html>", "no verbose_json"),
        (200, b'{"text": 5}', "no verbose_json"),
        (200, b'{"text": "  "}', "Nobody speaks"),
        (200, json.dumps({"text": "x" * 20_001}).encode(), "at most 20000 characters"),
        (200, b" " * (9 << 20), "too large"),
    ],
    ids=["refused", "redirected", "no JSON", "no text", "silent", "overlong", "huge"],
)
def test_what_cannot_be_heard_fails_at_once_with_its_reason(
    server: SpeechServer, session: LabSession, person: User, clock: Clock, status: int, answer: bytes, reason: str
) -> None:
    server.status, server.answer = status, answer
    server.headers = {"Location": f"{server.base_url}/audio/transcriptions"}
    task = make_recording(session, by=person)

    failed = run(task, clock)

    assert (failed.status, failed.attempts, failed.transcript) == ("failed", 1, "")
    assert reason in failed.error
    assert len(server.asked) == 1, "a redirect is not followed"
    assert not Note.objects.exists()


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        engine = RemoteEngine(base_url=f"http://127.0.0.1:{closed.getsockname()[1]}", api_key="", model="", language="")
        with pytest.raises(Unreachable):
            engine.hear(io.BytesIO(silence()), media_type="audio/wav", hotwords=())


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "ftp://host/v1", "//host", "http://"])
def test_an_address_that_is_no_server_is_refused(url: str) -> None:
    with pytest.raises(EngineRefused):
        RemoteEngine(base_url=url, api_key="", model="", language="")


def test_what_a_database_cannot_keep_is_left_out(
    server: SpeechServer, session: LabSession, person: User, clock: Clock
) -> None:
    words = [{"word": "\x00Foam", "start": 0, "end": 1, "probability": 1.4}]
    server.answer = json.dumps({"text": "Fo\x00am", "words": words}).encode()

    done = run(make_recording(session, by=person), clock)

    assert (done.transcript, done.confidence) == ("Foam", 1.0)
    assert done.words == [{"word": "Foam", "start": 0, "end": 1, "confidence": 1.0}]


def test_what_a_worker_heard_after_it_lost_its_lease_is_dropped(
    server: SpeechServer, session: LabSession, person: User, clock: Clock
) -> None:
    row = Transcript.objects.filter(pk=make_recording(session, by=person).pk)
    looks = itertools.count()

    def stalled() -> datetime:
        """Read the clock of a worker that loses its lease before it has heard anything."""
        if next(looks) == 1:
            row.update(lease=None)
        return clock()

    assert run_transcription(task_id=row.get().pk, clock=stalled) is False
    assert len(server.asked) == 1
    assert (row.get().status, row.get().transcript) == ("processing", "")
    assert kinds(session)[-1] == "stt.task.started"


def test_a_recording_that_was_changed_in_storage_is_not_transcribed(
    server: SpeechServer, session: LabSession, person: User, clock: Clock
) -> None:
    task = make_recording(session, by=person)
    with storage.workbench() as folder:
        storage.put(storage.measure([silence(0.9)], folder=folder, media_type="audio/wav").path, task.stored_as)

    failed = run(task, clock)

    assert (failed.status, server.asked) == ("failed", [])
    assert "not what was stored" in failed.error


@pytest.mark.parametrize("status", ["processing", "done"])
def test_a_module_outside_that_reports_takes_the_job_over(
    server: SpeechServer, session: LabSession, person: User, clock: Clock, status: str
) -> None:
    task = make_recording(session, by=person)

    report_speech(task=task, status=status, transcript="By hand", by=person, at=clock())

    assert due_speech(at=clock() + timedelta(days=1)) == []
    after = run(task, clock)
    assert (after.status, after.engine, after.transcript) == (status, "external", "By hand")
    assert server.asked == []


def test_a_recording_at_which_workers_die_is_given_up(
    server: SpeechServer, session: LabSession, person: User, clock: Clock
) -> None:
    task = make_recording(session, by=person)
    Transcript.objects.filter(pk=task.pk).update(
        status="processing", attempts=TRIES, lease=uuid4(), lease_until=clock() - timedelta(seconds=1)
    )

    given_up = run(task, clock)

    assert (given_up.status, given_up.lease, server.asked) == ("failed", None, [])
    assert "again and again" in given_up.error
    assert kinds(session)[-1] == "stt.task.failed"


def test_without_a_setting_the_engine_is_the_one_that_is_installed(settings: Any) -> None:
    settings.STT_ENGINE = ""
    assert engine_name() == ("local" if has_local() else "external")
    settings.STT_ENGINE = "external"
    assert engine_name() == "external"
    with pytest.raises(EngineRefused):
        engine_called("external")
