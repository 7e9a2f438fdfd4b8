"""What the bench of the numbers does, in a process of its own whose settings name the bench's database."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from rest_framework.test import APIClient

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Role
from governance_app.analytics.read import compute, read_analytics, scope_of
from governance_app.models import (
    ApprovalRequest,
    ApprovalStage,
    BaselineReviewer,
    GovernanceBaseline,
)
from governance_app.states import BaselineStatus, StageStatus
from sessions_app.models import LabSession, Step
from sessions_app.states import SessionStatus, StepStatus
from tests.bench.table import Table
from tests.factories.governance import make_administrator
from tests.factories.sessions import ProtocolFactory, make_member, make_team

SIZES = (1_000, 10_000)
EVENTS = 100
"""Of each session; two of them are previews."""
STEPS = 8
TEAMS = 20
RUNS = 5
CACHED_RUNS = 200
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

PLAIN = """
INSERT INTO sessions_app_timelineevent (id, session_id, sequence, kind, actor_id, occurred_at, created_at, prev_hash,
    hash, canonical, key)
SELECT gen_random_uuid(), s.id, n, 'note.created', %(by)s::uuid, %(now)s::timestamptz, %(now)s::timestamptz,
    repeat('0', 64), repeat('0', 64), '{"payload":{"content":"' || repeat('Foam at the sparger. ', 20) || '"}}', ''
FROM sessions_app_labsession s, generate_series(1, %(events)s::int) n
WHERE s.id = ANY(%(sessions)s::uuid[]) AND n NOT IN (40, 80)
"""
PREVIEWS = """
INSERT INTO sessions_app_timelineevent (id, session_id, sequence, kind, actor_id, occurred_at, created_at, prev_hash,
    hash, canonical, key)
SELECT gen_random_uuid(), s.id, n, 'governance.preview.summary', %(by)s::uuid, %(now)s::timestamptz,
    %(now)s::timestamptz, repeat('0', 64), repeat('0', 64), %(preview)s, ''
FROM sessions_app_labsession s, unnest(ARRAY[40, 80]) n
WHERE s.id = ANY(%(sessions)s::uuid[])
"""


def main() -> None:
    """Print the table as one line of JSON."""
    call_command("migrate", verbosity=0)
    house = House.build()
    rows: list[tuple[str | float | None, ...]] = []
    for size in SIZES:
        house.fill(size)
        rows.append((f"{size:,} sessions, {size * EVENTS:,} events", *house.measured()))
    small, large = rows[0][1:], rows[1][1:]
    ratios = [after / before if _figure(before) and _figure(after) else None for before, after in zip(small, large)]  # type: ignore[operator]  # noqa: B905
    rows += [("ratio", *ratios), ("target at 10,000", 1500.0, None, None, None, 5.0, None, None, None)]
    columns = (
        "cold ms",
        "cold cpu ms",
        "one team ms",
        "one session ms",
        "cached ms",
        "cached p95 ms",
        "a request ms",
        "answer kB",
    )
    print(json.dumps([asdict(Table("governance analytics, PostgreSQL", columns, rows))]))


def _figure(value: object) -> bool:
    return isinstance(value, float) and value > 0


@dataclass
class House:
    """Teams, their reviewers and an administrator, to whose sessions more are added."""

    teams: list[Team]
    people: list[User]
    administrator: User
    member: User
    protocol: Any
    filled: int = 0

    @classmethod
    def build(cls) -> House:
        """Return a house without sessions."""
        teams = [make_team(f"Team {number}") for number in range(TEAMS)]
        people = [make_member(team, Role.REVIEWER) for team in teams for _ in range(5)]
        member = make_member(teams[0], Role.LEAD)
        return cls(teams, people, make_administrator(), member, ProtocolFactory(team=teams[0], by=member))

    def fill(self, size: int) -> None:
        """Add sessions until there are ``size``, each with all that the numbers are made of."""
        sessions = LabSession.objects.bulk_create(
            LabSession(
                team=self.teams[number % TEAMS],
                name=f"Run {number}",
                status=SessionStatus.RUNNING,
                created_by=self.member,
                created_at=NOW - timedelta(minutes=number),
                genesis="0" * 64,
                head_sequence=EVENTS,
                head_hash="0" * 64,
            )
            for number in range(self.filled, size)
        )
        values = {
            "sessions": [session.pk for session in sessions],
            "by": self.member.pk,
            "now": NOW,
            "events": EVENTS,
            "preview": json.dumps({"id": "ev_bench", "payload": _preview()}),
        }
        with connection.cursor() as cursor:
            for statement in (PLAIN, PREVIEWS):
                cursor.execute(statement, {name: value for name, value in values.items() if f"%({name})s" in statement})
        Step.objects.bulk_create(
            (
                Step(
                    session=session,
                    index=index,
                    instruction="Fill the vessel",
                    status=StepStatus.COMPLETED,
                    completed_at=NOW + timedelta(minutes=20 * index),
                )
                for session in sessions
                for index in range(STEPS)
            ),
            batch_size=4000,
        )
        self._propose(sessions)
        self._ask(sessions)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        self.filled = size

    def _propose(self, sessions: Sequence[LabSession]) -> None:
        """Store a reviewed baseline of each session."""
        named = [self.people[place % len(self.people)] for place in range(len(sessions))]
        baselines = GovernanceBaseline.objects.bulk_create(
            GovernanceBaseline(
                session=session,
                protocol=self.protocol,
                name="Reference",
                status=BaselineStatus.APPROVED,
                content_digest="0" * 64,
                submitted_by=self.member,
                submitted_at=NOW,
                reviewed_by=person,
                reviewed_at=NOW + timedelta(hours=3),
                updated_at=NOW,
            )
            for session, person in zip(sessions, named, strict=True)
        )
        BaselineReviewer.objects.bulk_create(
            BaselineReviewer(baseline=baseline, person=person, assigned_by=self.member, assigned_at=NOW)
            for baseline, person in zip(baselines, named, strict=True)
        )

    def _ask(self, sessions: Sequence[LabSession]) -> None:
        """Store a ladder of three stages for each session; every tenth is late at its second."""
        requests = ApprovalRequest.objects.bulk_create(
            ApprovalRequest(
                session=session,
                subject_prefix="narrative_export",
                subject_key="export_id",
                subject_id=f"exp_{session.pk.hex}",
                subject_digest="0" * 64,
                content_digest="0" * 64,
                asked_by=self.member,
                asked_at=NOW,
            )
            for session in sessions
        )
        statuses = (StageStatus.APPROVED, StageStatus.IN_PROGRESS, StageStatus.PENDING)
        ApprovalStage.objects.bulk_create(
            (
                ApprovalStage(
                    request=request,
                    sequence_index=index + 1,
                    name="Review",
                    required_role=Role.REVIEWER,
                    status=status,
                    started_at=NOW if index < 2 else None,
                    due_at=NOW + timedelta(hours=-5 if index and place % 10 == 0 else 24) if index < 2 else None,
                    completed_at=NOW + timedelta(hours=5) if index == 0 else None,
                )
                for place, request in enumerate(requests)
                for index, status in enumerate(statuses)
            ),
            batch_size=4000,
        )

    def measured(self) -> list[float | None]:
        """Return the figures of one row: medians in milliseconds, and the size of the answer."""
        everybody, team = scope_of(self.administrator), scope_of(self.member)
        newest = LabSession.objects.order_by("-created_at").values_list("pk", flat=True)[0]
        one = scope_of(self.administrator, str(newest))
        cpu: list[float] = []

        def cold() -> None:
            begun = time.process_time()
            compute(everybody, at=NOW)
            cpu.append((time.process_time() - begun) * 1000)

        client = APIClient()
        client.force_authenticate(self.administrator)
        cold_ms = _timed(cold, RUNS)
        cache.clear()
        answer = read_analytics(everybody, at=NOW)
        cached = _timed(lambda: read_analytics(everybody, at=NOW), CACHED_RUNS)
        requests = _timed(lambda: client.get("/api/governance/analytics"), CACHED_RUNS)
        return [
            statistics.median(cold_ms),
            statistics.median(cpu),
            statistics.median(_timed(lambda: compute(team, at=NOW), RUNS)),
            statistics.median(_timed(lambda: compute(one, at=NOW), RUNS)),
            statistics.median(cached),
            statistics.quantiles(cached, n=20)[18],
            statistics.median(requests),
            len(answer) / 1000,
        ]


def _preview() -> dict[str, Any]:
    at = "2026-03-02T09:00:00Z"
    return {
        "generated_at": at,
        "snapshot_id": "snap_bench",
        "baseline_snapshot_id": "snap_bench",
        "stage_count": 4,
        "blocked_stage_count": 1,
        "blocked_stage_indexes": [2],
        "override_count": 1,
        "new_blocker_count": 1,
        "resolved_blocker_count": 0,
        "resource_warning_count": 0,
        "delta_projection_minutes": [0, 0, 60, 0],
        "stage_predictions": [
            {
                "index": index,
                "status": "ready",
                "projected_due_at": f"2026-03-02T{10 + index}:00:00Z",
                "baseline_projected_due_at": f"2026-03-02T{10 + index}:00:00Z",
                "mapped_step_indexes": [2 * index, 2 * index + 1],
                "delta_status": "unchanged",
                "delta_projected_due_minutes": 0,
            }
            for index in range(4)
        ],
    }


def _timed(work: Callable[[], Any], runs: int) -> list[float]:
    """Return the milliseconds of each run."""
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken
