"""The instruments' pages in a real browser: live, by drag and drop, by keyboard, on a phone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lab, OpenPage

TEMPERATURE = {"name": "vessel temperature", "unit": "°C", "max_value": 40.0}


@pytest.fixture(scope="module")
def channel_id(lab: Lab) -> str:
    """Give a channel with an upper limit of 40 °C."""
    made: str = lab.api("POST", "/api/v1/events", {**TEMPERATURE, "type": "sensor"}, role="lead")["public_id"]
    return made


def send(lab: Lab, session_id: str, *values: float) -> None:
    """Send values, a second apart, the last of them now."""
    start = datetime.now(UTC) - timedelta(seconds=len(values))
    rows = [
        {"timestamp": (start + timedelta(seconds=i)).isoformat(), "channel": TEMPERATURE["name"], "value": value}
        for i, value in enumerate(values)
    ]
    lab.api("POST", f"/api/sessions/{session_id}/telemetry/batch", {"data": rows})


def test_a_channel_page_grows_live_and_its_alarm_is_answered(lab: Lab, open_page: OpenPage, channel_id: str) -> None:
    sid = lab.start_session("Too hot")
    send(lab, sid, *[37.0 + i / 10 for i in range(20)])

    with open_page(f"/sessions/{sid}/channels/{channel_id}") as page, open_page(f"/sessions/{sid}") as bench:
        expect(page.locator("#live")).to_have_text("live")
        expect(page.locator(".chart .now")).to_have_text("38.9")
        expect(bench.locator("#live")).to_have_text("live")
        expect(bench.locator("#alarms")).to_be_hidden()
        send(lab, sid, 41.5)

        expect(page.locator(".chart .now")).to_have_text("41.5")
        expect(page.locator("#figures")).to_contain_text("21")
        expect(bench.locator("#alarms")).to_contain_text("above maximum at 41.5 °C")
        page.get_by_label("What you make of it").fill("Cooling was off")
        page.get_by_role("button", name="Acknowledge").press("Enter")
        expect(page.locator("#alarms")).to_contain_text("Cooling was off")
        expect(bench.locator("#alarms")).to_contain_text("Cooling was off")
        bench.locator(".chart h3 a", has_text="vessel temperature").click()
        expect(bench.get_by_role("heading", name="vessel temperature", level=1)).to_be_visible()


def test_a_stretch_is_looked_at_closer_and_shown_in_another_unit(
    lab: Lab, open_page: OpenPage, channel_id: str
) -> None:
    sid = lab.start_session("Looked at")
    send(lab, sid, *[30.0 + i / 10 for i in range(60)])

    with open_page(f"/sessions/{sid}/channels/{channel_id}") as page:
        expect(page.locator(".chart .now")).to_have_text("35.9")
        box = page.locator(".chart .u-over").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 50, steps=4)
        page.mouse.up()
        expect(page.get_by_role("button", name="Zoom out")).to_be_visible()
        expect(page.locator(".plot")).to_have_attribute("aria-label", re.compile(r"to 3[0-4]\."))

        page.get_by_role("button", name="Zoom out").press("Enter")
        expect(page.locator(".plot")).to_have_attribute("aria-label", re.compile("to 35.9"))
        page.get_by_label("Show in").select_option("K")
        expect(page.locator(".chart .now")).to_have_text("309.05")
        expect(page.locator("#figures")).to_contain_text("recorded in °C")


def test_a_file_is_looked_at_sent_and_followed_to_its_end(lab: Lab, open_page: OpenPage) -> None:
    sid = lab.start_session("Imported")
    at = datetime.now(UTC) - timedelta(seconds=100)
    lines = [f"{(at + timedelta(seconds=i)):%Y-%m-%d %H:%M:%S};{37 + i / 100:.2f}".replace(".", ",") for i in range(90)]
    text = "\n".join(["time;Offline glucose [g/L]", *lines, ""])

    with open_page(f"/sessions/{sid}/import") as page:
        page.get_by_label("Drop a file here, or choose one").set_input_files(
            {"name": "offline.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        expect(page.locator("#preview [role=alert]")).to_contain_text("time zone")
        page.get_by_label("Time zone").fill("UTC")
        expect(page.locator("#preview")).to_contain_text("Offline glucose (g/L)")
        page.get_by_role("button", name="Import").click()

        expect(page.locator("#jobs")).to_contain_text("90 new readings", timeout=30_000)
        expect(page.locator("#preview")).to_contain_text("Choose a file")
    assert lab.api("GET", f"/api/sessions/{sid}/telemetry/summary")["readings"] == 90


def test_a_chart_breaks_where_readings_are_missing_and_keeps_its_spikes(
    lab: Lab, open_page: OpenPage, channel_id: str
) -> None:
    sid = lab.start_session("Broken off")
    start = datetime.now(UTC) - timedelta(hours=2)
    seconds = [second for second in range(7000) if not 3000 <= second < 4000]
    column = {
        "channel": TEMPERATURE["name"],
        "timestamps": [(start + timedelta(seconds=second)).isoformat() for second in seconds],
        "values": [39.5 if second == 1000 else 37.0 for second in seconds],
    }
    lab.api("POST", f"/api/sessions/{sid}/telemetry/batch", {"columns": [column]})

    with open_page(f"/sessions/{sid}/channels/{channel_id}") as page:
        expect(page.locator(".plot")).to_have_attribute("aria-label", re.compile("to 39.5 °C"))
        columns = page.evaluate("() => document.querySelector('.plot').card.plot.data.map((column) => [...column])")
        times, _, highest, middle = columns
        (broken,) = [index for index, value in enumerate(middle) if value is None]
        gap_s = times[broken + 1] - times[broken - 1]
        assert 950 <= gap_s <= 1050
        assert max(value for value in highest if value is not None) == 39.5


def test_a_stretch_without_readings_says_so_and_the_whole_session_comes_back(
    lab: Lab, open_page: OpenPage, channel_id: str
) -> None:
    sid = lab.start_session("Long quiet")
    at = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    row = {"timestamp": at, "channel": TEMPERATURE["name"], "value": 36.2}
    lab.api("POST", f"/api/sessions/{sid}/telemetry/batch", {"data": [row]})

    for path in (f"/sessions/{sid}/channels/{channel_id}", f"/sessions/{sid}"):
        with open_page(path) as page:
            expect(page.locator(".chart .now")).to_have_text("36.2")
            page.get_by_label("Time window").select_option("300")
            expect(page.locator(".plot")).to_have_text("No readings in this stretch of time.")
            expect(page.locator(".chart .now")).to_have_text("—")
            page.get_by_label("Time window").select_option("")
            expect(page.locator(".chart .now")).to_have_text("36.2")
            expect(page.locator(".plot canvas")).to_be_visible()


def test_the_last_minutes_of_a_session_that_has_ended_are_those_before_its_end(open_page: OpenPage) -> None:
    with open_page("/") as page:
        page.get_by_role("link", name="Fermentation 11").click()
        plot = page.locator(".chart", has_text="biomass").locator(".plot")
        expect(plot.locator("canvas")).to_be_visible()
        grown_from_little = plot.get_attribute("aria-label") or ""
        page.get_by_label("Time window").select_option("1800")

        expect(plot).not_to_have_attribute("aria-label", grown_from_little)
        expect(plot).to_have_attribute("aria-label", re.compile("^biomass: now 3"))


def test_the_desk_opens_without_a_complaint(lab: Lab, open_page: OpenPage, channel_id: str) -> None:
    send(lab, lab.start_session("At the desk"), 37.0)

    with open_page("/admin/telemetry_app/channel/", role="administrator") as page:
        page.get_by_role("link", name="vessel temperature").click()
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()
        for table in ("segment", "chunk", "alarm", "importjob", "original", "withdrawal"):
            page.goto(f"/admin/telemetry_app/{table}/")
            expect(page.locator("#searchbar")).to_be_visible()
        page.goto("/admin/accounts/servicetoken/add/")
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()


def test_the_pages_fit_a_phone_and_every_control_has_a_name(lab: Lab, open_page: OpenPage, channel_id: str) -> None:
    sid = lab.start_session("On a phone, with a rather long name that has to be broken somewhere")
    send(lab, sid, 37.0, 41.0)

    with open_page("/channels", viewport={"width": 360, "height": 740}, color_scheme="dark") as page:
        for path in (
            "/channels",
            "/channels/new",
            f"/channels/{channel_id}",
            f"/sessions/{sid}/channels/{channel_id}",
            f"/sessions/{sid}/import",
            "/tokens",
        ):
            page.goto(path)
            width = page.evaluate("() => document.documentElement.scrollWidth")
            assert width <= 360, f"{path} is {width} px wide"
            nameless = page.evaluate(
                """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')]
                    .filter((item) => !(item.textContent.trim() || item.labels?.length || item.ariaLabel))
                    .map((item) => item.outerHTML.slice(0, 80))"""
            )
            assert nameless == []
        page.get_by_label("Name of the instrument").fill("Probe")
        page.get_by_role("button", name="Make the token").press("Enter")
        expect(page.get_by_role("heading", name="Telegraf")).to_be_visible()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
