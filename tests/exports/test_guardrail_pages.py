"""The session page looks ahead, and the desk simulates drafts, shows what is held and takes a waiver."""

from __future__ import annotations

import pytest
from django.test import Client

from biolab.accounts.models import User
from exports_app.models import DeckJob
from exports_app.services.decks import build_deck
from governance_app.models import GuardrailSimulation, GuardrailWaiver, LadderPreview
from governance_app.services.assignments import assign_template
from tests.factories.exports import approve, make_export, make_export_bench
from tests.factories.governance import PASSWORD, TemplateFactory, make_administrator
from tests.factories.guardrails import make_simulation
from tests.factories.sessions import NINE, SessionFactory, make_member

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]


def browser_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_a_scientist_previews_a_ladder_and_runs_the_guardrails_on_the_page() -> None:
    bench = make_export_bench()
    administrator = make_administrator(is_superuser=True)
    governing = TemplateFactory(published=True, by=administrator)
    TemplateFactory(published=True, by=administrator, template_key="elsewhere")
    assign_template(template=governing, team=bench.team, by=administrator, at=NINE)
    page, sid = browser_of(bench.asker), bench.session.public_id

    before = page.get(f"/sessions/{sid}").content.decode()
    made = page.post(f"/sessions/{sid}/preview", {"snapshot": governing.published_snapshot.public_id})
    judged = page.post(f"/sessions/{sid}/guardrails", HTTP_HX_REQUEST="true")
    refused = page.post(f"/sessions/{sid}/preview", {"snapshot": "snap_none"})

    assert "No preview yet" in before
    assert governing.published_snapshot.public_id in before
    assert "elsewhere" not in before
    assert (made.status_code, judged.status_code, refused.status_code) == (302, 200, 404)
    assert "Guardrails clear" in judged.content.decode()
    assert "Ready" in judged.content.decode()
    assert (LadderPreview.objects.count(), GuardrailSimulation.objects.count()) == (1, 1)
    observer = browser_of(make_member(bench.team, "observer"))
    assert f"/sessions/{sid}/preview" not in observer.get(f"/sessions/{sid}/panels/preview").content.decode().replace(
        "/panels/preview", ""
    )
    assert observer.post(f"/sessions/{sid}/guardrails").status_code == 403
    assert GuardrailSimulation.objects.count() == 1


def test_the_desk_simulates_a_draft_and_writes_nothing() -> None:
    administrator = make_administrator(is_superuser=True)
    requirements = {"required_approvals": ["qa"]}
    session = SessionFactory(with_steps=True, parameters=requirements)
    draft, count = TemplateFactory(by=administrator), session.events.count()
    path = f"/admin/governance_app/workflowtemplate/{draft.pk}/simulate/"
    desk = browser_of(administrator)

    asked = desk.get(path)
    shown = desk.get(path, {"session": session.pk}).content.decode()

    assert session.name in asked.content.decode()
    assert "2 of 2 stages blocked" in shown
    assert "Step 1: Approval is missing: qa." in shown
    assert not LadderPreview.objects.exists()
    assert session.events.count() == count
    lead = make_member(session.team, "lead", is_staff=True)
    assert browser_of(lead).get(path).status_code in (302, 403, 404)


@pytest.mark.django_db(transaction=True)
def test_the_desk_shows_what_is_held_and_takes_an_administrators_waiver() -> None:
    bench, administrator = make_export_bench(), make_administrator(is_superuser=True)
    approve(make_export(bench), bench)
    simulation = make_simulation(bench.session, by=bench.asker)
    desk, path = browser_of(administrator), f"/admin/governance_app/guardrailsimulation/{simulation.public_id}/change/"
    body = {"operation": "waive", "reason": "Spare probe", "signature": "A. Dmin", "password": "wrong"}

    listed = desk.get("/admin/governance_app/guardrailsimulation/").content.decode()
    health = desk.get("/admin/governance_app/guardrailsimulation/health/").content.decode()
    wrong = desk.post(path, body)

    assert str(simulation) in listed
    assert "stage_0:due_delay_minutes:60" in health
    assert wrong.status_code == 422
    assert "The password is wrong" in wrong.content.decode()
    assert not GuardrailWaiver.objects.exists()

    signed = desk.post(path, {**body, "password": PASSWORD}, follow=True).content.decode()

    assert "Spare probe" in signed
    assert "The signature holds" in signed
    assert "Held by guardrails" in desk.get("/admin/governance_app/guardrailsimulation/health/").content.decode()
    staff = make_member(None, is_staff=True)
    assert browser_of(staff).get(path).status_code == 404


def test_a_deck_is_made_and_fetched_on_the_page() -> None:
    bench = make_export_bench()
    page, sid = browser_of(bench.asker), bench.session.public_id

    asked = page.post(f"/sessions/{sid}/deck", HTTP_HX_REQUEST="true").content.decode()
    job = DeckJob.objects.get(session=bench.session)
    build_deck(job_id=job.pk, clock=lambda: NINE)
    shown = page.get(f"/sessions/{sid}/panels/exports").content.decode()

    assert "Waiting" in asked
    assert f"/api/v1/slides/download?jobId={job.public_id}" in shown
    fetched = page.get(f"/api/v1/slides/download?jobId={job.public_id}")
    assert b"".join(fetched.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
    observer = browser_of(make_member(bench.team, "observer"))
    assert "Make a deck" not in observer.get(f"/sessions/{sid}/panels/exports").content.decode()
    assert observer.post(f"/sessions/{sid}/deck").status_code == 403
    assert DeckJob.objects.count() == 1
