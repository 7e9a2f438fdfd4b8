"""The live session page, as the people of the demo lab use it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from biolab.demo.people import PASSWORD
from tests.browser.conftest import Lab, OpenPage


def test_a_wrong_password_is_told_and_the_address_is_kept(open_page: OpenPage) -> None:
    with open_page("/sign-in", role=None) as page:
        page.get_by_label("E-mail").fill("scientist@demo.example")
        page.get_by_label("Password").fill("not-the-password")
        page.get_by_role("button", name="Sign in").click()

        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("E-mail")).to_have_value("scientist@demo.example")


def test_a_stranger_is_led_to_the_sign_in_page_and_back(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Led back")

    with open_page(f"/sessions/{sid}", role=None) as page:
        page.wait_for_url(re.compile("/sign-in.next="))
        page.get_by_label("E-mail").fill("scientist@demo.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()

        expect(page.get_by_role("heading", name="Led back")).to_be_visible()


def test_a_session_is_started_from_its_protocol(open_page: OpenPage) -> None:
    with open_page("/sessions/new") as page:
        page.get_by_label("Protocol").select_option(index=1)
        page.wait_for_url("**protocol=proto_*")
        page.locator("#name").fill("Started by hand")
        page.get_by_label("strain").fill("K-12")
        page.get_by_label("volume").fill("2 l")
        page.get_by_role("button", name="Start or plan the session").click()

        expect(page.get_by_role("heading", name="Started by hand")).to_be_visible()
        expect(page.get_by_text("0 of 8 done")).to_be_visible()
        expect(page.locator("#live")).to_have_text("live")


def test_what_one_person_does_appears_on_the_other_persons_page(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Seen by two")

    with open_page(f"/sessions/{sid}", role="lead") as watching, open_page(f"/sessions/{sid}") as working:
        expect(watching.locator("#live")).to_have_text("live")
        working.get_by_label("New note").fill("Foam <b>rises</b> & falls")
        working.get_by_label("New note").press("Control+Enter")
        expect(working.get_by_label("New note")).to_have_value("")
        working.get_by_role("button", name="Begin").first.click()
        working.get_by_role("button", name="Complete", exact=True).first.click()

        expect(watching.locator("#notes-list")).to_contain_text("Foam <b>rises</b> & falls")
        expect(watching.locator("#steps")).to_contain_text("1 of 8 done")
        expect(watching.locator("#timeline")).to_contain_text("step.transition")


def test_a_step_is_not_skipped_without_a_reason(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Not skipped")

    with open_page(f"/sessions/{sid}") as page:
        page.locator("#skip-0 summary").click()
        page.locator("#skip-0").get_by_role("button", name="Skip step").click()

        expect(page.get_by_role("alert")).to_contain_text("reason")
        expect(page.locator("#steps")).to_contain_text("0 of 8 done")


def test_charts_move_while_readings_stream(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Streaming")

    with open_page(f"/sessions/{sid}") as page:
        expect(page.locator("#live")).to_have_text("live")
        start = datetime.now(UTC) - timedelta(seconds=60)
        for second in range(5):
            row = {
                "timestamp": (start + timedelta(seconds=second)).isoformat(),
                "channel": "temperature",
                "unit": "°C",
                "value": 36.5 + second / 10,
            }
            lab.api("POST", f"/api/sessions/{sid}/telemetry/batch", {"data": [row]})
            expect(page.locator(".chart .now")).to_have_text(str(36.5 + second / 10))

        expect(page.locator(".chart canvas")).to_be_visible()
        expect(page.locator(".chart h3")).to_have_text("temperature")
        expect(page.locator(".chart .unit")).to_have_text("°C")


def test_an_export_is_signed_by_two_people_and_downloaded(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Signed twice")

    with open_page(f"/sessions/{sid}") as asking:
        asking.get_by_role("button", name="Freeze and ask for approval").click()
        expect(asking.locator("#exports")).to_contain_text("Version 1")
        expect(asking.locator("#exports")).to_contain_text("not yours")

        for role, stage in (("reviewer", "Technical review"), ("approver", "Release")):
            with open_page("/waiting", role=role) as signing:
                signing.get_by_role("link", name="Signed twice").click()
                expect(signing.locator(".ladder .current")).to_contain_text(stage)
                signing.get_by_text("Sign this stage").click()
                signing.get_by_label("Your name, as your signature").fill("A. Signer")
                signing.get_by_label("Your password").fill("wrong")
                signing.get_by_role("button", name="Sign and approve").click()
                expect(signing.get_by_role("alert")).to_contain_text("password")
                signing.get_by_label("Your password").fill(PASSWORD)
                signing.get_by_role("button", name="Sign and approve").click()
                expect(signing.locator(".ladder li", has_text=stage)).to_contain_text("Approved")

        download = asking.get_by_role("link", name="Download the archive")
        expect(download).to_be_visible(timeout=30_000)
        with asking.expect_download() as downloading:
            download.click()
        assert downloading.value.suggested_filename.endswith(".eln")
        asking.get_by_role("link", name="Read the dossier").click()
        expect(asking.get_by_role("heading", name="Execution Summary")).to_be_visible()


def test_a_half_typed_signature_survives_what_others_do(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Half typed")
    lab.api("POST", f"/api/experiment-console/sessions/{sid}/exports/narrative", {})

    with open_page(f"/sessions/{sid}", role="reviewer") as page:
        page.clock.install()
        page.reload()
        expect(page.locator("#live")).to_have_text("live")
        page.get_by_text("Sign this stage").click()
        page.get_by_label("Your name, as your signature").fill("Jonas")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        lab.api("POST", f"/api/experiment-console/sessions/{sid}/exports/narrative", {})
        expect(page.locator("#timeline")).to_contain_text("narrative_export.created")
        page.clock.run_for(5000)  # longer than the page waits before it draws a panel again

        expect(page.get_by_label("Your name, as your signature")).to_have_value("Jonas")
        assert not [url for url in asked if url.endswith("/exports")]
        page.get_by_label("Your name, as your signature").fill("")
        page.get_by_label("Your name, as your signature").blur()
        expect(page.locator("#exports")).to_contain_text("Version 2")


def test_the_page_catches_up_after_the_connection_was_lost(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Caught up")

    with open_page(f"/sessions/{sid}") as page:
        expect(page.locator("#live")).to_have_text("live")
        page.evaluate("() => { window.__notes = document.getElementById('notes-list').textContent; }")
        page.context.set_offline(True)
        lab.api("POST", f"/api/sessions/{sid}/notes", {"timestamp": _now(), "content": "Written while away"})
        page.context.set_offline(False)

        expect(page.locator("#notes-list")).to_contain_text("Written while away", timeout=30_000)


def test_pages_fit_a_phone_and_every_control_has_a_name(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("On a phone, with a rather long name that has to be broken somewhere")
    lab.api("POST", f"/api/experiment-console/sessions/{sid}/exports/narrative", {})

    with open_page("/", viewport={"width": 360, "height": 740}, role="reviewer") as page:
        for path in ("/", "/sessions/new", f"/sessions/{sid}", "/waiting"):
            page.goto(path)
            width = page.evaluate("() => document.documentElement.scrollWidth")
            assert width <= 360, f"{path} is {width} px wide"
            nameless = page.evaluate(
                """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')]
                    .filter((item) => !(item.textContent.trim() || item.labels?.length || item.ariaLabel))
                    .map((item) => item.outerHTML.slice(0, 80))"""
            )
            assert nameless == []


def test_fingers_find_nothing_lower_than_44_pixels(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("With gloves")

    with open_page("/", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        for path in ("/", "/sessions/new", f"/sessions/{sid}", "/channels", "/notifications", "/account"):
            page.goto(path)
            low = page.evaluate(
                """() => [...document.querySelectorAll('button, summary, select, nav a, .button, .who > a')]
                    .filter((item) => item.offsetHeight && !item.closest('.visually-hidden') && item.tabIndex >= 0)
                    .filter((item) => item.getBoundingClientRect().height < 43.5)
                    .map((item) => item.outerHTML.slice(0, 80))"""
            )
            assert low == [], path


def test_a_time_is_also_told_as_the_persons_own_clock_has_it(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Far away")

    with open_page(f"/sessions/{sid}", timezone_id="Asia/Kolkata", locale="en-GB") as page:
        started = page.locator("#head time").first
        at = datetime.fromisoformat(started.get_attribute("datetime") or "").astimezone(ZoneInfo("Asia/Kolkata"))
        started.hover()

        expect(started).to_have_attribute("title", re.compile(rf"{at:%H:%M:%S}, your time"))
        expect(page.locator("footer")).to_have_text("Times are UTC; your clock is 5.5 h ahead.")


def test_a_session_is_run_by_keyboard_alone(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("By keyboard")

    with open_page(f"/sessions/{sid}") as page:
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        page.get_by_role("button", name="Begin").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#steps .in_progress")).to_have_count(1)
        page.locator("#ask-complete summary").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(page.locator("#ask-complete")).not_to_have_attribute("open", "")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Complete the session").focus()
        page.keyboard.press("Enter")

        expect(page.locator("#head")).to_contain_text("Completed")


def _now() -> str:
    return datetime.now(UTC).isoformat()


def test_a_recording_outlives_a_server_that_does_not_answer_and_a_reload(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Spoken")
    tasks = f"/api/sessions/{sid}/stt/tasks"

    with open_page(f"/sessions/{sid}", permissions=["microphone"]) as page:
        page.route("**/stt/upload", lambda route: route.fulfill(status=429, json={"detail": "Later."}))
        page.get_by_role("button", name="Record", exact=True).click()
        expect(page.locator("#recording")).to_have_text("Recording 0:01")
        page.get_by_role("button", name="Stop and send").click()
        expect(page.locator("#unsent")).to_contain_text("kept here")
        assert lab.api("GET", tasks) == []

        page.unroute("**/stt/upload")
        page.reload()
        expect(page.locator("#speech-list audio")).to_have_count(1)
        expect(page.locator("#unsent")).to_be_hidden()

    (task,) = lab.api("GET", tasks)
    assert (task["media_type"], len(task["sha256"])) == ("audio/webm", 64)
    assert 1 <= task["duration_seconds"] < 60


def test_a_microphone_that_is_not_allowed_is_told_in_words(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Not heard")

    with open_page(f"/sessions/{sid}") as page:
        page.get_by_role("button", name="Record", exact=True).click()

        expect(page.locator("#recording")).to_have_text(re.compile("may not use the microphone"))
        expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()


def test_a_blocked_step_is_freed_by_those_who_can_and_the_others_see_it(lab: Lab, open_page: OpenPage) -> None:
    (protocol,) = lab.api("GET", "/api/protocols")["items"]
    requirement = {"required_approvals": ["qa"], "required_equipment_ids": ["pH probe 7"]}
    parameters = {"strain": "K-12", "volume": "1.5 l", "step_requirements": {"0": requirement}}
    body = {"template_id": protocol["id"], "title": "Waits for QA", "parameters": parameters}
    sid = lab.api("POST", "/api/experiment-console/sessions", body)["execution"]["id"]

    with open_page(f"/sessions/{sid}") as bench, open_page(f"/sessions/{sid}", role="qa") as office:
        first = bench.locator("#steps li").first
        expect(bench.locator("#live")).to_have_text("live")
        expect(first).to_contain_text("Approval is missing: qa. Equipment pH probe 7 is not registered.")
        expect(first.get_by_role("button", name="Begin")).to_have_count(0)
        expect(first.get_by_role("button", name="Approve: qa")).to_have_count(0)
        first.get_by_text("Register pH probe 7").click()
        first.get_by_label("First calibration due").fill("2099-01-31")
        first.get_by_role("button", name="Register it").click()
        expect(bench.locator("#steps-told")).to_have_text("Registered as pH probe 7.")

        expect(office.locator("#live")).to_have_text("live")
        office.get_by_role("button", name="Approve: qa").click()
        expect(office.locator("#steps-told")).to_contain_text("Approved by")

        expect(first.get_by_role("button", name="Begin")).to_be_visible()  # by the socket, nobody reloads
        expect(bench.locator("#timeline")).to_contain_text("remediation.report")
