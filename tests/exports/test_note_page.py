"""The page of one note: corrected, extended, withdrawn; and of two corrections at once neither is lost."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from biolab.accounts.roles import Role
from sessions_app.models import Note
from sessions_app.services.notes import correct_note, withdraw_note, write_note
from tests.factories.exports import Bench, make_export_bench
from tests.factories.sessions import NINE, make_member
from tests.sessions.kit import kinds

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench() -> Bench:
    return make_export_bench(ended=False)


@pytest.fixture
def note(bench: Bench) -> Note:
    tags = ["foam", "left, rear"]
    return write_note(session=bench.session, by=bench.lead, at=NINE, timestamp=NINE, content="Cloudy", tags=tags)


@pytest.fixture
def browser(bench: Bench) -> Client:
    return signed_in(bench.asker)


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page_of(note: Note) -> str:
    return f"/sessions/{note.session.public_id}/notes/{note.public_id}"


def form(note: Note, **changes: Any) -> dict[str, Any]:
    """Return what a browser sends that has just opened the page, with what its person typed."""
    shown = {"act": "correct", "version": note.version, "content": note.content, "speaker": note.speaker}
    return {**shown, "type": note.type, "tags": ", ".join(note.tags), "reason": "", **changes}


def shown_text(answer: HttpResponse, name: str = "content") -> str:
    found = re.search(rf'<textarea id="{name}".*?>(.*?)</textarea>', answer.content.decode(), re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def test_a_correction_keeps_what_the_form_left_alone(browser: Client, note: Note) -> None:
    answer = browser.post(page_of(note), form(note, content="Clear\r\nnow", reason="Looked again"))

    kept = Note.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/sessions/{note.session.public_id}#notes")
    assert (kept.content, kept.version, kept.tags) == ("Clear\nnow", 2, ["foam", "left, rear"])
    assert kept.versions.get(version=2).reason == "Looked again"
    page = browser.get(page_of(note)).content.decode()
    assert "Cloudy" in page
    assert "Looked again" in page


def test_of_two_who_edit_one_note_the_second_sees_both_texts_and_loses_nothing(
    browser: Client, bench: Bench, note: Note
) -> None:
    opened = form(note, content="Mine: <clear>", speaker="Me", reason="I saw it")
    correct_note(note=note, by=bench.lead, at=NINE, content="Theirs: milky")

    refused = browser.post(page_of(note), opened)

    page = refused.content.decode()
    assert refused.status_code == 412
    assert "Theirs: milky" in page.partition('value="correct"')[0], "how it reads now stands above the form"
    assert shown_text(refused) == "Mine: <clear>"
    assert 'value="I saw it"' in page
    assert 'name="version" value="2"' in page
    assert Note.objects.get().content == "Theirs: milky"

    agreed = browser.post(page_of(note), {**opened, "version": 2})

    assert agreed.status_code == 302
    assert [version.content for version in note.versions.order_by("version")] == [
        "Cloudy",
        "Theirs: milky",
        "Mine: <clear>",
    ]


@pytest.mark.parametrize("version", ["", "x", "9" * 30, "1.5"])
def test_a_page_that_does_not_say_what_it_read_overwrites_nothing(browser: Client, note: Note, version: str) -> None:
    refused = browser.post(page_of(note), form(note, content="Mine", version=version))

    assert refused.status_code == 412
    assert Note.objects.get().content == "Cloudy"


def test_a_line_is_added_whatever_others_wrote_meanwhile(browser: Client, bench: Bench, note: Note) -> None:
    correct_note(note=note, by=bench.lead, at=NINE, content="Milky")

    answer = browser.post(page_of(note), {"act": "append", "content": "Clear again"})

    assert answer.status_code == 302
    assert re.fullmatch(r"Milky\n\[\d\d:\d\d:\d\d\] Clear again", Note.objects.get().content)


def test_a_withdrawn_note_keeps_its_page_without_forms(browser: Client, bench: Bench, note: Note) -> None:
    stale = form(note, act="withdraw", reason="Wrong vessel")
    correct_note(note=note, by=bench.lead, at=NINE, content="Milky")

    refused = browser.post(page_of(note), stale)
    done = browser.post(page_of(note), {**stale, "version": 2})

    assert (refused.status_code, done.status_code) == (412, 302)
    page = browser.get(page_of(note)).content.decode()
    assert "Withdrawn" in page
    assert "Wrong vessel" in page
    assert 'name="act"' not in page
    assert browser.post(page_of(note), {**stale, "version": 3}).status_code == 404
    assert kinds(note.session)[-1] == "note.deleted"


def test_after_the_end_a_reason_is_needed_and_shown(browser: Client, bench: Bench, note: Note) -> None:
    browser.post(f"/sessions/{note.session.public_id}/moves/complete", {})

    refused = browser.post(page_of(note), {"act": "append", "content": "Forgot this"})
    kept = browser.post(page_of(note), {"act": "append", "content": "Forgot this", "reason": "Found on <paper>"})

    assert (refused.status_code, kept.status_code) == (409, 302)
    assert 'value="Forgot this"' in refused.content.decode()
    panel = browser.get(f"/sessions/{note.session.public_id}/panels/notes").content.decode()
    assert "Late entry" in panel
    assert "Found on &lt;paper&gt;" in panel
    timeline = browser.get(f"/sessions/{note.session.public_id}/panels/timeline").content.decode()
    assert "Late entry" in timeline


def test_who_may_not_write_reads_and_strangers_find_nothing(bench: Bench, note: Note) -> None:
    observer = signed_in(make_member(bench.team, Role.OBSERVER))
    before = kinds(note.session)

    page = observer.get(page_of(note))
    written = observer.post(page_of(note), form(note, content="Mine"))

    assert page.status_code == 200
    assert 'name="act"' not in page.content.decode()
    assert written.status_code == 403
    assert signed_in(bench.outsider).get(page_of(note)).status_code == 404
    assert signed_in(bench.outsider).post(page_of(note), form(note)).status_code == 404
    assert observer.post(page_of(note), form(note, act="erase")).status_code == 404
    assert kinds(note.session) == before


def test_the_page_costs_the_same_however_long_the_history_is(
    browser: Client, bench: Bench, note: Note, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(6):
        browser.get(page_of(note))

    for number in range(5):
        note = correct_note(note=note, by=bench.lead, at=NINE, content=f"Version {number}")

    with django_assert_num_queries(6):
        assert browser.get(page_of(note)).status_code == 200
    withdraw_note(note=note, by=bench.lead, at=NINE)
    with django_assert_num_queries(6):
        browser.get(page_of(note))
