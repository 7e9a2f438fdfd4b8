"""A worker that is killed while it transcribes: the next one finishes, and what was said is told once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as house
from django.db import connection
from django.utils import timezone

from biolab.kernel.leases import LEASE
from sessions_app.models import Transcript
from sessions_app.services.recordings import due_speech
from sessions_app.services.transcribing import run_transcription
from tests.factories.sessions import SessionFactory
from tests.factories.speech import make_recording
from tests.sessions.kit import kinds
from tests.sessions.test_transcribing import serving

ROOT = Path(__file__).parents[2]


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_transcribes_is_replaced_and_nothing_is_told_twice(settings: Any) -> None:
    settings.STT_ENGINE = "remote"
    session = SessionFactory()
    task = make_recording(session, by=session.created_by)
    heard, dead = threading.Event(), threading.Event()
    with serving() as server:
        settings.STT_BASE_URL = server.base_url
        server.meanwhile = lambda: (heard.set(), dead.wait(60))
        given = {
            **os.environ,
            "BIOLAB_TEST_DATA": str(house.DATA_DIR),
            "SPEECH_DATABASE": json.dumps({"NAME": str(connection.settings_dict["NAME"])}),
            "STT_ENGINE": "remote",
            "STT_BASE_URL": server.base_url,
        }
        command = [sys.executable, "-m", "tests.faults.speech_worker", str(task.pk)]
        worker = subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            assert heard.wait(60), worker.communicate(timeout=5)[0]
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        finally:
            dead.set()
            worker.kill()
            worker.communicate()
        left = Transcript.objects.get(pk=task.pk)
        assert (left.status, left.attempts, left.transcript) == ("processing", 1, "")
        assert due_speech(at=timezone.now()) == []

        later = timezone.now() + LEASE + timedelta(seconds=1)
        assert due_speech(at=later) == [task.pk]
        assert run_transcription(task_id=task.pk, clock=lambda: later)

    done = Transcript.objects.get(pk=task.pk)
    assert (done.status, done.attempts, done.transcript) == ("done", 2, "Foam rises.")
    assert kinds(session).count("stt.task.started") == 2
    assert kinds(session).count("stt.task.done") == 1
    assert kinds(session).count("note.created") == 1
