"""Recommendations accepted, declined, executed and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from biolab.accounts.models import Notification, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Conflict, Forbidden, Invalid
from governance_app.errors import CoolingDown, OutOfReach, OverrideStands
from governance_app.models import OverrideAction, OverrideReversal
from governance_app.policies.approvals import tier_of
from governance_app.rules.tiers import Tier
from governance_app.selectors.recommended import Recommended
from governance_app.states import OverrideKind, OverrideRule, OverrideStatus
from sessions_app.verification import verify_session
from tests.exports.doors import client_of
from tests.factories.governance import make_administrator
from tests.factories.overrides import OverrideBench, decide, make_override_bench, reverse
from tests.factories.sessions import NINE, make_member, make_team

pytestmark = pytest.mark.django_db

LATER = NINE + timedelta(minutes=30)


@pytest.fixture
def bench() -> OverrideBench:
    return make_override_bench()


def acted(bench: OverrideBench) -> list[dict[str, Any]]:
    """Return the payloads of the override events, oldest first."""
    return [
        event.payload for event in bench.session.events.filter(kind="governance.override.action").order_by("sequence")
    ]


def reviewers(bench: OverrideBench) -> set[User]:
    return set(bench.baseline.reviewers.all())


def test_an_executed_reassignment_adds_the_reviewer_and_tells_everybody_concerned(bench: OverrideBench) -> None:
    row = decide(bench, notes="Too much at once", metadata={"source": "console"}, lineage={"scenario_id": "s1"})

    assert (row.status, row.reversible, row.rule) == ("executed", True, "cadence_overload")
    assert reviewers(bench) == {bench.reviewer, bench.spare}
    assert row.before["reviewer_ids"] == [bench.reviewer.public_id]
    [told] = acted(bench)
    assert told["status"] == "executed" and told["lineage"] == {"scenario_id": "s1"}
    assert told["diffs"] == [
        {"field": "reviewer_ids", "before": row.before["reviewer_ids"], "after": row.after["reviewer_ids"]}
    ]
    assert Notification.objects.filter(person=bench.spare, meta__override_id=row.public_id).count() == 1
    assert bench.session.events.filter(kind="governance.baseline.override_reassign").count() == 1
    assert verify_session(bench.session.pk).valid


def test_the_same_decision_again_is_one_row_and_one_event(bench: OverrideBench) -> None:
    first = decide(bench, notes="Too much at once")

    again = decide(bench, notes="Too much at once", at=LATER)

    assert again.pk == first.pk
    assert OverrideAction.objects.count() == 1
    assert len(acted(bench)) == 1


def test_a_change_of_mind_is_another_row_and_what_was_executed_must_be_taken_back_first(bench: OverrideBench) -> None:
    decide(bench, decision=OverrideStatus.DECLINED)
    decide(bench, decision=OverrideStatus.ACCEPTED)
    decide(bench, decision=OverrideStatus.EXECUTED)

    with pytest.raises(OverrideStands):
        decide(bench, decision=OverrideStatus.DECLINED, by=bench.runner)

    assert [told["status"] for told in acted(bench)] == ["declined", "accepted", "executed"]


def test_accepting_and_declining_change_no_reviewer(bench: OverrideBench) -> None:
    decide(bench, decision=OverrideStatus.ACCEPTED)
    row = decide(bench, decision=OverrideStatus.DECLINED)

    assert reviewers(bench) == {bench.reviewer}
    assert not row.reversible


def test_a_reversal_undoes_it_and_keeps_what_changed(bench: OverrideBench) -> None:
    decide(bench)

    row = reverse(bench, by=bench.runner, notes="The spare is away", at=LATER)

    assert (row.status, row.reversible) == ("reversed", False)
    assert reviewers(bench) == {bench.reviewer}
    changed = {diff["field"]: (diff["before"], diff["after"]) for diff in row.reversal.diffs}
    assert changed["status"] == ("executed", "reversed")
    assert changed["reviewer_ids"][1] == [bench.reviewer.public_id]
    assert (row.reversal.standing, row.reversal.rank) == ("session_runner", 55)
    assert [told["status"] for told in acted(bench)] == ["executed", "reversed"]
    assert acted(bench)[1]["tier"] == "session_runner"
    with pytest.raises(Conflict):
        reverse(bench)
    assert OverrideReversal.objects.count() == 1


def test_after_a_reversal_it_can_be_executed_anew(bench: OverrideBench) -> None:
    first = decide(bench)
    reverse(bench)

    second = decide(bench)

    assert second.pk != first.pk
    assert reviewers(bench) == {bench.reviewer, bench.spare}


@pytest.mark.parametrize(
    ("window", "after", "refused"), [(30, timedelta(minutes=29), True), (30, timedelta(minutes=30), False)]
)
def test_nothing_is_taken_back_while_it_cools_down(
    bench: OverrideBench, window: int, after: timedelta, refused: bool
) -> None:
    row = decide(bench, metadata={"cooldown_minutes": window})
    assert row.cooldown_expires_at == NINE + timedelta(minutes=30)

    if refused:
        with pytest.raises(CoolingDown) as told:
            reverse(bench, at=NINE + after)
        assert told.value.facts["cooldown_expires_at"].startswith("2026-03-02T09:30")
        assert reviewers(bench) == {bench.reviewer, bench.spare}
        assert not OverrideReversal.objects.exists()
    else:
        assert reverse(bench, at=NINE + after).status == "reversed"


def test_a_reversal_may_hold_off_the_next_execution(bench: OverrideBench) -> None:
    decide(bench)
    row = reverse(bench, metadata={"cooldown_minutes": 60})
    assert row.cooldown_window_minutes == 60

    with pytest.raises(CoolingDown):
        decide(bench, at=NINE + timedelta(minutes=59))

    assert decide(bench, at=NINE + timedelta(minutes=60)).status == "executed"


def test_a_cooldown_and_an_escalation_tell_whom_they_concern(bench: OverrideBench) -> None:
    administrator = make_administrator()
    streak = Recommended(OverrideRule.STREAK_COOLDOWN, bench.reviewer)
    churn = Recommended(OverrideRule.BLOCKER_CHURN_ESCALATION, bench.reviewer)

    cooled = decide(
        bench, recommended=streak, action=OverrideKind.COOLDOWN, target_reviewer=None, metadata={"cooldown_minutes": 90}
    )
    raised = decide(bench, recommended=churn, action=OverrideKind.ESCALATE, baseline=None, target_reviewer=None)

    assert cooled.cooldown_window_minutes == 90
    assert bench.session.events.filter(kind="governance.baseline.override_cooldown").count() == 1
    heard = set(Notification.objects.filter(meta__override_id=raised.public_id).values_list("person_id", flat=True))
    assert heard == {administrator.pk}  # the manager did it


def test_who_is_what_to_an_override(bench: OverrideBench) -> None:
    viewer = make_member(bench.team, Role.OWNER, role_on_platform=PlatformRole.VIEWER)
    observer, stranger = make_member(bench.team, Role.OBSERVER), make_member(make_team("Another"), Role.OWNER)
    tiers = {
        person: tier_of(person, bench.session, actor=bench.scientist, target=bench.spare)
        for person in (make_administrator(), bench.scientist, bench.spare, bench.runner, bench.reviewer, observer)
    }

    assert list(tiers.values()) == [
        Tier.ADMINISTRATOR,
        Tier.OVERRIDE_ACTOR,
        Tier.TARGET_REVIEWER,
        Tier.SESSION_RUNNER,
        Tier.REVIEWER,
        Tier.OBSERVER,
    ]
    assert tier_of(viewer, bench.session) is None
    assert tier_of(stranger, bench.session) is None


def test_a_tier_that_does_not_reach_is_refused_and_nothing_is_written(bench: OverrideBench) -> None:
    with pytest.raises(OutOfReach) as told:
        decide(bench, by=bench.scientist)

    assert told.value.facts["rank_needed"] == 30
    assert reviewers(bench) == {bench.reviewer}
    assert not OverrideAction.objects.exists() and not acted(bench)


@pytest.mark.parametrize("minutes", [-1, 1.5, True, "30", 10**7])
def test_a_window_is_whole_minutes(bench: OverrideBench, minutes: Any) -> None:
    with pytest.raises(Invalid):
        decide(bench, metadata={"cooldown_minutes": minutes})

    assert not OverrideAction.objects.exists()


# -- the doors --------------------------------------------------------------------------------------------------------


def path_of(bench: OverrideBench, verb: str, rule: str = "cadence_overload") -> str:
    return f"/api/governance/recommendations/override/{rule}:{bench.reviewer.public_id}/{verb}"


def body_of(bench: OverrideBench, **changes: Any) -> dict[str, Any]:
    return {
        "execution_id": bench.session.public_id,
        "action": "reassign",
        "baseline_id": bench.baseline.public_id,
        "target_reviewer_id": bench.spare.public_id,
        "notes": "",
        "metadata": {},
        **changes,
    }


def post(person: User, path: str, body: Any) -> Any:
    client: APIClient = client_of(person)
    return client.post(path, body, format="json")


def test_the_door_answers_with_the_contracts_fields(bench: OverrideBench) -> None:
    made = post(bench.manager, path_of(bench, "execute"), body_of(bench, metadata={"source": "console"})).json()
    again = post(bench.manager, path_of(bench, "execute"), body_of(bench, metadata={"source": "console"}))
    taken = post(
        bench.manager,
        path_of(bench, "reverse"),
        {"execution_id": bench.session.public_id, "metadata": {"cooldown_minutes": 5}},
    ).json()

    assert again.status_code == 200 and again.json()["id"] == made["id"]
    assert made["status"] == "executed" and made["reversal_event"] is None and made["meta"] == {"source": "console"}
    assert made["recommendation_id"] == f"cadence_overload:{bench.reviewer.public_id}"
    assert taken["status"] == "reversed" and taken["cooldown_window_minutes"] == 5
    assert taken["reversal_event"]["tier"] == "override_actor"
    assert {"baseline_id", "target_reviewer_id", "actor_id", "lineage", "created_at", "updated_at"} <= set(made)


REFUSED: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("manager", "execute", {"baseline_id": None}, 422, "/baseline_id"),
    ("manager", "execute", {"target_reviewer_id": None}, 422, "/target_reviewer_id"),
    ("manager", "execute", {"action": "sack"}, 422, "/action"),
    ("manager", "execute", {"execution_id": "nonsense"}, 422, "/execution_id"),
    ("manager", "execute", {"execution_id": "sess_01h455vb4pex5vsknk084sn02q"}, 404, ""),
    ("manager", "execute", {"baseline_id": "base_01h455vb4pex5vsknk084sn02q"}, 404, ""),
    ("manager", "execute", {"target_reviewer_id": "user_01h455vb4pex5vsknk084sn02q"}, 404, ""),
    ("manager", "reverse", {}, 409, ""),
    ("scientist", "execute", {}, 403, ""),
]


@pytest.mark.parametrize(("who", "verb", "changes", "status", "pointer"), REFUSED)
def test_the_door_refuses(
    bench: OverrideBench, who: str, verb: str, changes: dict[str, Any], status: int, pointer: str
) -> None:
    answer = post(getattr(bench, who), path_of(bench, verb), body_of(bench, **changes))

    assert answer.status_code == status, answer.json()
    if pointer:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not OverrideAction.objects.exists()


def test_unknown_rules_reviewers_and_people_out_of_sight_are_missing(bench: OverrideBench) -> None:
    stranger = make_member(make_team("Another"), Role.OWNER)
    paths = [
        path_of(bench, "accept", rule="no_such_rule"),
        "/api/governance/recommendations/override/cadence_overload:user_01h455vb4pex5vsknk084sn02q/accept",
        f"/api/governance/recommendations/override/cadence_overload:{stranger.public_id}/accept",
        "/api/governance/recommendations/override/cadence_overload/accept",
    ]

    answers = [post(bench.manager, path, body_of(bench)).status_code for path in paths]
    outside = post(stranger, path_of(bench, "accept"), body_of(bench)).status_code

    assert answers == [404] * 4
    assert outside == 404
    assert not OverrideAction.objects.exists()


def test_a_forbidden_reassignment_never_reaches_the_baseline(bench: OverrideBench) -> None:
    with pytest.raises(Forbidden):
        decide(bench, by=make_member(bench.team, Role.OBSERVER))

    assert reviewers(bench) == {bench.reviewer}
