"""The bell in the header and the inbox behind it, in a real browser."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Lab, OpenPage


def test_the_bell_rings_on_whatever_page_is_open_and_leads_to_the_session(lab: Lab, open_page: OpenPage) -> None:
    limited = {"name": "pressure", "unit": "bar", "max_value": 2.0, "type": "sensor"}
    lab.api("POST", "/api/v1/events", limited, role="lead")
    demo = {channel["name"]: channel["public_id"] for channel in lab.api("GET", "/api/v1/events")["data"]}
    lab.api("PUT", f"/api/v1/events/{demo['glucose']}", {"min_value": None}, role="lead")  # the demo's own alarm
    lab.api("POST", "/api/notifications/mark-all-read")
    sid = lab.start_session("Under pressure")

    with open_page("/channels") as page, open_page("/channels", role="observer") as onlooker:
        expect(page.locator(".bell")).to_have_text("Notifications")
        lab.api("POST", f"/api/sessions/{sid}/telemetry", {"channel": "pressure", "value": 2.5})

        expect(page.locator(".bell .count")).to_have_text("1", timeout=15_000)
        page.locator(".bell").press("Enter")
        page.get_by_role("button", name="pressure left its limits").press("Enter")
        expect(page.get_by_role("heading", name="Under pressure", level=1)).to_be_visible()
        expect(page.locator("#alarms")).to_contain_text("above maximum at 2.5 bar")
        expect(page.locator(".bell")).to_have_text("Notifications")
        expect(onlooker.locator(".bell .count")).to_have_count(0)
