"""What the analytics read: one query of each table, however many sessions there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

import orjson
from django.db.models import Aggregate, F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce

from biolab.accounts.models import Membership, User
from governance_app.analytics.lateness import StageRow
from governance_app.analytics.metrics import BaselineRow, OverrideDone, Prediction, Preview, SessionRows
from governance_app.models import (
    ApprovalStage,
    BaselineReviewer,
    GovernanceBaseline,
    GovernanceBaselineEvent,
    OverrideAction,
)
from governance_app.states import OverrideStatus
from sessions_app.models import LabSession, Step, TimelineEvent
from sessions_app.states import StepStatus

PREVIEW: Final = "governance.preview.summary"
ROLLED_BACK: Final = "rolled_back"
EXPORT_KEY: Final = "export_id"
"""Ladders of exports name their subject by this key."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose numbers are read: all sessions, those of certain teams, or certain sessions of them; None is no limit."""

    teams: tuple[UUID, ...] | None = None
    sessions: tuple[UUID, ...] | None = None

    def narrow(self, rows: QuerySet[Any], *, through: str = "") -> QuerySet[Any]:
        """Return ``rows`` of this scope; ``through`` leads to the session, as ``baseline__session``."""
        if self.sessions is not None:
            rows = rows.filter(**{f"{through}__in" if through else "pk__in": self.sessions})
        if self.teams is not None:
            rows = rows.filter(**{f"{through}__team__in" if through else "team__in": self.teams})
        return rows


class TimesByIndex(Aggregate):
    """Times by their index, in one JSON text for each group: a row of a session instead of one of each step."""

    function = "json_object_agg"
    template = "(%(function)s(%(expressions)s))::text"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(
            compiler, connection, function="json_group_object", template="%(function)s(%(expressions)s)", **extra
        )


def as_text(name: str) -> Cast:
    """Return a time as the database writes it, which ``time_of`` reads several times faster than the driver."""
    return Cast(name, TextField())


def time_of(text: str) -> datetime:
    """Return a time that a database wrote; one without an offset is UTC."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def time_or_none(text: str | None) -> datetime | None:
    """Return ``time_of(text)``, or None where there is none."""
    return None if text is None else time_of(text)


def read_sessions(scope: Scope) -> list[SessionRows]:
    """Return every session of the scope that was previewed, overridden or proposed as a baseline, the newest first."""
    previews = dict(_previews(scope))
    steps = _steps(scope) if any(preview.predictions for preview in previews.values()) else {}
    overrides, baselines = _overrides(scope), _baselines(scope)
    known = previews.keys() | overrides.keys() | baselines.keys()
    return [
        SessionRows(
            session_id=session,
            preview=previews.get(session),
            steps=steps.get(session, {}),
            overrides=overrides.get(session, ()),
            baselines=baselines.get(session, ()),
        )
        for session in sorted(known, key=attrgetter("int"), reverse=True)
    ]


def _previews(scope: Scope) -> Iterator[tuple[UUID, Preview]]:
    latest = TimelineEvent.objects.filter(session=OuterRef("pk"), kind=PREVIEW).order_by("-sequence")
    found = scope.narrow(LabSession.objects.order_by()).annotate(told=Subquery(latest.values("canonical")[:1]))
    for session, told in found.values_list("pk", "told").iterator(chunk_size=2000):
        if told is not None:
            yield session, preview_of(orjson.loads(told))


def preview_of(record: dict[str, Any]) -> Preview:
    """Return what a recorded preview foretold."""
    told = record["payload"]
    return Preview(
        event_id=record["id"],
        generated_at=datetime.fromisoformat(told["generated_at"]),
        snapshot_id=told.get("snapshot_id"),
        baseline_snapshot_id=told.get("baseline_snapshot_id"),
        stage_count=told["stage_count"],
        blocked_stage_count=told["blocked_stage_count"],
        blocked_stage_indexes=tuple(told["blocked_stage_indexes"]),
        override_count=told["override_count"],
        new_blocker_count=told["new_blocker_count"],
        resolved_blocker_count=told["resolved_blocker_count"],
        predictions=tuple(
            Prediction(
                stage_index=one["index"],
                due_at=datetime.fromisoformat(one["projected_due_at"]) if one.get("projected_due_at") else None,
                steps=tuple(one["mapped_step_indexes"]),
            )
            for one in told["stage_predictions"]
        ),
    )


def _steps(scope: Scope) -> dict[UUID, dict[int, datetime]]:
    done = scope.narrow(Step.objects.order_by(), through="session").filter(
        status=StepStatus.COMPLETED, completed_at__isnull=False
    )
    told = done.values_list("session_id").annotate(told=TimesByIndex("index", as_text("completed_at")))
    return {
        session: {int(index): time_of(at) for index, at in orjson.loads(times).items()}
        for session, times in told.iterator(chunk_size=2000)
    }


def _overrides(scope: Scope) -> dict[UUID, list[OverrideDone]]:
    rows = scope.narrow(OverrideAction.objects.order_by("created_at", "pk"), through="session").filter(
        status__in=[OverrideStatus.EXECUTED, OverrideStatus.REVERSED]
    )
    found: dict[UUID, list[OverrideDone]] = defaultdict(list)
    for session, action, status, before, after, metadata, lineage in rows.values_list(
        "session_id", "action", "status", "before", "after", "metadata", "lineage"
    ):
        was, became = set(before.get("reviewer_ids", ())), set(after.get("reviewer_ids", ()))
        minutes = metadata.get("cooldown_minutes")
        executed = OverrideDone(
            action=action,
            reversed=False,
            added=len(became - was),
            removed=len(was - became),
            cooldown_minutes=float(minutes) if isinstance(minutes, int | float) else 0.0,
            scenario_id=_named(lineage, "scenario_id"),
            notebook_entry_id=_named(lineage, "notebook_entry_id"),
        )
        found[session].append(executed)
        if status == OverrideStatus.REVERSED:
            found[session].append(executed.taken_back())
    return found


def _named(lineage: dict[str, Any] | None, name: str) -> str | None:
    value = (lineage or {}).get(name)
    return value if isinstance(value, str) else None


def _baselines(scope: Scope) -> dict[UUID, list[BaselineRow]]:
    named: dict[UUID, list[UUID]] = defaultdict(list)
    reviewers = scope.narrow(BaselineReviewer.objects.order_by(), through="baseline__session")
    for baseline, person in reviewers.values_list("baseline_id", "person_id"):
        named[baseline].append(person)
    rollbacks: dict[UUID, int] = defaultdict(int)
    taken_back = scope.narrow(GovernanceBaselineEvent.objects.order_by(), through="baseline__session")
    for baseline in taken_back.filter(action=ROLLED_BACK).values_list("baseline_id", flat=True):
        rollbacks[baseline] += 1
    rows = scope.narrow(GovernanceBaseline.objects.order_by("submitted_at", "pk"), through="session")
    found: dict[UUID, list[BaselineRow]] = defaultdict(list)
    people = ("reviewed_by_id", "published_by_id")
    times = (as_text("submitted_at"), as_text("reviewed_at"), as_text("published_at"))
    for session, pk, reviewed_by, published_by, submitted, reviewed, published in rows.values_list(
        "session_id", "pk", *people, *times
    ):
        found[session].append(
            BaselineRow(
                id=pk,
                reviewer_ids=tuple(named.get(pk, ())),
                submitted_at=time_of(submitted),
                reviewed_at=time_or_none(reviewed),
                reviewed_by=reviewed_by,
                published_at=time_or_none(published),
                published_by=published_by,
                rollbacks=rollbacks.get(pk, 0),
            )
        )
    return found


def read_stages(scope: Scope, *, shown: Iterable[UUID], now: datetime) -> list[StageRow]:
    """Return the stages of exports' ladders that are or were late, and all of the sessions ``shown``, in order."""
    closed = Coalesce("request__withdrawn_at", "request__decided_at")
    late = Q(due_at__lt=Coalesce(F("completed_at"), closed, Value(now)))
    rows = (
        scope.narrow(ApprovalStage.objects.all(), through="request__session")
        .filter(request__subject_key=EXPORT_KEY)
        .filter(late | Q(request__session__in=list(shown)))
        .order_by("request_id", "sequence_index")
        .values_list(
            "pk",
            "request__subject_id",
            "request__session_id",
            "sequence_index",
            "name",
            "required_role",
            "status",
            "started_at",
            "due_at",
            "completed_at",
            closed,
            "overdue_notified_at",
        )
    )
    return [StageRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Named:
    """Who somebody is."""

    public_id: str
    name: str
    email: str


def read_people(people: Iterable[UUID]) -> dict[UUID, Named]:
    """Return who these people are."""
    return {
        person.pk: Named(person.public_id, person.printed_name, person.email)
        for person in User.objects.filter(pk__in=list(people)).only("pk", "full_name", "username", "email")
    }


def members_of(teams: Iterable[UUID]) -> frozenset[UUID]:
    """Return the people in these teams."""
    return frozenset(Membership.objects.filter(team__in=list(teams)).values_list("user_id", flat=True))
