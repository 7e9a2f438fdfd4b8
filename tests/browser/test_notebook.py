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
