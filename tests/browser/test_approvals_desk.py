"""The approvals desk, walked by an administrator who also approves in the team."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Lab, OpenPage
from tests.faults import house

MARK = "Reviewed at the desk"


def test_a_template_is_built_assigned_and_climbed_at_the_desk(lab: Lab, open_page: OpenPage) -> None:
    (team,) = lab.api("GET", "/api/teams", role="manager")
    member = {"email": house.ADMIN, "role": "approver"}
    lab.api("POST", f"/api/teams/{team['id']}/members", member, role="manager")
    sid = lab.start_session(MARK)

    with open_page("/admin/governance_app/workflowtemplate/add/", role="administrator") as page:
        page.locator("#id_template_key").fill("desk-walk")
        page.locator("#id_name").fill("Desk walk")
        page.locator("#id_stages-0-name").fill("Release")
        page.locator("#id_stages-0-required_role").select_option("approver")
        page.locator("#id_stages-0-sla_hours").fill("24")
        page.get_by_role("link", name="Add another").first.click()
        page.locator("#id_stages-1-name").fill("Archive")
        page.locator("#id_stages-1-required_role").select_option("qa")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("link", name="Desk walk", exact=True).click()
        page.get_by_role("link", name="Publish").click()
        page.get_by_role("button", name="Yes").click()
        expect(page.get_by_text("Desk walk v1 is published.")).to_be_visible()
        template = page.url.split("/change")[0].rsplit("/", 1)[1]
        asked = lab.api(
            "POST",
            f"/api/experiment-console/sessions/{sid}/exports/narrative",
            {"workflow_template_id": template},
        )

        page.goto("/admin/governance_app/approvalrequest/?waiting=me")
        page.get_by_role("link", name=MARK).first.click()
        expect(page.locator(".desk__dossier")).to_contain_text("Execution Summary")
        signing = page.get_by_role("region", name="Sign the current stage")
        signing.get_by_label("Your name").fill("A. Dministrator")
        signing.get_by_label("Your password").fill("wrong")
        signing.get_by_role("button", name="Sign").click()
        expect(signing.get_by_role("alert")).to_contain_text("The password is wrong. Nothing was signed.")
        signing.get_by_label("Your password").fill(house.PASSWORD)
        signing.get_by_label("Your password").press("Enter")
        expect(page.get_by_text("Signed.")).to_be_visible()
        expect(page.locator('[aria-current="step"]')).to_contain_text("2. Archive")
        expect(page.locator('[aria-current="step"]')).to_contain_text("Not signed yet: Elif Demir")

    assert asked["approval_status"] == "pending"
