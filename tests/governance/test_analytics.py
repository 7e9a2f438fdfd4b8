"""The numbers as the door tells them: right, of the right sessions, in one pass, and never older than a change."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from biolab.accounts.models import Membership
from biolab.accounts.roles import Role
from governance_app.analytics.read import compute, drop_analytics, read_analytics, scope_of
from governance_app.analytics.rows import Scope
from governance_app.models import ApprovalStage, OverrideAction
from governance_app.services.baselines import submit_baseline
from governance_app.states import OverrideKind, OverrideRule, OverrideStatus
from sessions_app.models import LabSession, Step
from sessions_app.services.notes import write_note
from sessions_app.services.steps import advance_step
from sessions_app.states import StepStatus
from tests.exports.doors import client_of
from tests.factories.analytics import record_preview, store_baseline
from tests.factories.governance import Bench, make_administrator, make_bench, make_request, sign
from tests.factories.overrides import decide as execute_override
from tests.factories.overrides import make_coaching_note, make_override_bench
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team

pytestmark = pytest.mark.django_db

PATH = "/api/governance/analytics"
OnCommit = Callable[..., Any]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def told(person: Any, query: str = "", status: int = 200) -> dict[str, Any]:
    answer = client_of(person).get(f"{PATH}{query}")
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    return body


def finish(session: LabSession, **minutes: float) -> None:
    """Complete steps so many minutes after nine."""
    for name, after in minutes.items():
        Step.objects.filter(session=session, index=int(name[1:])).update(
            status=StepStatus.COMPLETED, completed_at=NINE + timedelta(minutes=after)
        )


def store_override(session: LabSession, reviewer: Any, kind: OverrideKind, **fields: Any) -> None:
    number = OverrideAction.objects.count()
    wanted = {
        "recommendation_id": f"{OverrideRule.CADENCE_OVERLOAD}:{number}",
        "rule": OverrideRule.CADENCE_OVERLOAD,
        "status": OverrideStatus.EXECUTED,
        "actor": reviewer,
        "content_hash": f"{number:064}",
        "created_at": NINE,
        "updated_at": NINE,
        **fields,
    }
    OverrideAction.objects.create(session=session, reviewer=reviewer, action=kind, **wanted)


def test_the_answer_is_what_the_arithmetic_gives() -> None:
    """One session, worked out by hand.

    =====================  ==========================================================  ==================
    number                 from                                                        is
    =====================  ==========================================================  ==================
    blocked_ratio          2 blocked of 4 stages                                       2 / 4 = 0.5
    stage 0                due 60 min, step 0 done at 45                               45 − 60 = −15, in time
    stage 1                due 100 min, steps 1 and 2 done at 90 and 105.5             ⌊105.5 − 100⌋ = 5, late
    stage 2                due 200 min, steps 1 and 3, 3 is not complete               not judged
    stage 3                no due date                                                 not judged
    sla_within…ratio       1 of 2 judged                                               0.5
    mean_sla_delta         (−15 + 5) / 2                                               −5
    risk                   0.5 + (1 − 0.5) = 1.0 ≥ 1                                   high
    ladder_load            4 stages + 1 override of the preview
                           + 1 (one reviewer added) − 1 (cooldown)
                           + 0.5 − 0.5 (an escalation, taken back)                     5
    override_cooldown      30 executed, none reversed                                  30
    executed, reversed     reassign, cooldown, escalate; the escalation                3, 1
    baselines A, B, C      A reviewed after 1 h, B after 4 h, C not yet
    approval_latency       (60 + 240) / 2                                              150
    publication_cadence    A on day 1, B on day 4                                      3 days
    churn index            0.5 × (3 baselines + 1 rollback)                            2.0
    reviewer               named on 3, reviewed 2, 1 pending
    p50, p90 of 60, 240    60 + 0.5 × 180;  60 + 0.9 × 180                             150, 222
    publisher              2 publications 72 h apart                                   streak 2, no alert
    ladder, at 9:00 + 30 h stage 1: due after 24 h, signed after 26 h                  late, resolved, 1,560 min
                           stage 2: due 26 + 48 = 74 h                                 open, in time
    =====================  ==========================================================  ==================
    """
    bench = make_bench()
    protocol = ProtocolFactory(team=bench.team, by=bench.lead)
    session = SessionFactory(team=bench.team, by=bench.lead, with_steps=True)
    Step.objects.create(session=session, index=3, instruction="Harvest")
    hours = [NINE + timedelta(minutes=minutes) for minutes in (60, 100, 200)]
    record_preview(session, (0, None, ()), (1, None, ()), blocked=(0, 1), new_blocker_count=9, at=NINE)
    record_preview(
        session,
        (0, hours[0], [0]),
        (1, hours[1], [1, 2]),
        (2, hours[2], [1, 3]),
        (3, None, [0]),
        blocked=(1, 2),
        override_count=1,
        new_blocker_count=3,
        resolved_blocker_count=1,
        at=NINE + timedelta(minutes=1),
    )
    finish(session, s0=45, s1=90, s2=105.5)
    store_override(
        session,
        bench.reviewer,
        OverrideKind.REASSIGN,
        before={"reviewer_ids": ["a"]},
        after={"reviewer_ids": ["a", "b"]},
        lineage={"scenario_id": "s1"},
    )
    store_override(session, bench.reviewer, OverrideKind.COOLDOWN, metadata={"cooldown_minutes": 30})
    store_override(session, bench.reviewer, OverrideKind.ESCALATE, status=OverrideStatus.REVERSED)
    by = {"reviewers": [bench.reviewer], "by": bench.reviewer, "publisher": bench.approver, "submitted": NINE}
    store_baseline(session, protocol, review_h=1, published=NINE + timedelta(days=1), **by)
    store_baseline(session, protocol, review_h=4, published=NINE + timedelta(days=4), rolled_back=True, **by)
    store_baseline(session, protocol, reviewers=[bench.reviewer], submitted=NINE)
    ladder = make_request(Bench(**{**vars(bench), "session": session}))
    sign(ladder, bench.reviewer, at=NINE + timedelta(hours=26))

    body = json.loads(read_analytics(scope_of(bench.lead), at=NINE + timedelta(hours=30)))

    (result,) = body["results"]
    samples = result.pop("sla_samples")
    assert [(one["stage_index"], one["delta_minutes"], one["within_target"]) for one in samples] == [
        (0, -15, True),
        (1, 5, False),
        (2, None, None),
        (3, None, None),
    ]
    assert samples[1]["actual_completed_at"] == "2026-03-02T10:45:30Z"
    assert samples[2]["actual_completed_at"] is None
    assert result.pop("preview_event_id").startswith("ev_")
    assert result == {
        "execution_id": session.public_id,
        "snapshot_id": "snap_now",
        "baseline_snapshot_id": "snap_then",
        "generated_at": "2026-03-02T09:01:00Z",
        "stage_count": 4,
        "blocked_stage_count": 2,
        "blocked_ratio": 0.5,
        "overrides_applied": 1,
        "override_actions_executed": 3,
        "override_actions_reversed": 1,
        "override_cooldown_minutes": 30.0,
        "new_blocker_count": 3,
        "resolved_blocker_count": 1,
        "ladder_load": 5.0,
        "sla_within_target_ratio": 0.5,
        "mean_sla_delta_minutes": -5.0,
        "blocker_heatmap": [1, 2],
        "risk_level": "high",
        "baseline_version_count": 3,
        "approval_latency_minutes": 150.0,
        "publication_cadence_days": 3.0,
        "rollback_count": 1,
        "blocker_churn_index": 2.0,
    }
    totals = body["totals"]
    assert totals == {
        "preview_count": 1,
        "average_blocked_ratio": 0.5,
        "total_new_blockers": 3,  # of the latest preview alone
        "total_resolved_blockers": 1,
        "average_sla_within_target_ratio": 0.5,
        "total_baseline_versions": 3,
        "total_rollbacks": 1,
        "average_approval_latency_minutes": 150.0,
        "average_publication_cadence_days": 3.0,
        "risk_level_counts": {"low": 0, "medium": 0, "high": 1},
        "blocker_heatmap": [{"stage_index": 1, "count": 1}, {"stage_index": 2, "count": 1}],
        "reviewer_count": 2,
        "streak_alert_count": 0,
        "reviewer_latency_p50_minutes": 150.0,
        "reviewer_latency_p90_minutes": 222.0,
        "reviewer_load_band_counts": {"light": 2, "steady": 0, "saturated": 0},
    }
    first, second = body["reviewer_cadence"]
    assert (first["reviewer_id"], first["reviewer_name"]) == (bench.reviewer.public_id, bench.reviewer.printed_name)
    assert (first["assignment_count"], first["completion_count"], first["pending_count"]) == (3, 2, 1)
    assert (first["latency_p50_minutes"], first["latency_p90_minutes"]) == (150.0, 222.0)
    assert {band["label"]: band["count"] for band in first["latency_bands"]} == {
        "under_2h": 1,
        "two_to_eight_h": 1,
        "eight_to_day": 0,
        "over_day": 0,
    }
    assert (second["reviewer_id"], second["publish_streak"]) == (bench.approver.public_id, 2)
    metrics = body["meta"]["approval_stage_metrics"][ladder.subject_id]
    assert (metrics["total"], metrics["overdue_count"]) == (2, 1)
    assert metrics["mean_resolution_minutes"] == 26 * 60
    assert metrics["status_counts"] == {"approved": 1, "in_progress": 1}
    late = body["meta"]["overdue_stage_summary"]
    assert (late["total_overdue"], late["open_overdue"], late["resolved_overdue"]) == (1, 0, 1)
    assert late["overdue_exports"] == [ladder.subject_id]
    assert late["role_counts"] == {"reviewer": 1}
    assert late["mean_open_minutes"] is None
    assert late["stage_samples"][0]["detected_at"] == "2026-03-03T09:00:00Z"
    assert body["lineage_summary"]["scenarios"][0]["net_count"] == 1


def test_everybody_is_told_of_their_teams_and_administrators_of_all() -> None:
    mine, other = make_bench(), make_bench()
    for bench in (mine, other):
        record_preview(bench.session, (0, None, ()))
        store_baseline(
            bench.session,
            ProtocolFactory(team=bench.team),
            reviewers=[bench.reviewer, mine.approver],
            submitted=NINE,
        )

    own, everything = told(mine.lead), told(make_administrator())

    assert [one["execution_id"] for one in own["results"]] == [mine.session.public_id]
    assert {one["reviewer_id"] for one in own["reviewer_cadence"]} == {
        mine.reviewer.public_id,
        mine.approver.public_id,
    }
    assert everything["totals"]["preview_count"] == 2
    assert everything["totals"]["reviewer_count"] == 3
    assert told(mine.outsider)["totals"]["preview_count"] == 0
    assert [one["execution_id"] for one in told(mine.lead, "?view=full&limit=1")["results"]] == [mine.session.public_id]
    reviewers = told(mine.lead, "?view=reviewer")
    assert set(reviewers) == {"reviewers", "totals"}
    assert reviewers["totals"]["load_band_counts"] == {"light": 2, "steady": 0, "saturated": 0}


def test_one_session_is_for_those_of_its_team() -> None:
    bench, visitor = make_bench(), make_member(make_team("Another"))
    record_preview(bench.session, (0, None, ()))
    named = f"?execution_id={bench.session.public_id}"

    assert told(bench.lead, named)["totals"]["preview_count"] == 1
    assert told(visitor, named, status=404)["code"] == "not_found"
    bench.session.crew.add(visitor)
    assert told(visitor, named, status=403)["code"] == "outside_your_teams"
    assert told(visitor)["results"] == []


@pytest.mark.parametrize("query", ["?limit=0", "?limit=1001", "?limit=x", "?view=all", "?fresh=maybe"])
@pytest.mark.sqlite_only
def test_a_query_that_means_nothing_is_refused(query: str) -> None:
    assert told(make_administrator(), query, status=422)["errors"][0]["pointer"].startswith("?")


def test_only_administrators_ask_for_fresh_numbers() -> None:
    bench, administrator = make_bench(), make_administrator()
    assert told(administrator)["totals"]["preview_count"] == 0
    record_preview(bench.session, (0, None, ()))  # in a transaction that is not committed: nothing was dropped

    assert told(administrator)["totals"]["preview_count"] == 0
    assert told(administrator, "?fresh=1")["totals"]["preview_count"] == 1
    assert told(administrator)["totals"]["preview_count"] == 1
    assert told(bench.lead, "?fresh=1", status=403)["code"] == "administrators_only"


# -- one pass ---------------------------------------------------------------------------------------------------------


def tables_read(scope: Scope) -> Counter[str]:
    """Return how often each table was the subject of a query."""
    with CaptureQueriesContext(connection) as queries:
        compute(scope, at=NINE)
    return Counter(re.findall(r'FROM "(\w+)"', query["sql"])[-1] for query in queries)


def test_each_table_is_read_once_however_many_sessions_there_are() -> None:
    bench = make_bench()
    protocol = ProtocolFactory(team=bench.team, by=bench.lead)

    def another() -> None:
        session = SessionFactory(team=bench.team, by=bench.lead, with_steps=True)
        record_preview(session, (0, NINE, [0]))
        store_override(session, bench.reviewer, OverrideKind.ESCALATE)
        store_baseline(session, protocol, reviewers=[make_member(bench.team, Role.REVIEWER)], submitted=NINE)
        make_request(Bench(**{**vars(bench), "session": session}))

    another()
    one = tables_read(scope_of(bench.lead))
    another()
    another()
    three = tables_read(scope_of(bench.lead))

    assert one == three
    assert set(one.values()) == {1}
    assert len(one) == 9  # sessions with previews, steps, overrides, baselines × 3, members, people, stages


# -- the cache --------------------------------------------------------------------------------------------------------


def test_numbers_are_kept_and_read_without_the_database() -> None:
    bench = make_bench()
    record_preview(bench.session, (0, None, ()))
    scope = scope_of(bench.lead)
    first = read_analytics(scope, at=NINE)

    with CaptureQueriesContext(connection) as queries:
        second = read_analytics(scope, at=NINE + timedelta(seconds=20))

    assert second == first
    assert not queries.captured_queries


def preview_again(bench: Any) -> None:
    record_preview(bench.session, (0, None, ()))


def move_a_step(bench: Any) -> None:
    advance_step(session=bench.session, index=0, by=bench.runner, at=NINE)


def ask_for_approval(bench: Any) -> None:
    asking = make_bench()
    make_request(Bench(**{**vars(asking), "session": bench.session, "asker": bench.runner}))


def decide(bench: Any) -> None:
    execute_override(bench)


def submit(bench: Any) -> None:
    submit_baseline(session=bench.session, name="Again", reviewers=[bench.spare], by=bench.runner, at=NINE)


def coach(bench: Any) -> None:
    make_coaching_note(execute_override(bench), bench.manager)


@pytest.mark.parametrize("change", [preview_again, move_a_step, ask_for_approval, submit, decide, coach])
def test_a_change_drops_the_numbers_of_the_sessions_concerned_and_of_no_other_team(
    change: Callable[[Any], None], django_capture_on_commit_callbacks: OnCommit
) -> None:
    bench, other = make_override_bench(), make_bench()
    scopes = [
        scope_of(bench.runner),
        scope_of(make_administrator()),
        scope_of(bench.runner, bench.session.public_id),
        scope_of(other.lead),
    ]
    before = [read_analytics(scope, at=NINE) for scope in scopes]

    with django_capture_on_commit_callbacks(execute=True):
        change(bench)

    after = [read_analytics(scope, at=NINE + timedelta(seconds=1)) for scope in scopes]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, False, True]


def test_what_changes_no_number_drops_none(django_capture_on_commit_callbacks: OnCommit) -> None:
    bench = make_override_bench()
    before = read_analytics(scope_of(bench.runner), at=NINE)

    with django_capture_on_commit_callbacks(execute=True):
        write_note(session=bench.session, by=bench.runner, at=NINE, timestamp=NINE, content="Clear")

    assert read_analytics(scope_of(bench.runner), at=NINE + timedelta(seconds=1)) == before


@dataclass(frozen=True)
class Overtaken(Scope):
    """A scope in which somebody previews a session while its numbers are being read."""

    bench: Any = None

    def narrow(self, rows: Any, *, through: str = "") -> Any:
        if through == "request__session":  # the last to be read
            record_preview(self.bench.session, (0, None, ()))
            drop_analytics(session=self.bench.session.pk, team=self.bench.team.pk)
        return super().narrow(rows, through=through)


def test_numbers_that_began_before_a_change_do_not_outlive_it() -> None:
    bench = make_bench()
    scope = scope_of(bench.lead)

    late = json.loads(read_analytics(Overtaken(scope.teams, bench=bench), at=NINE))

    assert late["totals"]["preview_count"] == 0  # what stood when it began
    assert json.loads(read_analytics(scope, at=NINE))["totals"]["preview_count"] == 1


def test_a_stamp_that_the_cache_lost_lets_nothing_older_serve() -> None:
    bench = make_bench()
    scope = scope_of(bench.lead)
    read_analytics(scope, at=NINE)
    record_preview(bench.session, (0, None, ()))
    cache.delete_many([f"governance:analytics:stamp:{name}" for name in ("all", f"team:{bench.team.pk.hex}")])

    assert json.loads(read_analytics(scope, at=NINE))["totals"]["preview_count"] == 1


@pytest.mark.sqlite_only
@override_settings(
    CACHES={"default": {"BACKEND": "biolab.kernel.cache.ForgivingRedis", "LOCATION": "redis://127.0.0.1:1/0"}}
)
def test_without_a_cache_the_numbers_are_computed() -> None:
    bench = make_bench()
    scope = scope_of(bench.lead)
    assert json.loads(read_analytics(scope, at=NINE))["totals"]["preview_count"] == 0
    record_preview(bench.session, (0, None, ()))
    drop_analytics(session=bench.session.pk, team=bench.team.pk)

    assert json.loads(read_analytics(scope, at=NINE))["totals"]["preview_count"] == 1


def test_leaving_a_team_takes_its_numbers_away_at_once() -> None:
    bench = make_bench()
    record_preview(bench.session, (0, None, ()))
    assert told(bench.lead)["totals"]["preview_count"] == 1

    Membership.objects.filter(user=bench.lead).delete()

    assert told(bench.lead)["totals"]["preview_count"] == 0


def test_a_ladder_that_was_withdrawn_stops_being_late() -> None:
    bench = make_bench()
    request = make_request(bench)
    request.withdrawn_at, request.state = NINE + timedelta(hours=25), "withdrawn"
    request.save()

    late = compute(scope_of(bench.lead), at=NINE + timedelta(hours=99))["meta"]["overdue_stage_summary"]

    assert ApprovalStage.objects.filter(request=request, status="in_progress").exists()
    assert (late["total_overdue"], late["open_overdue"]) == (1, 0)  # it was late for an hour
