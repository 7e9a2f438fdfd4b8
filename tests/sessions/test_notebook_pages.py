"""The notebook's pages and desk: nothing typed is lost, nothing harmful is shown, and who finds which button."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole, Role
from sessions_app.models import EntrySignature, LabSession, NotebookEntry
from sessions_app.rendering import rendered
from sessions_app.services.notebook import change_entry
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from tests.factories.governance import PASSWORD, make_signer
from tests.factories.notebook import make_entry, make_file, sign
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def author() -> User:
    return make_signer(make_team(), Role.SCIENTIST)


@pytest.fixture
def session(author: User) -> LabSession:
    return SessionFactory(team=author.teams.get(), by=author)


def browser_of(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def at(entry: NotebookEntry, *tail: str) -> str:
    return "/".join(["/notebook", entry.public_id, *tail])


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](http://evil.example/pixel.png)",
    '[x](http://a.example "\\" onmouseover=alert(1)")',
    "<a href='javascript:alert(1)'>x</a>",
    "`<script>`\n\n    <script>\n",
    "<svg/onload=alert(1)>",
    "[a]: javascript:alert(1)\n\n[a]",
]


class Elements(HTMLParser):
    """What a browser would make of a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_that_would_do_something_is_shown_as_text(text: str) -> None:
    for tag, attributes in Elements(rendered(text)).found:
        assert tag in {"p", "a", "code", "pre"}
        assert attributes.keys() <= {"href", "title", "rel"}
        assert (attributes.get("href") or "http://").startswith("http://")


def test_markdown_is_drawn_with_its_tables_and_links() -> None:
    shown = rendered("# Aim\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[web](https://a.example)")

    assert "<h1>Aim</h1>" in shown
    assert "<td>1</td>" in shown
    assert '<a href="https://a.example" rel="noopener noreferrer nofollow">web</a>' in shown


def test_an_entry_is_begun_for_a_session_and_edited_without_a_script(author: User, session: LabSession) -> None:
    browser = browser_of(author)

    begun = browser.post("/notebook/new", {"session": session.public_id, "title": "Plan", "content": "a\r\nb"})
    entry = NotebookEntry.objects.get()
    edited = browser.post(at(entry, "edit"), {"title": "Plan", "content": "c", "version": "1", "reason": "Typo"})

    assert (begun.status_code, begun["Location"]) == (302, at(entry))
    assert (entry.content, entry.session) == ("a\nb", session)
    assert edited["Location"] == at(entry)
    page = browser.get(at(entry)).content.decode()
    assert "Version 2" in page
    assert "Reason: Typo" in page
    assert "Plan" in browser.get(f"/sessions/{session.public_id}").content.decode()


def test_of_two_who_edit_the_second_sees_both_texts_and_saves_knowingly(author: User) -> None:
    entry = make_entry(author, content="Before")
    change_entry(entry=entry, by=author, at=NINE, content="Theirs <b>")

    refused = browser_of(author).post(at(entry, "edit"), {"title": "Mine", "content": "My text", "version": "1"})

    page = refused.content.decode()
    assert refused.status_code == 412
    assert "Theirs &lt;b&gt;" in page
    assert ">My text</textarea>" in page
    assert 'value="Mine"' in page
    assert 'name="version" value="2"' in page
    assert NotebookEntry.objects.get().content == "Theirs <b>"
    browser_of(author).post(at(entry, "edit"), {"title": "Mine", "content": "My text", "version": "2"})
    assert NotebookEntry.objects.get().content == "My text"


@pytest.mark.parametrize("name", ["title", "content", "reason"])
def test_a_nul_in_a_form_is_told_and_nothing_is_written(author: User, name: str) -> None:
    entry = make_entry(author)
    typed = {"title": "Plan", "content": "Text", "reason": "Typo", "version": "1"} | {name: "a\x00b"}

    refused = browser_of(author).post(at(entry, "edit"), typed)

    assert refused.status_code == 422
    assert "NUL" in refused.content.decode()
    assert entry.versions.count() == 1
    assert browser_of(author).get("/notebook?q=a%00b").status_code == 200


def test_text_typed_while_somebody_signed_is_still_there_to_copy(author: User) -> None:
    entry = sign(make_entry(author), author)

    refused = browser_of(author).post(at(entry, "edit"), {"title": "x", "content": "Late", "version": "1"})

    assert refused.status_code == 409
    assert ">Late</textarea>" in refused.content.decode()
    assert NotebookEntry.objects.get().content == ""


@pytest.mark.django_db(transaction=True)
def test_signing_and_witnessing_on_the_page() -> None:
    author = make_signer(make_team(), Role.SCIENTIST)
    witness = make_signer(author.teams.get(), Role.QA)
    entry = make_entry(author)
    given: dict[str, Any] = {"act": "sign", "signature": "Me", "password": "wrong", "digest": entry.digest}

    wrong = browser_of(author).post(at(entry), given)
    outdated = browser_of(author).post(at(entry), {**given, "password": PASSWORD, "digest": "0" * 64})
    signed = browser_of(author).post(at(entry), {**given, "password": PASSWORD})
    witnessed = browser_of(witness).post(at(entry), {**given, "act": "witness", "password": PASSWORD})

    assert (wrong.status_code, outdated.status_code) == (403, 409)
    assert "The password is wrong" in wrong.content.decode()
    assert (signed.status_code, witnessed.status_code) == (302, 302)
    page = browser_of(author).get(at(entry)).content.decode()
    assert page.count("Holds") == 2
    assert at(entry, "edit") not in page
    assert EntrySignature.objects.count() == 2


def test_everyone_finds_the_buttons_that_are_theirs(author: User) -> None:
    team = author.teams.get()
    entry = make_entry(author)
    observer, colleague = make_member(team, Role.OBSERVER), make_signer(team, Role.REVIEWER)

    def offers(person: User) -> tuple[bool, ...]:
        page = browser_of(person).get(at(entry)).content.decode()
        return tuple(text in page for text in (at(entry, "edit"), "Sign and lock", 'value="witness"', "Withdraw this"))

    assert offers(author) == (True, True, False, True)
    assert offers(colleague) == (True, False, False, True)
    assert offers(observer) == (False, False, False, False)
    sign(entry, author)
    assert offers(author) == (False, False, False, True)
    assert offers(colleague) == (False, False, True, True)
    assert browser_of(observer).post(at(entry), {"act": "withdraw", "version": "1", "reason": "x"}).status_code == 403
    assert browser_of(make_member(make_team("Another"))).get(at(entry)).status_code == 404
    assert browser_of(observer).get(at(entry, "edit"))["Location"] == at(entry)


def test_the_list_is_searched_and_costs_the_same_however_long(
    author: User, session: LabSession, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = browser_of(author)
    make_entry(author, title="Alone", content="foam")
    browser.get("/notebook")
    with django_assert_num_queries(5):
        browser.get("/notebook")
    for number in range(5):
        make_entry(author, session, title=f"Day {number}")
    with django_assert_num_queries(5):
        page = browser.get("/notebook").content.decode()

    assert "Day 4" in page
    found = browser.get("/notebook?q=FOAM&status=draft").content.decode()
    assert "Alone" in found
    assert "Day 4" not in found
    assert "No entry matches" in browser.get("/notebook?status=witnessed").content.decode()


def test_a_file_is_added_on_the_session_page(author: User, session: LabSession) -> None:
    browser = browser_of(author)
    path = f"/sessions/{session.public_id}"
    source = make_file(author, data=b"x")  # of no session: it must not show there

    plate, lying = (
        SimpleUploadedFile("plate.csv", b"well;OD\nA1;<b>0,4\n"),
        SimpleUploadedFile("gel.png", b"<html><body>"),
    )
    kept = browser.post(f"{path}/files", {"file": plate, "description": "OD"})
    refused = browser.post(f"{path}/files", {"file": lying}, headers={"HX-Request": "true"})
    nothing = browser.post(f"{path}/files", {})

    assert (kept.status_code, refused.status_code, nothing.status_code) == (302, 422, 422)
    assert "its content is text/html" in refused.content.decode()
    panel = browser.get(f"{path}/panels/files").content.decode()
    assert "plate.csv" in panel
    assert "<td>&lt;b&gt;0,4</td>" in panel
    assert source.public_id not in panel


def test_a_late_file_wants_a_reason_on_the_page(author: User, session: LabSession) -> None:
    move_session(session=session, move=COMPLETE, by=author, at=NINE)
    browser, path = browser_of(author), f"/sessions/{session.public_id}"

    refused = browser.post(f"{path}/files", {"file": SimpleUploadedFile("a.txt", b"a"), "description": "Found"})
    kept = browser.post(f"{path}/files", {"file": SimpleUploadedFile("a.txt", b"a"), "reason": "On the camera"})

    assert (refused.status_code, kept.status_code) == (409, 302)
    assert 'value="Found"' in refused.content.decode()
    assert "Late entry" in browser.get(f"{path}/panels/files").content.decode()


def test_the_desk_shows_entries_and_files_and_changes_nothing(author: User, session: LabSession) -> None:
    entry, file = sign(make_entry(author, session, content="As planned"), author), make_file(author, session)
    desk = browser_of(make_member(None, role_on_platform=PlatformRole.ADMIN, is_staff=True, is_superuser=True))

    for model, row, told in (("notebookentry", entry, "As planned"), ("labfile", file, file.sha256)):
        assert desk.get(reverse(f"admin:sessions_app_{model}_changelist")).status_code == 200
        address = reverse(f"admin:sessions_app_{model}_change", args=[row.pk])
        assert told in desk.get(address).content.decode()
        assert desk.post(address, {"title": "Else"}).status_code == 403
        assert desk.get(reverse(f"admin:sessions_app_{model}_add")).status_code == 403
    assert NotebookEntry.objects.get().title == "Feed plan"
