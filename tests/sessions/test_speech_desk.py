"""Recordings at the desk: to be read, whoever sits there."""

from __future__ import annotations

import pytest
from django.test import Client

from biolab.accounts.roles import Role
from sessions_app.models import Transcript
from tests.factories.governance import make_administrator
from tests.factories.sessions import SessionFactory, make_member
from tests.factories.speech import make_recording, make_task

pytestmark = pytest.mark.django_db

DESK = "/admin/sessions_app/transcript/"


def test_the_desk_shows_recordings_and_changes_none() -> None:
    session = SessionFactory()
    done = make_task(session, by=session.created_by, status="done")
    kept = make_recording(session, by=session.created_by, name="kept")
    desk = Client()
    desk.force_login(make_administrator(is_superuser=True))

    shown = desk.get(DESK).content.decode()
    one = desk.get(f"{DESK}{kept.pk}/change/").content.decode()
    changed = desk.post(f"{DESK}{done.pk}/change/", {"transcript": "Forged"})

    assert "Foam rises." in shown
    assert kept.sha256 in one
    assert f"/api/sessions/{session.public_id}/stt/tasks/{kept.public_id}/audio" in one
    assert desk.get(f"{DESK}add/").status_code == 403
    assert desk.post(f"{DESK}{done.pk}/delete/", {"post": "yes"}).status_code == 403
    assert changed.status_code == 403
    assert Transcript.objects.get(pk=done.pk).transcript == "Foam rises."


def test_the_desk_is_for_its_staff() -> None:
    session = SessionFactory()
    browser = Client()
    browser.force_login(make_member(session.team, Role.LEAD))

    assert browser.get(DESK).status_code == 302
