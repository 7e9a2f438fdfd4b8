"""Random people do random things on ladders: what is stored is what the pure fold says, and no rule is ever bent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel.errors import Refusal
from governance_app.models import ApprovalRequest, ApprovalStage, Signature, StageAction
from governance_app.selectors.approvals import standing_of
from governance_app.services.approvals import (
    StageSpec,
    comment_stage,
    delegate_stage,
    reset_stage,
    withdraw_request,
)
from tests.factories.governance import Bench, make_bench, make_request, make_signer, sign
from tests.factories.sessions import NINE

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
WHO = ("asker", "reviewer", "second", "approver", "lead", "outsider")
LADDER = (Role.REVIEWER, Role.APPROVER, Role.REVIEWER)

places = st.integers(0, 2)
people = st.sampled_from(WHO)
operations = st.one_of(
    st.tuples(st.just("sign"), st.none() | places, people, st.sampled_from(["approved", "approved", "rejected"])),
    st.tuples(st.just("sign_now"), st.none(), st.sampled_from(["reviewer", "second", "approver"]), st.just("approved")),
    st.tuples(st.just("delegate"), places, people, people),
    st.tuples(st.just("reset"), places, people, st.none()),
    st.tuples(st.just("withdraw"), st.none(), people, st.none()),
    st.tuples(st.just("comment"), places, people, st.none()),
)


def live(request: ApprovalRequest, stage: ApprovalStage) -> list[StageAction]:
    return [action for action in stage.actions.all() if action.place is not None and action.round == stage.round]


def may_sign_now(request: ApprovalRequest, place: int | None, person: User, role: str | None) -> bool:
    """Say from the rows alone, without any rule of the application, whether a signature would be right."""
    stages = list(request.stages.order_by("sequence_index"))
    unfinished = [
        stage
        for stage in stages
        if len([a for a in live(request, stage) if a.action_type == "approved"]) < stage.quorum
    ]
    rejected = any(action.action_type == "rejected" for stage in stages for action in live(request, stage))
    if request.withdrawn_at is not None or rejected or not unfinished:
        return False
    current = unfinished[0]
    named = {pk for pk in (current.assignee_id, current.delegated_to_id) if pk is not None}
    signed = {action.actor_id for stage in stages for action in live(request, stage)}
    here = {action.actor_id for action in live(request, current)}
    return (
        (place is None or stages[place] == current)
        and role == current.required_role
        and person.pk != request.asked_by_id
        and (not named or person.pk in named)
        and person.pk not in (here if request.allow_repeat_signers else signed)
    )


def do(request: ApprovalRequest, operation: tuple[Any, ...], crew: dict[str, User]) -> None:
    name, place, who, more = operation
    stages = list(request.stages.select_related("request__session").order_by("sequence_index"))
    person, at = crew[who], NINE + timedelta(hours=1)
    if name.startswith("sign"):
        sign(request, person, at=at, decision=more, stage_id=stages[place].public_id if place is not None else None)
    elif name == "delegate":
        delegate_stage(stage=stages[place], delegate=crew[more], by=person, at=at)
    elif name == "reset":
        reset_stage(stage=stages[place], notes="Again.", by=person, at=at)
    elif name == "withdraw":
        withdraw_request(request=request, by=person, at=at)
    else:
        comment_stage(stage=stages[place], notes="Hm.", by=person, at=at)


def check(request: ApprovalRequest) -> None:
    """What the row says is what the signatures say; stages are reached in order, one at a time."""
    standing = standing_of(request)
    stages = list(request.stages.order_by("sequence_index"))
    statuses = [stage.status for stage in stages]
    open_places = [place for place, status in enumerate(statuses) if status in {"in_progress", "delegated"}]
    assert request.state == standing.state
    assert statuses == [standing.status(stage.sequence_index) for stage in stages]
    assert standing.refused == ()
    assert len(open_places) == (1 if request.state == "pending" else 0)
    for place in open_places:
        assert set(statuses[:place]) <= {"approved"}
        assert set(statuses[place + 1 :]) <= {"pending"}
    if request.state == "approved":
        assert set(statuses) == {"approved"}


@pytest.fixture
def bench() -> Bench:
    return make_bench()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(climb=st.lists(operations, max_size=14), quorum=st.integers(1, 2))
def test_the_fold_and_the_rows_never_disagree_and_no_signature_counts_that_the_rules_refuse(
    bench: Bench, climb: list[tuple[Any, ...]], quorum: int
) -> None:
    second = User.objects.filter(username="second").first() or make_signer(bench.team, Role.REVIEWER, username="second")
    crew = {who: second if who == "second" else getattr(bench, who) for who in WHO}
    roles = {member.user_id: member.role for member in bench.team.memberships.all()}
    specs = [StageSpec(required_role=role, quorum=quorum if place == 0 else 1) for place, role in enumerate(LADDER)]
    request = make_request(bench, stages=specs)
    check(request)

    for operation in climb:
        before = ApprovalRequest.objects.with_ladder().get(pk=request.pk)
        person = crew[operation[2]]
        right = may_sign_now(before, operation[1], person, roles.get(person.pk))
        signatures = Signature.objects.count()
        try:
            do(request, operation, crew)
            done = True
        except Refusal:
            done = False
        after = ApprovalRequest.objects.get(pk=request.pk)
        check(after)
        if operation[0].startswith("sign"):
            assert done == right, operation
            assert Signature.objects.count() == signatures + (1 if done else 0)
        elif not done:
            assert (after.state, after.withdrawn_at) == (before.state, before.withdrawn_at)
