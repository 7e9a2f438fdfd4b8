"""What people do on a ladder besides signing: delegate, put back, comment, withdraw."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Conflict, Forbidden, Invalid, Refusal
from governance_app.errors import LadderClosed
from governance_app.models import ApprovalRequest, ApprovalStage, StageAction, TemplateAudit
from governance_app.selectors.approvals import standing_of, waiting_for
from governance_app.services.approvals import (
    StageSpec,
    comment_stage,
    delegate_stage,
    reset_stage,
    withdraw_request,
)
from governance_app.shapes.approvals import stages_as_wire
from sessions_app.models import TimelineEvent
from tests.factories.governance import (
    Bench,
    TemplateFactory,
    make_administrator,
    make_bench,
    make_request,
    make_signer,
    sign,
)
from tests.factories.sessions import NINE

pytestmark = pytest.mark.django_db
LATER = NINE + timedelta(hours=2)


@pytest.fixture
def bench() -> Bench:
    return make_bench()


def stage_of(request: ApprovalRequest, index: int) -> ApprovalStage:
    return ApprovalStage.objects.select_related("request__session").get(request=request, sequence_index=index)


def last_event() -> TimelineEvent:
    return TimelineEvent.objects.order_by("-created_at", "-sequence")[0]


def counts() -> tuple[int, int]:
    return TimelineEvent.objects.count(), StageAction.objects.count()


def statuses(request: ApprovalRequest) -> list[str]:
    return list(request.stages.order_by("sequence_index").values_list("status", flat=True))


# -- opening ---------------------------------------------------------------------------------------------------------


def test_without_template_and_stages_one_approver_signs(bench: Bench) -> None:
    request = make_request(bench, stages=())

    assert [(stage.required_role, stage.quorum, stage.status) for stage in request.stages.all()] == [
        ("approver", 1, "in_progress")
    ]


def test_a_template_gives_its_stages_and_the_audit_says_to_whom(bench: Bench) -> None:
    template = TemplateFactory(published=True, default_stage_sla_hours=5, allow_repeat_signers=True)

    request = make_request(bench, template=template)

    assert [(stage.name, stage.sla_hours) for stage in request.stages.all()] == [("Review", 24), ("Approval", 48)]
    assert (request.snapshot_digest, request.allow_repeat_signers) == (template.snapshot.digest, True)
    detail = TemplateAudit.objects.get(kind="export.snapshot.bound").detail
    assert detail["export_id"] == request.subject_id
    assert detail["execution_id"] == bench.session.public_id


def test_a_subject_has_one_ladder(bench: Bench) -> None:
    make_request(bench, id="exp_same")

    with pytest.raises(Conflict) as refused:
        make_request(bench, id="exp_same")

    assert refused.value.code == "ladder_exists"
    assert ApprovalRequest.objects.count() == 1


def test_a_stage_that_its_assignee_could_not_sign_is_refused(bench: Bench) -> None:
    before = counts()

    with pytest.raises(Invalid) as refused:
        make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, assignee=bench.approver)])

    assert refused.value.facts["errors"][0]["pointer"] == "/approval_stages/0/assignee_id"
    assert (counts(), ApprovalRequest.objects.count()) == (before, 0)


# -- delegation ------------------------------------------------------------------------------------------------------


def test_a_delegate_signs_in_the_assignees_place(bench: Bench) -> None:
    other = make_signer(bench.team, Role.REVIEWER)
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, assignee=bench.reviewer)])

    delegate_stage(stage=stage_of(request, 1), delegate=other, by=bench.reviewer, at=LATER, notes="On leave.")

    assert statuses(request) == ["delegated"]
    event = last_event()
    assert event.kind == "narrative_export.approval.stage_delegated"
    assert event.payload == {
        "export_id": request.subject_id,
        "stage_id": stage_of(request, 1).public_id,
        "sequence_index": 1,
        "delegate_id": other.public_id,
        "notes": "On leave.",
    }
    assert sign(request, other).state == "approved"


def test_a_delegation_may_bring_a_new_due_date_which_arms_the_alarm_again(bench: Bench) -> None:
    other = make_signer(bench.team, Role.REVIEWER)
    request = make_request(bench)
    ApprovalStage.objects.filter(request=request, sequence_index=1).update(overdue_notified_at=LATER)

    delegate_stage(
        stage=stage_of(request, 1), delegate=other, by=bench.lead, at=LATER, due_at=LATER + timedelta(days=3)
    )

    stage = stage_of(request, 1)
    assert (stage.due_at, stage.overdue_notified_at) == (LATER + timedelta(days=3), None)


def test_a_stage_not_yet_reached_is_delegated_when_its_turn_comes(bench: Bench) -> None:
    other = make_signer(bench.team, Role.APPROVER)
    request = make_request(bench)

    delegate_stage(stage=stage_of(request, 2), delegate=other, by=bench.lead, at=LATER)
    assert statuses(request) == ["in_progress", "pending"]
    sign(request, bench.reviewer)

    assert statuses(request) == ["approved", "delegated"]
    with pytest.raises(Forbidden):
        sign(request, bench.approver)
    assert sign(request, other).state == "approved"


def test_a_second_delegation_takes_the_stage_from_the_first(bench: Bench) -> None:
    first, second = (make_signer(bench.team, Role.REVIEWER) for _ in range(2))
    request = make_request(bench)

    delegate_stage(stage=stage_of(request, 1), delegate=first, by=bench.lead, at=LATER)
    delegate_stage(stage=stage_of(request, 1), delegate=second, by=first, at=LATER)

    assert list(StageAction.objects.order_by("id").values_list("action_type", flat=True)) == ["delegated", "reassigned"]
    with pytest.raises(Forbidden):
        sign(request, first)


@pytest.mark.parametrize("who", ["reviewer", "asker"])
def test_who_neither_holds_nor_leads_does_not_delegate(bench: Bench, who: str) -> None:
    request = make_request(bench)
    other = make_signer(bench.team, Role.REVIEWER)
    before = counts()

    with pytest.raises(Forbidden):
        delegate_stage(stage=stage_of(request, 1), delegate=other, by=getattr(bench, who), at=LATER)

    assert (counts(), statuses(request)) == (before, ["in_progress", "pending"])


def _wrong_role(bench: Bench) -> User:
    return bench.approver


def _asker(bench: Bench) -> User:
    return bench.asker


def _viewer(bench: Bench) -> User:
    person = make_signer(bench.team, Role.REVIEWER)
    person.role = PlatformRole.VIEWER
    person.save(update_fields=["role"])
    return person


@pytest.mark.parametrize("wrong", [_wrong_role, _asker, _viewer])
def test_a_delegate_must_be_able_to_sign(bench: Bench, wrong: Any) -> None:
    request = make_request(bench)
    before = counts()

    with pytest.raises(Invalid) as refused:
        delegate_stage(stage=stage_of(request, 1), delegate=wrong(bench), by=bench.lead, at=LATER)

    assert refused.value.facts["errors"][0]["pointer"] == "/delegate_id"
    assert counts() == before


def test_a_stage_is_not_delegated_to_who_signed_another(bench: Bench) -> None:
    request = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER)] * 2)
    sign(request, bench.reviewer)

    with pytest.raises(Invalid):
        delegate_stage(stage=stage_of(request, 2), delegate=bench.reviewer, by=bench.lead, at=LATER)

    assert statuses(request) == ["approved", "in_progress"]


def test_a_due_date_in_the_past_is_refused(bench: Bench) -> None:
    request = make_request(bench)
    other = make_signer(bench.team, Role.REVIEWER)

    with pytest.raises(Invalid):
        delegate_stage(stage=stage_of(request, 1), delegate=other, by=bench.lead, at=LATER, due_at=NINE)

    assert stage_of(request, 1).delegated_to is None


def test_a_decided_stage_is_not_delegated(bench: Bench) -> None:
    request = make_request(bench)
    sign(request, bench.reviewer)
    other = make_signer(bench.team, Role.REVIEWER)

    with pytest.raises(Conflict) as refused:
        delegate_stage(stage=stage_of(request, 1), delegate=other, by=bench.lead, at=LATER)

    assert refused.value.code == "stage_decided"


# -- put back --------------------------------------------------------------------------------------------------------


def test_a_stage_put_back_is_signed_again_and_earlier_ones_keep_their_signatures(bench: Bench) -> None:
    request = make_request(bench)
    sign(request, bench.reviewer)
    sign(request, bench.approver)

    pending = reset_stage(stage=stage_of(request, 2), notes="Wrong batch.", by=bench.lead, at=LATER)

    stage = stage_of(request, 2)
    assert (pending.state, pending.decided_at, statuses(request)) == ("pending", None, ["approved", "in_progress"])
    assert (stage.started_at, stage.due_at) == (LATER, LATER + timedelta(hours=48))
    assert stage.completed_at is None
    assert last_event().kind == "narrative_export.approval.stage_reset"
    assert last_event().payload["notes"] == "Wrong batch."
    assert sign(request, bench.approver).state == "approved"
    assert StageAction.objects.filter(stage=stage, action_type="approved").count() == 2


def test_putting_back_the_first_stage_puts_back_all(bench: Bench) -> None:
    request = make_request(bench)
    other = make_signer(bench.team, Role.APPROVER)
    sign(request, bench.reviewer)
    delegate_stage(stage=stage_of(request, 2), delegate=other, by=bench.lead, at=LATER)

    reset_stage(stage=stage_of(request, 1), notes="Read again.", by=bench.reviewer, at=LATER)

    second = stage_of(request, 2)
    assert statuses(request) == ["in_progress", "pending"]
    assert (second.delegated_to, second.started_at, second.due_at) == (None, None, None)
    assert sign(request, bench.reviewer).state == "pending"
    assert sign(request, bench.approver).state == "approved"


def test_a_rejected_ladder_is_taken_up_again_by_putting_its_stage_back(bench: Bench) -> None:
    request = make_request(bench)
    sign(request, bench.reviewer, decision="rejected")

    reset_stage(stage=stage_of(request, 1), notes="Corrected.", by=make_administrator(), at=LATER)

    assert (ApprovalRequest.objects.get().state, statuses(request)) == ("pending", ["in_progress", "pending"])


@pytest.mark.parametrize(
    ("index", "who", "notes", "refusal"),
    [
        (2, "lead", "Too early.", Conflict),
        (1, "asker", "Mine.", Forbidden),
        (1, "approver", "Not my stage.", Forbidden),
        (1, "lead", "  ", Invalid),
    ],
    ids=["not reached", "asker", "another role", "no notes"],
)
def test_putting_back_is_refused_and_nothing_is_written(
    bench: Bench, index: int, who: str, notes: str, refusal: type[Refusal]
) -> None:
    request = make_request(bench)
    before = counts()

    with pytest.raises(refusal):
        reset_stage(stage=stage_of(request, index), notes=notes, by=getattr(bench, who), at=LATER)

    assert (counts(), statuses(request)) == (before, ["in_progress", "pending"])


# -- comment and withdraw --------------------------------------------------------------------------------------------


def test_a_comment_decides_nothing(bench: Bench) -> None:
    request = make_request(bench)

    comment_stage(stage=stage_of(request, 1), notes="Looks fine.", by=bench.asker, at=LATER)

    assert statuses(request) == ["in_progress", "pending"]
    assert [action["action_type"] for action in stages_as_wire(request)[0]["actions"]] == ["comment"]


def test_the_asker_withdraws_a_pending_request(bench: Bench) -> None:
    request = make_request(bench)
    sign(request, bench.reviewer)

    withdraw_request(request=request, by=bench.asker, at=LATER, notes="Superseded.")

    stored = ApprovalRequest.objects.get()
    assert (stored.state, stored.withdrawn_at, statuses(request)) == ("withdrawn", LATER, ["approved", "reset"])
    assert last_event().kind == "narrative_export.approval.withdrawn"
    assert waiting_for(bench.approver, at=LATER) == []
    assert standing_of(stored).state == "withdrawn"
    for late in (
        lambda: sign(request, bench.approver),
        lambda: reset_stage(stage=stage_of(request, 1), notes="Again.", by=bench.lead, at=LATER),
        lambda: withdraw_request(request=request, by=bench.asker, at=LATER),
    ):
        with pytest.raises(LadderClosed):
            late()


def test_nobody_withdraws_for_the_asker(bench: Bench) -> None:
    request = make_request(bench)

    with pytest.raises(Forbidden):
        withdraw_request(request=request, by=bench.lead, at=LATER)

    assert ApprovalRequest.objects.get().state == "pending"


# -- what waits ------------------------------------------------------------------------------------------------------


def test_what_waits_is_what_the_person_may_sign_with_the_overdue_first(bench: Bench) -> None:
    late = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, sla_hours=1)])
    calm = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER)])
    soon = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, sla_hours=9)])
    make_request(bench, stages=[StageSpec(required_role=Role.APPROVER)])
    other = make_signer(bench.team, Role.REVIEWER)
    make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, assignee=other)])
    done = make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER, quorum=2)])
    sign(done, bench.reviewer)

    waiting = waiting_for(bench.reviewer, at=LATER)

    assert [stage.request for stage in waiting] == [late, soon, calm]
    assert waiting_for(make_administrator(), at=LATER) == []
    assert waiting_for(bench.outsider, at=LATER) == []
