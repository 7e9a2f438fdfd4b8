"""Blocked steps on the session's page and in the dossier."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from exports_app.narrative.deviations import find_deviations
from exports_app.services.gathering import deviant_events, step_facts
from sessions_app.models import Calibration, Equipment, LabSession, StepApproval
from sessions_app.services.remediation import remediate_step
from sessions_app.services.sessions import move_session
from sessions_app.states import ABORT
from tests.factories.equipment import make_equipment
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.sessions.kit import kinds

pytestmark = pytest.mark.django_db

REQUIREMENT = {
    "required_approvals": ["qa"],
    "required_equipment_ids": ["BR-1", "BR-2"],
    "required_channels": [{"channel": "pO2", "within_s": 60}],
}


def blocked_session() -> LabSession:
    """Return a running session whose first step waits for an approval, two instruments and a channel."""
    session = SessionFactory(with_steps=True, parameters={"strain": "K-12", "step_requirements": {"0": REQUIREMENT}})
    long_ago = NINE - timedelta(days=90)
    calibrated = (long_ago, long_ago + timedelta(days=30))
    make_equipment(session.team, by=session.created_by, code="BR-2", name="Pump", calibrated=calibrated)
    return session


def browser_of(person: User) -> Client:
    """Return a browser in which ``person`` has signed in."""
    client = Client()
    client.force_login(person)
    return client


def shown_to(person: User, session: LabSession) -> str:
    """Return the session's page as the person gets it."""
    return browser_of(person).get(f"/sessions/{session.public_id}").content.decode()


def sent(person: User, session: LabSession, action: str, **said: Any) -> Any:
    """Send one of the forms of step 0, without a script unless ``scripted``."""
    headers = {"HX-Request": "true"} if said.pop("scripted", False) else {}
    path = f"/sessions/{session.public_id}/steps/0/remediate"
    return browser_of(person).post(path, {"action": action, **said}, headers=headers)


def test_the_page_says_why_a_step_is_blocked_and_offers_what_this_person_can_do() -> None:
    session = blocked_session()
    qa, observer = make_member(session.team, Role.QA), make_member(session.team, Role.OBSERVER)

    pages = [shown_to(person, session) for person in (session.created_by, qa, observer)]

    for page in pages:
        assert "Approval is missing: qa. Equipment BR-1 is not registered. The calibration of Pump was due" in page
        assert "strain: K-12" in page
        assert "step_requirements" not in page
    for action in ("equipment:register:BR-1", "equipment:calibrate:BR-2", "equipment:maintenance_request:BR-2"):
        assert [f'value="{action}"' in page for page in pages] == [True, True, False]
    assert ['value="compliance:approve:qa"' in page for page in pages] == [False, True, False]
    assert ['value="notify:approver:qa"' in page for page in pages] == [True, False, False]
    assert all("telemetry:restore" not in page for page in pages)
    assert pages[0].count(">Begin</button>") == 2  # of three steps


def test_forms_free_a_step_without_a_script() -> None:
    session = blocked_session()
    qa = make_member(session.team, Role.QA)

    answers = [
        sent(qa, session, "compliance:approve:qa"),
        sent(qa, session, "equipment:register:BR-1", name="Reactor", due_on="2099-01-31"),
        sent(qa, session, "equipment:calibrate:BR-2", reference="DKD 7", due_on="2099-01-31"),
    ]

    assert [answer.status_code for answer in answers] == [302] * 3
    assert StepApproval.objects.get().name == "qa"
    made = Equipment.objects.get(code="BR-1")
    assert (made.name, f"{made.first_due_at:%Y-%m-%d %H:%M:%S}") == ("Reactor", "2099-01-31 23:59:59")
    calibration = Calibration.objects.latest("recorded_at")
    assert (calibration.reference, calibration.due_at) == ("DKD 7", made.first_due_at)
    browser = browser_of(qa)
    browser.post(f"/sessions/{session.public_id}/steps/0/remediate", {"action": "compliance:approve:qa"})
    assert "The step does not wait for this." in browser.get(f"/sessions/{session.public_id}").content.decode()


def test_with_a_script_the_panel_comes_back_with_what_came_of_it() -> None:
    session = blocked_session()
    qa = make_member(session.team, Role.QA, full_name="Quentin Audit")

    panel = sent(qa, session, "compliance:approve:qa", scripted=True).content.decode()

    assert 'id="steps"' in panel
    assert "Approval is missing" not in panel
    assert 'hx-swap-oob="true"' in panel
    assert "Approved by Quentin Audit." in panel
    again = browser_of(qa).get(f"/sessions/{session.public_id}/panels/steps").content.decode()
    assert "hx-swap-oob" not in again


@pytest.mark.parametrize("day", ["2099-02-30", "soon"])
@pytest.mark.parametrize("scripted", [True, False])
def test_a_day_that_does_not_exist_is_refused_in_its_place(day: str, scripted: bool) -> None:
    session = blocked_session()

    answer = sent(session.created_by, session, "equipment:register:BR-1", due_on=day, scripted=scripted)

    assert answer.status_code == 422
    assert "There is no such day." in answer.content.decode()
    assert Equipment.objects.count() == 1
    assert kinds(session)[-1] == "session.started"


def test_who_may_not_run_frees_nothing_by_the_page() -> None:
    session = blocked_session()
    observer, stranger = make_member(session.team, Role.OBSERVER), make_member(SessionFactory().team, Role.OWNER)

    assert sent(observer, session, "equipment:register:BR-1").status_code == 403
    assert sent(stranger, session, "equipment:register:BR-1").status_code == 404

    assert Equipment.objects.count() == 1
    assert kinds(session)[-1] == "session.started"


def test_the_dossier_tells_what_was_blocked_and_what_was_done_about_it() -> None:
    session = blocked_session()
    qa = make_member(session.team, Role.QA, full_name="Quentin Audit")
    remediate_step(session=session, index=0, by=qa, at=NINE, actions=["compliance:approve:qa"])
    move_session(session=session, move=ABORT, by=session.created_by, at=NINE + timedelta(hours=1))
    session.refresh_from_db()

    steps = step_facts(session, at=NINE + timedelta(days=9))
    found = find_deviations(steps=steps, events=deviant_events(session, last=session.head_sequence))

    told = {one.kind: one.sentence for one in found}
    blocked = "Equipment BR-1 is not registered. The calibration of Pump was due 2026-01-01 09:00 UTC."
    assert told["step blocked"].startswith(f"Step 1 was blocked: {blocked}")
    assert told["remediation"] == "remediation.execute: compliance:approve:qa executed"


def test_the_steps_panel_costs_the_same_however_many_are_blocked(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    one = blocked_session()
    lead = one.created_by
    all_of_them = SessionFactory(team=one.team, by=lead, with_steps=True, parameters=REQUIREMENT)
    browser = browser_of(lead)

    for session in (one, all_of_them):
        with django_assert_num_queries(9):
            assert browser.get(f"/sessions/{session.public_id}/panels/steps").status_code == 200
