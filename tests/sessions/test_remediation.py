"""Blocked steps: what they refuse, who frees them and how, and what the timeline says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from pytest_django import DjangoAssertNumQueries

from biolab.accounts.models import Notification
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Forbidden, Missing
from biolab.kernel.models import SecurityEntry
from sessions_app.errors import SessionEnded, StepBlocked, StepOutOfOrder
from sessions_app.models import Calibration, Equipment, LabSession, Step, StepApproval
from sessions_app.services.remediation import EquipmentContext, Result, remediate_step
from sessions_app.services.sessions import move_session
from sessions_app.services.steps import advance_step, move_step
from sessions_app.states import ABORT
from sessions_app.step_gates import blocks_of
from tests.conftest import Clock
from tests.factories.accounts import client_of as token_client_of
from tests.factories.equipment import make_equipment
from tests.factories.exports import add_readings
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team
from tests.sessions.kit import CONSOLE, all_that_is_written, client_of, kinds

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
EVERYTHING = {
    "required_approvals": ["qa", "release"],
    "required_equipment_ids": ["BR-1", "BR-2"],
    "required_channels": [{"channel": "pO2", "within_s": 60}],
}


def blocked_session(requirement: dict[str, Any] | None = None, **parameters: Any) -> LabSession:
    """Return a running session whose step 1 requires something, run by its lead."""
    requirement = EVERYTHING if requirement is None else requirement
    return SessionFactory(with_steps=True, parameters={"step_requirements": {"1": requirement}, **parameters})


def remediate(session: LabSession, *actions: str, **asked: Any) -> list[tuple[str, str]]:
    """Let the session's lead, or ``by``, try to free step 1; return what came of it."""
    asked = {"by": session.created_by, "at": NINE, "index": 1, **asked}
    return [(one.action, one.status) for one in remediate_step(session=session, actions=actions, **asked)]


def all_rows() -> list[Any]:
    """Return everything that a remediation may write."""
    tables = (StepApproval, Equipment, Calibration, Notification, SecurityEntry)
    return [all_that_is_written(), *(list(table.objects.order_by("pk").values_list()) for table in tables)]


@pytest.mark.parametrize("to", ["in_progress", "completed"])
def test_a_blocked_step_does_not_begin_and_writes_nothing(to: str, clock: Clock) -> None:
    session = blocked_session()
    make_equipment(
        session.team, by=session.created_by, code="BR-2", name="Pump", calibrated=(NINE - DAY, NINE - DAY / 2)
    )
    before = all_rows()

    with pytest.raises(StepBlocked) as refusal:
        move_step(session=session, index=1, to=to, by=session.created_by, at=clock())
    with pytest.raises(StepBlocked) as on_advance:
        advance_step(session=session, index=1, by=session.created_by, at=clock())

    assert (
        on_advance.value.facts
        == refusal.value.facts
        == {
            "blocked_reason": "Approval is missing: qa, release. Equipment BR-1 is not registered. "
            "The calibration of Pump was due 2026-03-01 21:00 UTC. pO2 has sent nothing for 60 s.",
            "required_actions": [
                "compliance:approve:qa",
                "compliance:approve:release",
                "equipment:register:BR-1",
                "equipment:calibrate:BR-2",
                "telemetry:restore:pO2",
            ],
            "auto_triggers": [
                "notify:approver:qa",
                "notify:approver:release",
                "equipment:maintenance_request:BR-2",
            ],
        }
    )
    assert all_rows() == before


def test_other_steps_and_skipping_need_nothing_of_it(clock: Clock) -> None:
    session = blocked_session()
    said = {"by": session.created_by, "at": clock()}

    assert advance_step(session=session, index=0, **said).status == "in_progress"
    assert move_step(session=session, index=1, to="skipped", reason="Not today", **said).status == "skipped"


def test_a_step_that_has_begun_is_not_stopped(clock: Clock) -> None:
    session = blocked_session({"required_equipment_ids": ["BR-1"]})
    lead = session.created_by
    make_equipment(session.team, by=lead, code="BR-1", calibration_due_at=NINE + timedelta(minutes=5))
    advance_step(session=session, index=1, by=lead, at=clock())

    assert advance_step(session=session, index=1, by=lead, at=clock.forward(hours=1)).status == "completed"


def test_order_is_asked_before_the_gates(clock: Clock) -> None:
    session = SessionFactory(
        with_ordered_steps=True, parameters={"step_requirements": {"1": {"required_approvals": ["qa"]}}}
    )

    with pytest.raises(StepOutOfOrder):
        advance_step(session=session, index=1, by=session.created_by, at=clock())


def test_everything_that_can_be_done_is_done_and_the_rest_says_why(clock: Clock) -> None:
    session = blocked_session()
    lead, overdue = session.created_by, (NINE - 91 * DAY, NINE - DAY)
    pump = make_equipment(session.team, by=lead, code="BR-2", calibrated=overdue)
    qa = make_member(session.team, Role.QA, full_name="Quentin Audit")

    results = remediate_step(session=session, index=1, by=qa, at=clock())

    assert results == [
        Result("compliance:approve:qa", "executed", "Approved by Quentin Audit."),
        Result("compliance:approve:release", "executed", "Approved by Quentin Audit."),  # no role of that name
        Result("equipment:register:BR-1", "executed", "Registered as BR-1."),
        Result("equipment:calibrate:BR-2", "executed", "Calibrated; due again 2026-05-31 09:00 UTC."),
        Result(
            "telemetry:restore:pO2",
            "skipped",
            "Only the instrument can do this: pO2 must send within its window.",
        ),
        Result("notify:approver:qa", "scheduled", "1 person is told."),
        Result("notify:approver:release", "scheduled", "1 person is told."),
        Result("equipment:maintenance_request:BR-2", "scheduled", "1 person is told."),
    ]
    approvals = StepApproval.objects.order_by("name").values_list("name", "by_name", "role", "at", "step__index")
    assert list(approvals) == [(name, "Quentin Audit", "qa", NINE, 1) for name in ("qa", "release")]
    assert pump.calibrations.latest("recorded_at").due_at == NINE + 90 * DAY
    assert kinds(session)[-1] == "remediation.execute"  # the channel still blocks: nothing is freed
    payload = session.events.latest("sequence").payload
    assert set(payload) == {"step_index", "instruction", "actions", "results", "summary"}
    assert payload["step_index"] == 1
    assert payload["actions"] == [one.action for one in results]
    assert payload["results"][0] == {
        "action": "compliance:approve:qa",
        "status": "executed",
        "message": "Approved by Quentin Audit.",
    }
    noted = SecurityEntry.objects.order_by("-sequence").values_list("kind", flat=True)[:2]
    assert set(noted) == {"equipment.registered", "equipment.calibrated"}


def test_the_last_thing_missing_frees_the_step_and_the_timeline_says_so(clock: Clock) -> None:
    session = blocked_session({"required_approvals": ["qa"]})
    qa = make_member(session.team, Role.QA)

    assert remediate(session, "compliance:approve:qa", by=qa) == [("compliance:approve:qa", "executed")]

    assert kinds(session)[-2:] == ["remediation.execute", "remediation.report"]
    report = session.events.latest("sequence")
    assert report.payload["blocked_reason"] == "Approval is missing: qa."
    assert report.payload["actions"] == ["compliance:approve:qa"]
    assert "Calibrate the pH probe" in report.told
    assert advance_step(session=session, index=1, by=session.created_by, at=clock()).status == "in_progress"


def test_the_database_refuses_to_change_an_approval() -> None:
    session = blocked_session({"required_approvals": ["qa"]})
    remediate(session, by=make_member(session.team, Role.QA))
    before = all_rows()

    for change in (lambda rows: rows.update(name="release"), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change(StepApproval.objects.all())

    assert all_rows() == before


@pytest.mark.parametrize(
    ("name", "role", "status"),
    [
        ("qa", Role.QA, "executed"),
        ("QA", Role.QA, "executed"),
        ("qa", Role.OWNER, "failed"),  # a higher role does not stand in
        ("qa", Role.APPROVER, "failed"),
        ("lead", Role.LEAD, "executed"),
        ("biosafety", Role.APPROVER, "executed"),
        ("biosafety", Role.QA, "executed"),
        ("biosafety", Role.OWNER, "failed"),
        ("observer", Role.QA, "executed"),  # an observer approves nothing, so the name is like any other
    ],
)
def test_approving_needs_the_role(name: str, role: Role, status: str) -> None:
    session = blocked_session({"required_approvals": [name]})

    results = remediate(session, f"compliance:approve:{name}", by=make_member(session.team, role))

    assert results == [(f"compliance:approve:{name}", status)]
    assert StepApproval.objects.count() == (status == "executed")
    assert kinds(session)[2] == "remediation.execute"  # a denied one stands on the timeline, too


def test_an_approval_of_the_session_is_given_once_and_one_of_a_step_at_that_step() -> None:
    session = SessionFactory(
        with_steps=True,
        parameters={
            "required_approvals": ["qa"],
            "step_requirements": {"2": {"required_approvals": ["qa"]}},
        },
    )
    qa = make_member(session.team, Role.QA)

    remediate(session, index=0, by=qa)

    assert advance_step(session=session, index=1, by=qa, at=NINE).status == "in_progress"
    with pytest.raises(StepBlocked):
        advance_step(session=session, index=2, by=qa, at=NINE)


def test_a_live_channel_frees_the_step_by_itself() -> None:
    session = blocked_session({"required_channels": [{"channel": "pO2", "min": -1e9, "max": 1e9, "within_s": 3600}]})
    lead = session.created_by
    with pytest.raises(StepBlocked):
        advance_step(session=session, index=1, by=lead, at=NINE)

    add_readings(session, 1, channels=("pO2",))

    assert advance_step(session=session, index=1, by=lead, at=NINE).status == "in_progress"


def test_what_is_known_of_equipment_is_used() -> None:
    session = blocked_session({"required_equipment_ids": ["BR-1", "BR-2", "BR-3", "BR-4"]})
    lead = session.created_by
    first_time = make_equipment(session.team, by=lead, code="BR-2", calibration_due_at=NINE - DAY)
    make_equipment(session.team, by=lead, code="BR-3", calibration_due_at=NINE - DAY)
    make_equipment(session.team, by=lead, code="BR-4", calibration_due_at=NINE - DAY)
    context = {
        "BR-1": EquipmentContext(name="Reactor", description="20 l", due_at=NINE + DAY),
        "BR-2": EquipmentContext(performed_at=NINE - DAY / 2, due_at=NINE + DAY, reference="DKD 7", notes="Two points"),
        "BR-4": EquipmentContext(due_at=NINE - DAY),
    }

    results = remediate_step(session=session, index=1, by=lead, at=NINE, context=context)

    told = {one.action: (one.status, one.message) for one in results}
    assert told["equipment:register:BR-1"] == ("executed", "Registered as Reactor.")
    assert told["equipment:calibrate:BR-3"] == ("failed", "Say when the next calibration is due.")
    assert told["equipment:calibrate:BR-4"] == ("failed", "The next calibration is due after this one.")
    assert told["equipment:maintenance_request:BR-3"] == ("scheduled", "1 person is told.")
    made = Equipment.objects.get(code="BR-1")
    assert (made.name, made.description, made.first_due_at) == ("Reactor", "20 l", NINE + DAY)
    kept = first_time.calibrations.get()
    assert (kept.performed_at, kept.due_at, kept.reference) == (NINE - DAY / 2, NINE + DAY, "DKD 7")
    assert Calibration.objects.count() == 1


def test_only_what_the_step_waits_for_is_done() -> None:
    session = blocked_session({"required_approvals": ["qa"]})
    elsewhere = make_equipment(session.team, by=session.created_by, calibrated=(NINE - DAY, NINE - DAY / 2))
    qa = make_member(session.team, Role.QA)

    results = remediate(
        session,
        f"equipment:calibrate:{elsewhere.code}",
        "equipment:register:BR-9",
        "compliance:approve:other",
        "nonsense",
        " ",
        "nonsense",
        by=qa,
    )

    assert results == [
        (f"equipment:calibrate:{elsewhere.code}", "skipped"),
        ("equipment:register:BR-9", "skipped"),
        ("compliance:approve:other", "skipped"),
        ("nonsense", "skipped"),
    ]
    assert (Calibration.objects.count(), Equipment.objects.count(), StepApproval.objects.count()) == (1, 1, 0)


@pytest.mark.parametrize(
    ("asked", "actions"),
    [
        ({}, ["compliance:approve:qa", "telemetry:restore:pO2", "notify:approver:qa"]),
        ({"auto": True}, ["notify:approver:qa"]),
        ({"actions": ["telemetry:restore:pO2"]}, ["telemetry:restore:pO2"]),
        ({"actions": ["telemetry:restore:pO2"], "auto": True}, ["telemetry:restore:pO2", "notify:approver:qa"]),
    ],
)
def test_what_is_tried_is_what_was_asked_for(asked: dict[str, Any], actions: list[str]) -> None:
    session = blocked_session({**EVERYTHING, "required_approvals": ["qa"], "required_equipment_ids": []})

    results = remediate_step(session=session, index=1, by=session.created_by, at=NINE, **asked)

    assert [one.action for one in results] == actions


def test_without_triggers_auto_does_what_is_required() -> None:
    session = blocked_session({"required_equipment_ids": ["BR-1"]})

    assert remediate(session, auto=True) == [("equipment:register:BR-1", "executed")]


def test_where_nothing_blocks_there_is_nothing_to_do_or_tell() -> None:
    session = SessionFactory(with_steps=True)
    before = all_rows()

    assert remediate(session) == remediate(session, auto=True) == []

    assert all_rows() == before


def test_approvers_and_leads_are_told_once_a_day(clock: Clock) -> None:
    session = blocked_session({"required_approvals": ["qa"], "required_equipment_ids": ["BR-1"]})
    lead, team = session.created_by, session.team
    make_equipment(team, by=lead, code="BR-1", calibrated=(NINE - DAY, NINE - DAY / 2))
    qa, operator = make_member(team, Role.QA), make_member(team, Role.OPERATOR)
    make_member(team, Role.QA, role_on_platform=PlatformRole.VIEWER)  # may approve nothing

    for hours in (0, 1, 23):
        remediate(session, auto=True, by=operator, at=clock.forward(hours=hours))

    told = Notification.objects.order_by("created_at", "title").values_list("person", "title", "category", "priority")
    one_day = [
        (qa.pk, "Approval needed: qa", "compliance", "high"),
        (lead.pk, "Calibration overdue: BR-1", "compliance", "high"),
    ]
    assert list(told) == one_day * 2
    assert Notification.objects.filter(person=qa).first().meta == {
        "execution_id": session.public_id,
        "step_index": 1,
        "action": "notify:approver:qa",
    }


def test_nobody_to_tell_is_a_failure_that_says_so() -> None:
    session = blocked_session({"required_approvals": ["qa"]})

    results = remediate_step(session=session, index=1, by=session.created_by, at=NINE, auto=True)

    assert results == [Result("notify:approver:qa", "failed", "Nobody in the team has the role QA.")]
    assert Notification.objects.count() == 0


@pytest.mark.parametrize(("index", "refusal"), [(3, Missing), (2**70, Missing)])
def test_an_unknown_step_cannot_be_freed(index: int, refusal: type[Exception]) -> None:
    session = blocked_session()
    before = all_rows()

    with pytest.raises(refusal):
        remediate(session, index=index)

    assert all_rows() == before


def test_an_ended_session_keeps_what_blocked_it_and_frees_nothing() -> None:
    session = blocked_session({"required_equipment_ids": ["BR-1"]})
    lead = session.created_by
    make_equipment(session.team, by=lead, code="BR-1", calibration_due_at=NINE + DAY)
    blocked = blocked_session({"required_approvals": ["qa"]})
    for one in (session, blocked):
        move_session(session=one, move=ABORT, by=one.created_by, at=NINE)
    before = all_rows()

    with pytest.raises(SessionEnded):
        remediate(blocked, by=blocked.created_by, at=NINE + 9 * DAY)

    assert all_rows() == before
    # what is overdue by now was not when the session ended
    shown = [client_of(one.created_by).get(f"{CONSOLE}/{one.public_id}").json() for one in (session, blocked)]
    assert [one["steps"][1]["blocked_reason"] for one in shown] == [None, "Approval is missing: qa."]


def test_a_token_approves_nothing_and_one_of_certain_sessions_touches_no_equipment() -> None:
    session = blocked_session({"required_approvals": ["qa"], "required_equipment_ids": ["BR-1", "BR-2"]})
    make_equipment(session.team, by=session.created_by, code="BR-2", calibrated=(NINE - DAY, NINE - DAY / 2))
    qa, one = make_member(session.team, Role.QA), f"{CONSOLE}/{session.public_id}/steps/1/remediate"

    told = {
        narrowing: token_client_of(qa, **asked).post(one, {}).json()["results"]
        for narrowing, asked in (("certain", {"session_ids": [session.public_id]}), ("all", {}))
    }

    assert [result["status"] for result in told["certain"][:3]] == ["failed"] * 3
    assert told["certain"][0]["message"] == "A person approves, not a service token."
    assert [result["status"] for result in told["all"][:3]] == ["failed", "executed", "executed"]
    assert StepApproval.objects.count() == 0


@pytest.mark.parametrize("role", [Role.OBSERVER, None])
def test_who_runs_nothing_frees_nothing(role: Role | None) -> None:
    session = blocked_session()
    person = make_member(session.team if role else make_team("Another"), role or Role.OWNER)
    before = all_rows()

    with pytest.raises(Forbidden):
        remediate(session, by=person)

    assert all_rows() == before


def test_another_teams_equipment_is_unknown_here() -> None:
    other = make_equipment(code="BR-1")
    session = blocked_session({"required_equipment_ids": ["BR-1", other.public_id]})

    with pytest.raises(StepBlocked) as refusal:
        advance_step(session=session, index=1, by=session.created_by, at=NINE)

    assert refusal.value.facts["required_actions"] == [
        "equipment:register:BR-1",
        f"equipment:register:{other.public_id}",
    ]


@pytest.mark.parametrize("named_by", ["public_id", "pk", "code"])
def test_equipment_is_named_by_id_or_code(named_by: str) -> None:
    team = make_team()
    lead = make_member(team)
    equipment = make_equipment(team, by=lead, calibration_due_at=NINE - DAY)
    name = str(getattr(equipment, named_by))
    parameters = {"step_requirements": {"1": {"required_equipment_ids": [name]}}}
    session = SessionFactory(team=team, by=lead, with_steps=True, parameters=parameters)
    context = {name: EquipmentContext(due_at=NINE + DAY)}

    assert remediate(session, f"equipment:calibrate:{name}", context=context) == [
        (f"equipment:calibrate:{name}", "executed")
    ]
    assert advance_step(session=session, index=1, by=lead, at=NINE).status == "in_progress"


def test_requirements_from_before_they_were_checked_break_nothing() -> None:
    session = SessionFactory(with_steps=True)
    LabSession.objects.filter(pk=session.pk).update(parameters={"step_requirements": "of old", "gate_keys": 7})

    shown = client_of(session.created_by).get(f"{CONSOLE}/{session.public_id}")

    assert shown.status_code == 200
    assert Step.objects.filter(session=session).count() == 3


def test_blocked_and_freed_through_the_doors() -> None:
    team = make_team()
    lead, qa = client_of(make_member(team)), client_of(make_member(team, Role.QA, full_name="Quentin Audit"))
    protocol = SessionFactory(team=team, with_steps=True).protocol_version.protocol
    body = {
        "template_id": protocol.public_id,
        "parameters": {"step_requirements": {"0": {"required_approvals": ["qa"], "gate_keys": ["release"]}}},
    }
    made = lead.post(CONSOLE, body).json()
    one = f"{CONSOLE}/{made['execution']['id']}"
    block = {
        "blocked_reason": "Approval is missing: qa.",
        "required_actions": ["compliance:approve:qa"],
        "auto_triggers": ["notify:approver:qa"],
    }
    assert block.items() <= made["steps"][0].items()
    assert made["steps"][1]["required_actions"] == []

    for path, sent in ((f"{one}/steps/0", {"status": "in_progress"}), (f"{one}/steps/0/advance", {})):
        refused = lead.post(path, sent)
        assert (refused.status_code, refused.json()["code"]) == (409, "step_blocked")
        assert refused["Content-Type"] == "application/problem+json"
        assert block.items() <= refused.json().items()

    told = lead.post(f"{one}/steps/0/remediate", {"auto": True, "context": {"booking": {"duration_minutes": 9}}})
    assert (told.status_code, told.json()["results"]) == (
        200,
        [{"action": "notify:approver:qa", "status": "scheduled", "message": "1 person is told."}],
    )
    inbox = qa.get("/api/notifications", {"category": "compliance"}).json()
    assert "Approval needed: qa" in str(inbox)
    freed = qa.post(f"{one}/steps/0/remediate", {"actions": ["compliance:approve:qa"]}).json()
    assert freed["results"][0]["status"] == "executed"
    assert freed["session"] == qa.get(one).json()
    assert freed["session"]["steps"][0]["blocked_reason"] is None
    assert lead.post(f"{one}/steps/0/advance").json()["steps"][0]["status"] == "in_progress"
    events = lead.get(f"{one}/timeline", {"event_types": "remediation.execute,remediation.report"}).json()["events"]
    assert [event["event_type"] for event in events] == [
        "remediation.report",
        "remediation.execute",
        "remediation.execute",
    ]


@pytest.mark.parametrize(
    ("requirements", "pointer"),
    [
        ({"step_requirements": []}, "/parameters/step_requirements"),
        ({"step_requirements": {"9": {}}}, "/parameters/step_requirements/9"),
        ({"required_approvals": "qa"}, "/parameters/required_approvals"),
    ],
)
def test_requirements_of_a_wrong_shape_start_no_session(requirements: dict[str, Any], pointer: str) -> None:
    session = SessionFactory(with_steps=True)
    before = all_rows()
    body = {"template_id": session.protocol_version.protocol.public_id, "parameters": requirements}

    answer = client_of(session.created_by).post(CONSOLE, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "requirements_unreadable")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert all_rows() == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"actions": "all"}, "/actions"),
        ({"actions": [7]}, "/actions/0"),
        ({"auto": "perhaps"}, "/auto"),
        ({"context": []}, "/context"),
        ({"context": {"equipment": {"BR-1": {"due_at": "soon"}}}}, "/context/equipment/BR-1/due_at"),
    ],
)
def test_a_remediation_of_a_wrong_shape_does_nothing(body: dict[str, Any], pointer: str) -> None:
    session = blocked_session()
    before = all_rows()

    answer = client_of(session.created_by).post(f"{CONSOLE}/{session.public_id}/steps/1/remediate", body)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert all_rows() == before


def test_gates_cost_the_same_for_one_step_as_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    team = make_team()
    lead = make_member(team)
    everywhere = {
        "required_approvals": ["qa"],
        **{name: EVERYTHING[name] for name in EVERYTHING if name != "required_approvals"},
    }
    free, one, all_of_them = (
        SessionFactory(team=team, by=lead, with_steps=True, parameters=parameters)
        for parameters in ({}, {"step_requirements": {"1": everywhere}}, everywhere)
    )
    for code in EVERYTHING["required_equipment_ids"]:
        make_equipment(team, by=lead, code=code)
    add_readings(free, 1, channels=("pO2",))

    for session, count in ((free, 0), (one, 4), (all_of_them, 4)):
        steps = list(session.steps.all())
        with django_assert_num_queries(count):
            blocks_of(session, steps, at=NINE)
