"""Search finds the same on PostgreSQL and on SQLite: every word asked for begins a word of a note."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from sessions_app.models import LabSession, Note
from sessions_app.search import notes_holding
from sessions_app.services.notes import correct_note, withdraw_note, write_note
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.sessions.kit import client_of

pytestmark = pytest.mark.django_db

NOTES = (
    "Foaming on the left; antifoam given",
    "pH 7.4 after motor_current rose to 12.5mA",
    "Größe der Blasen: über 3 µm, café au lait",
    "The OD600 is in line with run-7/B (see lab@house.example)",
)


@pytest.fixture
def lead() -> User:
    return make_member(make_team(), Role.LEAD)


@pytest.fixture
def session(lead: User) -> LabSession:
    session: LabSession = SessionFactory(team=lead.teams.get(), by=lead)
    for number, content in enumerate(NOTES):
        speaker = "Dr. O'Neill" if number == 0 else ""
        at = NINE + timedelta(seconds=number)
        write_note(session=session, by=lead, at=at, timestamp=at, content=content, speaker=speaker)
    return session


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foam", {0}),  # the beginning of a word, in any case; not its middle: "antifoam" is asked for as such
        ("antifoam FOAMING", {0}),
        ("oaming", set()),
        ("given left", {0}),
        ("foam missing", set()),
        ("neill", {0}),
        ("O'Neill foam", {0}),
        ("7.4", {1}),
        ("7", {1, 3}),
        ("current", {1}),
        ("motor_current", {1}),
        ("12.5", {1}),
        ("größe", {2}),
        ("GRÖSSE", set()),
        ("ÜBER µm", {2}),
        ("cafe", set()),
        ("od600", {3}),
        ("in", {3}),  # no word is too common: it is an element, too
        ("the is", {3}),
        ("run-7", {3}),
        ("lab@house.example", {3}),
        ("house", {3}),
        ("& | ! :* ' \\ ( )", set()),
        ("foam & !left", {0}),
        ("%", set()),
    ],
)
def test_a_note_is_found_by_the_beginnings_of_its_words(session: LabSession, text: str, expected: set[int]) -> None:
    found = Note.objects.filter(notes_holding(text)).values_list("content", flat=True)

    assert set(found) == {NOTES[number] for number in expected}


def test_the_notes_of_a_session_are_searched_by_their_door(session: LabSession, lead: User) -> None:
    client = client_of(lead)
    path = f"/api/sessions/{session.public_id}/notes"

    def contents(query: str) -> list[str]:
        return [note["content"] for note in client.get(f"{path}?{query}").json()]

    assert contents("q=7") == [NOTES[1], NOTES[3]]
    assert contents("q=7&limit=1") == [NOTES[1]]
    assert contents("q=7&from=2026-03-02T09:00:03Z") == [NOTES[3]]
    assert contents("q=") == list(NOTES)


def test_what_was_corrected_or_withdrawn_is_no_longer_found(session: LabSession, lead: User) -> None:
    first, second, *_ = session.notes.order_by("timestamp")
    correct_note(note=first, by=lead, at=NINE, content="Calm")
    withdraw_note(note=second, by=lead, at=NINE)
    client = client_of(lead)

    found = {q: len(client.get(f"/api/sessions?q={q}").json()) for q in ("foam", "motor", "calm", "größe")}

    assert found == {"foam": 0, "motor": 0, "calm": 1, "größe": 1}


def test_sessions_are_found_by_their_words_and_by_those_of_their_notes(session: LabSession, lead: User) -> None:
    named = SessionFactory(team=session.team, by=lead, name="Foam trial")
    SessionFactory(team=session.team, by=lead, name="Quiet")
    foreign = SessionFactory()
    write_note(session=foreign, by=foreign.created_by, at=NINE, timestamp=NINE, content="Foam as well")

    found = client_of(lead).get("/api/sessions?q=foam").json()

    assert {row["id"] for row in found} == {session.public_id, named.public_id}


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no index of words")
def test_postgresql_answers_from_its_index(session: LabSession) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    plan: Any = Note.objects.standing().filter(notes_holding("foam motor")).order_by().explain()

    assert "notes_in_full_text" in plan
