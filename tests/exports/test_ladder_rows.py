"""Every rule of a ladder holds alike for those who call the service, use the API and sit at the desk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel.ids import find
from exports_app.models import NarrativeExport
from governance_app.models import ApprovalRequest, ApprovalStage, StageAction
from governance_app.services.approvals import comment_stage, delegate_stage, reset_stage, withdraw_request
from governance_app.services.signing import cast_signature
from sessions_app.models import TimelineEvent
from tests.exports.doors import client_of, path_of
from tests.factories.exports import approve, make_export, make_export_bench
from tests.factories.governance import PASSWORD, Bench, make_administrator, make_signer, sign
from tests.rows import Row, assert_done_alike, assert_refused_alike, code_of, post_at_desk

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
SIGNING = {"approve": "approved", "reject": "rejected"}
PENDING = "pending in_progress pending"
DONE = [
    Row("reviewer", "approve", "pending", after="pending approved in_progress"),
    Row("approver", "approve", "first signed", values={"stage": 2}, after="approved approved approved"),
    Row("reviewer", "reject", "pending", after="rejected rejected reset"),
    Row("approver", "reject", "first signed", values={"stage": 2}, after="rejected approved rejected"),
    Row("delegate", "approve", "delegated", after="pending approved in_progress"),
    Row("lead", "delegate", "pending", after="pending delegated pending"),
    Row("administrator", "delegate", "pending", after="pending delegated pending"),
    Row("delegate", "delegate", "delegated", values={"delegate": "reviewer"}, after="pending delegated pending"),
    Row("lead", "delegate", "pending", values={"stage": 2, "delegate": "second_approver"}, after=PENDING),
    Row("lead", "delegate", "pending", values={"due_at": timedelta(days=2)}, after="pending delegated pending"),
    Row("reviewer", "reset", "first signed", after=PENDING),
    Row("lead", "reset", "approved", after=PENDING),
    Row("administrator", "reset", "approved", values={"stage": 2}, after="pending approved in_progress"),
    Row("reviewer", "reset", "rejected", after=PENDING),
    Row("lead", "reset", "delegated", after=PENDING),
    Row("observer", "comment", "pending", after=PENDING),
    Row("asker", "comment", "approved", values={"stage": 2}, after="approved approved approved"),
    Row("asker", "withdraw", "pending", after="withdrawn reset reset"),
]
REFUSED = [
    *[Row("outsider", name, "pending", code=404) for name in ("approve", "delegate", "reset", "comment", "withdraw")],
    *[Row("lead", "approve", state, code=409) for state in ("approved", "rejected", "withdrawn")],
    Row("approver", "approve", "pending", values={"stage": 2}, code=409),
    Row("reviewer", "approve", "first signed", code=409),
    Row("reviewer", "approve", "pending", values={"content_digest": "0" * 64}, code=409),
    *[Row(who, "approve", "pending", code=403) for who in ("approver", "asker", "lead", "observer", "administrator")],
    Row("reviewer", "approve", "delegated", code=403),
    Row("reviewer", "approve", "pending", values={"signature": ""}, code=422),
    Row("reviewer", "approve", "pending", values={"signature": "x" * 256}, code=422),
    Row("reviewer", "approve", "pending", values={"meaning": "boredom"}, code=422),
    Row("reviewer", "approve", "pending", values={"password": ""}, code=422),
    Row("reviewer", "approve", "pending", values={"password": "guess"}, code=403),
    Row("reviewer", "reject", "pending", values={"password": "guess"}, code=403),
    *[Row(who, "delegate", "pending", code=403) for who in ("reviewer", "asker", "observer")],
    Row("lead", "delegate", "pending", values={"delegate": "asker"}, code=422),
    Row("lead", "delegate", "pending", values={"delegate": "approver"}, code=422),
    Row("lead", "delegate", "pending", values={"delegate": "outsider"}, code=422),
    Row("lead", "delegate", "first signed", values={"stage": 2, "delegate": "reviewer"}, code=422),
    Row("lead", "delegate", "pending", values={"due_at": -timedelta(hours=1)}, code=422),
    *[Row("lead", "delegate", state, code=409) for state in ("first signed", "approved", "rejected", "withdrawn")],
    *[Row(who, "reset", "first signed", code=403) for who in ("approver", "asker", "observer")],
    Row("lead", "reset", "pending", values={"notes": ""}, code=422),
    Row("lead", "reset", "pending", values={"stage": 2}, code=409),
    Row("lead", "reset", "withdrawn", code=409),
    Row("lead", "comment", "pending", values={"notes": ""}, code=422),
    *[Row(who, "withdraw", "pending", code=403) for who in ("lead", "reviewer", "administrator")],
    *[Row("asker", "withdraw", state, code=409) for state in ("approved", "rejected", "withdrawn")],
]


class Ladder:
    """A ladder of two stages, a review and an approval, with everybody who may want something of it."""

    def __init__(self, state: str) -> None:
        bench: Bench = make_export_bench()
        self.export: NarrativeExport = make_export(bench, at=timezone.now() - timedelta(hours=1))
        self.people: dict[str, User] = {
            **{name: getattr(bench, name) for name in ("asker", "reviewer", "approver", "lead", "outsider")},
            "delegate": make_signer(bench.team, Role.REVIEWER),
            "second_approver": make_signer(bench.team, Role.APPROVER),
            "observer": make_signer(bench.team, Role.OBSERVER),
            "administrator": make_administrator(),
        }
        now = timezone.now()
        if state in {"first signed", "rejected"}:
            sign(self.request, bench.reviewer, decision="rejected" if state == "rejected" else "approved")
        elif state == "approved":
            approve(self.export, bench)
        elif state == "delegated":
            delegate_stage(stage=self.stage(1), delegate=self.people["delegate"], by=bench.lead, at=now)
        elif state == "withdrawn":
            withdraw_request(request=self.request, by=bench.asker, at=now)

    @property
    def request(self) -> ApprovalRequest:
        return ApprovalRequest.objects.get(pk=self.export.approval_id)

    def stage(self, number: int) -> ApprovalStage:
        stages = ApprovalStage.objects.select_related("request__session__team", "assignee", "delegated_to")
        return stages.get(request=self.export.approval_id, sequence_index=number)

    def stands(self) -> str:
        stages = ApprovalStage.objects.filter(request=self.export.approval_id).order_by("sequence_index")
        return " ".join([self.request.state, *stages.values_list("status", flat=True)])

    def written(self) -> tuple[Any, ...]:
        return self.stands(), TimelineEvent.objects.count(), StageAction.objects.count()

    def wish(self, row: Row) -> tuple[User, ApprovalStage, dict[str, Any]]:
        """Return who asks, for which stage, and what they give: what is right but for what the row says."""
        right: dict[str, Any] = {}
        if row.operation in SIGNING:
            right = {"signature": "R. Viewer", "password": PASSWORD, "content_digest": self.request.content_digest}
        elif row.operation == "delegate":
            right = {"delegate": "delegate"}
        wish = {"notes": "As agreed.", **right, **row.values}
        if "delegate" in wish:
            wish["delegate"] = self.people[wish["delegate"]]
        if "due_at" in wish:
            wish["due_at"] = (timezone.now() + wish["due_at"]).replace(microsecond=0)
        return self.people[row.who], self.stage(wish.pop("stage", 1)), wish


def by_service(ladder: Ladder, row: Row) -> int:
    person, stage, wish = ladder.wish(row)
    wish |= {"by": person, "at": timezone.now()}
    services: dict[str, Callable[..., Any]] = {
        "delegate": delegate_stage,
        "reset": reset_stage,
        "comment": comment_stage,
    }

    def work() -> None:
        request = find(ApprovalRequest.objects.visible_to(person), ladder.request.public_id)
        if row.operation in SIGNING:
            cast_signature(request_id=request.pk, stage_id=stage.pk, decision=SIGNING[row.operation], **wish)
        elif row.operation == "withdraw":
            withdraw_request(request=request, **wish)
        else:
            services[row.operation](stage=stage, **wish)

    return code_of(work)


def by_api(ladder: Ladder, row: Row) -> int:
    person, stage, wish = ladder.wish(row)
    parts = ["stages", stage.public_id, row.operation]
    if row.operation in SIGNING:
        wish |= {"status": SIGNING[row.operation], "stage_id": stage.public_id}
        parts = ["approve"]
    elif row.operation == "withdraw":
        parts = ["withdraw"]
    elif row.operation == "delegate":
        wish["delegate_id"] = wish.pop("delegate").public_id
        if "due_at" in wish:
            wish["due_at"] = wish["due_at"].isoformat()
    path = path_of(ladder.export.session, ladder.export, *parts)
    code: int = client_of(person).post(path, wish, format="json").status_code
    return code


def at_desk(ladder: Ladder, row: Row) -> int:
    person, stage, form = ladder.wish(row)
    form |= {"operation": row.operation, "stage": stage.pk}
    if row.operation in SIGNING:
        meaning = "review" if stage.sequence_index == 1 else "approval"
        signing = {"operation": "sign", "decision": SIGNING[row.operation], "stage_id": stage.public_id}
        form = {"meaning": meaning, **form, **signing}
    if "delegate" in form:
        form["delegate"] = form["delegate"].pk
    if "due_at" in form:
        due = form.pop("due_at")
        form |= {"due_at_0": due.strftime("%Y-%m-%d"), "due_at_1": due.strftime("%H:%M:%S")}
    return post_at_desk(person, "governance_app_approvalrequest_change", ladder.request, form)


WAYS = {"service": by_service, "api": by_api, "desk": at_desk}


@pytest.mark.parametrize("row", DONE, ids=str)
def test_what_the_rules_allow_is_done_alike(row: Row) -> None:
    assert_done_alike(WAYS, Ladder, row)


@pytest.mark.parametrize("state", sorted({row.state for row in REFUSED}))
def test_what_the_rules_forbid_is_refused_alike_and_nothing_is_written(state: str) -> None:
    assert_refused_alike(WAYS, Ladder(state), [row for row in REFUSED if row.state == state])
