"""Baselines: who may move them from where to where, what that writes, and what was frozen stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from biolab.accounts.models import Membership, Notification, User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Conflict, Invalid, Missing, Refusal
from governance_app.models import GovernanceBaseline
from governance_app.selectors.baselines import current_baseline
from governance_app.services.baselines import (
    add_reviewer,
    publish_baseline,
    remove_reviewer,
    review_baseline,
    roll_back_baseline,
    submit_baseline,
    write_baseline_event,
)
from governance_app.states import BaselineStatus
from sessions_app.models import TimelineEvent
from tests.factories.baselines import STATUSES, make_baseline_bench
from tests.factories.sessions import NINE, SessionFactory

pytestmark = pytest.mark.django_db
LATER = NINE + timedelta(days=1)

MOVES: dict[str, Any] = {
    "approve": lambda row, by: review_baseline(baseline=row, decision="approve", by=by, at=LATER),
    "reject": lambda row, by: review_baseline(baseline=row, decision="reject", by=by, at=LATER, notes="Too warm"),
    "publish": lambda row, by: publish_baseline(baseline=row, by=by, at=LATER),
    "roll_back": lambda row, by: roll_back_baseline(baseline=row, reason="Spilt", by=by, at=LATER),
}
FROM = {
    "approve": ("submitted", "rejected"),
    "reject": ("submitted", "rejected"),
    "publish": ("approved",),
    "roll_back": ("published",),
}
ENDS = {"approve": "approved", "reject": "rejected", "publish": "published", "roll_back": "rolled_back"}
ACTION = {"approve": "review.approve", "reject": "review.reject", "publish": "published", "roll_back": "rolled_back"}


def written(baseline: GovernanceBaseline) -> list[str]:
    return list(baseline.events.values_list("action", flat=True))


def state(baseline: GovernanceBaseline) -> Any:
    return GovernanceBaseline.objects.filter(pk=baseline.pk).values().get(), written(baseline)


def test_every_move_from_every_status_ends_where_the_table_says() -> None:
    bench = make_baseline_bench()
    session = bench.session()

    for move, do in MOVES.items():
        for status in STATUSES:
            baseline = bench.baseline(status, session=session)
            before = state(baseline)
            if status in FROM[move]:
                moved = do(baseline, bench.admin)
                assert (move, status, moved.status) == (move, status, ENDS[move])
                assert written(moved)[-1] == ACTION[move]
                event = baseline.session.events.order_by("sequence").last()
                assert event is not None
                assert event.kind == f"governance.baseline.{ACTION[move]}"
                assert event.payload["baseline_id"] == baseline.public_id
            else:
                with pytest.raises(Conflict):
                    do(baseline, bench.admin)
                assert state(baseline) == before


def test_who_may_make_each_move() -> None:
    bench = make_baseline_bench()
    session, once = bench.session(), bench.member
    decides = {"reviewer": None, "admin": None, "submitter": "own_baseline", "member": "not_a_reviewer"}
    decides |= {"observer": "not_a_reviewer", "demoted": "wrong_role", "reader": "account_reads_only"}
    rolls = dict.fromkeys((*decides,), "administrators_only") | {"admin": None}
    wanted = {"approve": decides, "reject": decides, "publish": decides, "roll_back": rolls}
    people = {name: getattr(bench, name) for name in ("reviewer", "admin", "submitter", "member", "observer")}

    got: dict[str, dict[str, str | None]] = {}
    for move, do in MOVES.items():
        for who in decides:
            named = [bench.reviewer, once] if who in ("demoted", "reader") else [bench.reviewer]
            baseline = bench.baseline(FROM[move][0], session=session, reviewers=named)
            before = state(baseline)
            person = people.get(who, once)
            if who == "demoted":
                Membership.objects.filter(user=once).update(role=Role.OBSERVER)
            if who == "reader":
                person = User.objects.get(pk=once.pk)
                person.role = PlatformRole.VIEWER
            try:
                do(baseline, person)
                code = None
            except Refusal as refusal:
                code = refusal.code
                assert state(baseline) == before
            Membership.objects.filter(user=once).update(role=Role.LEAD)
            got.setdefault(move, {})[who] = code

    assert got == wanted


def test_an_administrator_who_proposed_it_decides_nothing_either() -> None:
    bench = make_baseline_bench()
    Membership.objects.create(team=bench.team, user=bench.admin, role=Role.LEAD)
    baseline = bench.baseline(by=bench.admin)

    for move in ("approve", "reject"):
        with pytest.raises(Refusal) as refused:
            MOVES[move](baseline, bench.admin)
        assert refused.value.code == "own_baseline"

    assert written(baseline) == ["submitted"]


@pytest.mark.parametrize(
    ("who", "code"), [("observer", "forbidden"), ("stranger", "forbidden"), ("admin", "forbidden"), ("member", None)]
)
def test_a_session_is_proposed_by_its_team(who: str, code: str | None) -> None:
    bench = make_baseline_bench()
    session, person = bench.session(), getattr(bench, who)

    if code is None:
        submit_baseline(session=session, name="Reference", by=person, at=NINE)
    else:
        with pytest.raises(Refusal) as refused:
            submit_baseline(session=session, name="Reference", by=person, at=NINE)
        assert refused.value.code == code

    assert GovernanceBaseline.objects.count() == (code is None)
    assert session.events.filter(kind="governance.baseline.submitted").count() == (code is None)


def test_a_proposal_that_cannot_be_is_refused_and_leaves_nothing() -> None:
    bench = make_baseline_bench()
    session, bare = bench.session(), SessionFactory(team=bench.team, by=bench.submitter)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"name": "  "}, "invalid"),
        ({"name": "x" * 256}, "invalid"),
        ({"description": "\x00"}, "invalid"),
        ({"labels": [{"key": "", "value": "x"}]}, "invalid"),
        ({"labels": [{"key": "a", "value": "x" * 201}]}, "invalid"),
        ({"labels": [{"key": "a", "value": ""}] * 51}, "invalid"),
        ({"reviewers": [bench.submitter]}, "own_baseline"),
        ({"reviewers": [bench.reviewer, bench.observer]}, "cannot_review"),
        ({"reviewers": [bench.stranger]}, "cannot_review"),
        ({"session": bare}, "no_protocol"),
    ]

    for changes, code in cases:
        with pytest.raises((Invalid, Conflict)) as refused:
            submit_baseline(**{"session": session, "name": "Reference", "by": bench.submitter, "at": NINE, **changes})
        assert refused.value.code == code

    assert not GovernanceBaseline.objects.exists()
    assert not Notification.objects.exists()


def test_publishing_numbers_without_reuse_and_moves_what_is_current() -> None:
    bench = make_baseline_bench()
    first, second = bench.baseline("published"), bench.baseline("published")

    roll_back_baseline(baseline=second, reason="Spilt", by=bench.admin, at=LATER)
    third = bench.baseline("published")

    family = GovernanceBaseline.objects.order_by("version_number")
    assert list(family.values_list("version_number", "is_current", "status")) == [
        (1, False, BaselineStatus.PUBLISHED),
        (2, False, BaselineStatus.ROLLED_BACK),
        (3, True, BaselineStatus.PUBLISHED),
    ]
    assert current_baseline(bench.protocol.pk) == third
    assert first.pk != third.pk


def test_a_rollback_makes_its_target_current_again_and_tells_both_sessions() -> None:
    bench = make_baseline_bench()
    first, second = bench.baseline("rolled_back"), bench.baseline("published")

    rolled = roll_back_baseline(baseline=second, reason="Drift", by=bench.admin, at=LATER, target=first)

    first.refresh_from_db()
    assert (rolled.status, rolled.is_current, rolled.rolled_back_to) == ("rolled_back", False, first)
    assert (first.status, first.is_current, first.version_number, first.rolled_back_at) == ("published", True, 1, None)
    assert (written(second)[-1], written(first)[-1]) == ("rolled_back", "restored")
    kinds = TimelineEvent.objects.filter(session=first.session_id).order_by("sequence").values_list("kind", flat=True)
    assert list(kinds)[-1] == "governance.baseline.restored"
    assert first.events.last().detail["rolled_back_from"] == second.public_id  # type: ignore[union-attr]


def test_a_rollback_that_cannot_be_leaves_everything() -> None:
    bench, other = make_baseline_bench(), make_baseline_bench()
    current, approved, foreign = bench.baseline("published"), bench.baseline("approved"), other.baseline("published")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"reason": " "}, "invalid"),
        ({"target": current}, "invalid"),
        ({"target": foreign}, "invalid"),
        ({"target": approved}, "never_published"),
    ]
    before = [state(row) for row in (current, approved, foreign)]

    for changes, code in cases:
        with pytest.raises(Refusal) as refused:
            roll_back_baseline(**{"baseline": current, "reason": "Drift", "by": bench.admin, "at": LATER, **changes})
        assert refused.value.code == code

    assert [state(row) for row in (current, approved, foreign)] == before


def test_reviewers_are_told_and_so_is_who_proposed_it() -> None:
    bench = make_baseline_bench()

    bench.baseline("published")

    told = [(note.person, note.title) for note in Notification.objects.order_by("created_at", "pk")]
    assert told == [
        (bench.reviewer, "To review: Reference"),
        (bench.submitter, "Baseline approved: Reference"),
        (bench.submitter, "Baseline published: Reference"),
    ]


def test_overrides_change_the_reviewers_of_an_open_baseline() -> None:
    bench = make_baseline_bench()
    baseline, done = bench.baseline(), bench.baseline("published")
    by: dict[str, Any] = {"by": bench.admin, "at": LATER}

    event = add_reviewer(baseline=baseline, person=bench.member, notes="Ann is away", detail={"id": "x"}, **by)
    assert set(baseline.reviewers.all()) == {bench.reviewer, bench.member}
    assert (event.action, event.detail["added_reviewer_ids"]) == ("override_reassign", [bench.member.public_id])
    for person, error in ((bench.member, Conflict), (bench.submitter, Invalid), (bench.stranger, Invalid)):
        with pytest.raises(error):
            add_reviewer(baseline=baseline, person=person, **by)
    with pytest.raises(Conflict):
        add_reviewer(baseline=done, person=bench.member, **by)
    remove_reviewer(baseline=baseline, person=bench.member, **by)
    with pytest.raises(Missing):
        remove_reviewer(baseline=baseline, person=bench.member, **by)
    write_baseline_event(baseline, "override_cooldown", cooldown_minutes=30, **by)

    assert list(baseline.reviewers.all()) == [bench.reviewer]
    assert written(baseline) == ["submitted", "override_reassign", "override_reassign", "override_cooldown"]
    assert written(done) == ["submitted", "review.approve", "published"]
