"""Stages past their due date: told once per due date, to those who can sign."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django_celery_beat.models import PeriodicTask

from biolab.accounts.models import Notification
from biolab.accounts.roles import Role
from governance_app.models import ApprovalStage, StageAction
from governance_app.services.approvals import StageSpec, delegate_stage, reset_stage
from governance_app.services.deadlines import escalate_overdue_stages
from governance_app.tasks import monitor_narrative_approval_slas
from sessions_app.models import TimelineEvent
from tests.factories.governance import Bench, make_bench, make_request, make_signer, sign
from tests.factories.sessions import NINE

pytestmark = pytest.mark.django_db
ONE_HOUR = [StageSpec(required_role=Role.REVIEWER, sla_hours=1), StageSpec(required_role=Role.APPROVER, sla_hours=1)]


@pytest.fixture
def bench() -> Bench:
    return make_bench()


def kinds() -> list[str]:
    events = TimelineEvent.objects.filter(kind__contains=".stage_").order_by("sequence")
    return [kind.rpartition(".")[2] for kind in events.values_list("kind", flat=True)]


def test_an_overdue_stage_is_told_to_all_who_can_sign_it(
    bench: Bench, django_capture_on_commit_callbacks: object
) -> None:
    other = make_signer(bench.team, Role.REVIEWER)
    request = make_request(bench, stages=ONE_HOUR)
    at = NINE + timedelta(hours=1, seconds=1)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        told = escalate_overdue_stages(at=at)

    stage = request.stages.get(sequence_index=1)
    overdue, escalated = TimelineEvent.objects.filter(session=bench.session).order_by("sequence").reverse()[:2][::-1]
    expected = {
        "export_id": request.subject_id,
        "stage_id": stage.public_id,
        "sequence_index": 1,
        "due_at": "2026-03-02T10:00:00Z",
        "assignee_id": None,
        "delegate_id": None,
    }
    people = [bench.reviewer.public_id, other.public_id]
    assert (told, stage.overdue_notified_at) == (1, at)
    assert (overdue.kind, overdue.payload) == ("narrative_export.approval.stage_overdue", expected)
    assert overdue.actor is None
    assert escalated.kind == "narrative_export.approval.stage_escalated"
    assert escalated.payload == {**expected, "notified_user_ids": people}
    assert StageAction.objects.get().action_type == "escalated"
    assert sorted(message.to[0] for message in mail.outbox) == sorted([bench.reviewer.email, other.email])
    assert "Narrative" in mail.outbox[0].subject
    inboxes = Notification.objects.filter(category="compliance", title__startswith="Overdue")
    assert {notification.person for notification in inboxes} == {bench.reviewer, other}


def test_a_due_date_is_told_once(bench: Bench) -> None:
    make_request(bench, stages=ONE_HOUR)

    told = [escalate_overdue_stages(at=NINE + timedelta(hours=hours)) for hours in (0.5, 1, 2, 3, 40)]

    assert told == [0, 0, 1, 0, 0]
    assert kinds() == ["stage_started", "stage_overdue", "stage_escalated"]


def test_the_assignee_and_the_delegate_are_told_and_nobody_else(bench: Bench) -> None:
    delegate = make_signer(bench.team, Role.REVIEWER)
    make_signer(bench.team, Role.REVIEWER)
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, assignee=bench.reviewer, sla_hours=1)])
    stage = ApprovalStage.objects.get(request=request)
    delegate_stage(stage=stage, delegate=delegate, by=bench.reviewer, at=NINE)

    escalate_overdue_stages(at=NINE + timedelta(hours=2))

    event = TimelineEvent.objects.get(kind__endswith="stage_escalated")
    assert event.payload["notified_user_ids"] == [bench.reviewer.public_id, delegate.public_id]
    assert event.payload["delegate_id"] == delegate.public_id


def test_a_stage_put_back_arms_the_alarm_again(bench: Bench) -> None:
    request = make_request(bench, stages=ONE_HOUR)
    escalate_overdue_stages(at=NINE + timedelta(hours=2))
    stage = ApprovalStage.objects.get(request=request, sequence_index=1)

    reset_stage(stage=stage, notes="Again.", by=bench.lead, at=NINE + timedelta(hours=3))

    assert escalate_overdue_stages(at=NINE + timedelta(hours=3, minutes=30)) == 0
    assert escalate_overdue_stages(at=NINE + timedelta(hours=5)) == 1


def test_only_the_current_stage_of_a_pending_ladder_is_overdue(bench: Bench) -> None:
    rejected = make_request(bench, stages=ONE_HOUR)
    sign(rejected, bench.reviewer, decision="rejected")
    approved = make_request(bench, stages=ONE_HOUR[:1])
    sign(approved, bench.reviewer)
    make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER)])

    assert escalate_overdue_stages(at=NINE + timedelta(days=30)) == 0
    assert "stage_overdue" not in kinds()


def test_the_clock_runs_the_sweep_under_its_wire_name() -> None:
    entry = PeriodicTask.objects.get(task=monitor_narrative_approval_slas.name)

    assert (entry.task, entry.enabled, entry.interval.every, entry.interval.period) == (
        "monitor_narrative_approval_slas",
        True,
        1,
        "minutes",
    )
    assert monitor_narrative_approval_slas() == 0


def test_whoever_can_sign_a_stage_finds_it_in_their_inbox_once(bench: Bench) -> None:
    delegate = make_signer(bench.team, Role.REVIEWER)
    request = make_request(
        bench, stages=[StageSpec(required_role=Role.REVIEWER, assignee=bench.reviewer), *ONE_HOUR[1:]]
    )
    stage = ApprovalStage.objects.get(request=request, sequence_index=1)
    delegate_stage(stage=stage, delegate=delegate, by=bench.reviewer, at=NINE)
    sign(request, delegate)

    told = Notification.objects.filter(title__startswith="To sign").order_by("created_at", "id")

    assert [row.person for row in told] == [bench.reviewer, delegate, bench.approver]
