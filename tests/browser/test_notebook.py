"""Files on the session page and the notebook, as the people of the demo lab use them."""

from __future__ import annotations

from playwright.sync_api import expect

from biolab.demo.people import PASSWORD
from tests.browser.conftest import Lab, OpenPage


def test_a_file_is_added_and_one_that_lies_is_refused(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("With files")

    with open_page(f"/sessions/{sid}") as page, open_page(f"/sessions/{sid}", role="lead") as watching:
        expect(watching.locator("#live")).to_have_text("live")
        plate = {"name": "plate.csv", "mimeType": "text/csv", "buffer": b"well;OD\nA1;0,4\n"}
        page.get_by_label("File", exact=True).set_input_files(plate)
        page.get_by_role("button", name="Add file").click()
        expect(page.locator("#files-list")).to_contain_text("plate.csv")
        expect(page.get_by_label("File", exact=True)).to_have_value("")
        expect(watching.locator("#files-list")).to_contain_text("plate.csv")

        page.get_by_label("File", exact=True).set_input_files(
            {"name": "gel.png", "mimeType": "image/png", "buffer": b"<html><script>"}
        )
        page.get_by_role("button", name="Add file").click()
        expect(page.get_by_role("alert")).to_contain_text("its content is text/html")
        expect(page.locator("#files-list > li")).to_have_count(1)

        with page.expect_download() as downloading:
            page.get_by_role("link", name="plate.csv").click()
        assert downloading.value.suggested_filename == "plate.csv"


def test_of_two_who_edit_an_entry_the_second_loses_nothing_and_signs(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Written by two")

    with open_page(f"/notebook/new?session={sid}") as author, open_page(f"/sessions/{sid}", role="lead") as other:
        author.get_by_label("Title").fill("Feed plan")
        author.locator("#content").fill("# Aim")
        author.keyboard.press("Control+Enter")
        author.get_by_role("link", name="Edit").click()
        other.get_by_role("link", name="Feed plan").click()
        other.get_by_role("link", name="Edit").click()
        other.locator("#content").fill("# Theirs")
        other.get_by_role("button", name="Save").click()
        expect(other.get_by_role("heading", name="Theirs")).to_be_visible()

        author.locator("#content").fill("# Mine, longer")
        author.get_by_role("button", name="Save").click()
        expect(author.get_by_role("alert")).to_contain_text("Nothing is lost")
        expect(author.locator(".quoted")).to_have_text("# Theirs")
        expect(author.locator("#content")).to_have_value("# Mine, longer")
        author.get_by_role("button", name="Save mine as version 3").click()
        expect(author.get_by_role("heading", name="Mine, longer")).to_be_visible()

        author.get_by_label("Your name, as your signature").fill("A. Author")
        author.get_by_label("Your password").fill(PASSWORD)
        author.get_by_role("button", name="Sign and lock").click()
        expect(author.locator(".facts")).to_contain_text("Signed")
        expect(author.get_by_role("link", name="Edit")).to_have_count(0)


def test_of_two_who_correct_a_note_the_second_is_told_and_loses_nothing(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Corrected by two")
    note = {"timestamp": "2026-03-02T09:00:00Z", "content": "Foam at 600 rpm", "reason": "from paper"}
    nid = lab.api("POST", f"/api/sessions/{sid}/notes", note)["id"]
    path = f"/sessions/{sid}/notes/{nid}"

    with open_page(path) as second, open_page(path, role="lead") as first:
        second.get_by_label("Text", exact=True).fill("Mine: foam at 650 rpm")
        second.get_by_label("Tags").fill("foam, mine")
        first.get_by_label("Text", exact=True).fill("Theirs: foam at 700 rpm")
        first.get_by_role("button", name="Save the correction").click()
        expect(first.locator("#notes-list")).to_contain_text("Theirs: foam at 700 rpm")

        with second.expect_response(lambda answer: answer.request.method == "POST") as answered:
            second.get_by_label("Text", exact=True).press("Control+Enter")
        assert answered.value.status == 412
        expect(second.get_by_role("alert")).to_contain_text("Nothing is lost")
        expect(second.locator(".quoted")).to_have_text("Theirs: foam at 700 rpm")
        expect(second.get_by_label("Text", exact=True)).to_have_value("Mine: foam at 650 rpm")
        expect(second.get_by_label("Tags")).to_have_value("foam, mine")
        expect(first.locator("#notes-list")).not_to_contain_text("Mine")

        second.get_by_label("Text", exact=True).fill("Foam from 650 to 700 rpm")
        second.get_by_role("button", name="Save mine as version 3").click()
        expect(second.locator("#notes-list")).to_contain_text("Foam from 650 to 700 rpm")
        expect(first.locator("#notes-list")).to_contain_text("Foam from 650 to 700 rpm")

    history = lab.api("GET", f"/api/sessions/{sid}/notes/{nid}/history")
    said = [version["content"] for version in history]
    assert said == ["Foam at 600 rpm", "Theirs: foam at 700 rpm", "Foam from 650 to 700 rpm"]
