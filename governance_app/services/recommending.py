"""Advice on reviewers: read from the numbers, and told on the timeline of a session it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import Max

from biolab.accounts.models import User
from biolab.kernel.ids import parse_id
from governance_app.analytics.read import read_analytics, scope_of
from governance_app.facts.recommendations import OverrideRecommended
from governance_app.rules.recommendations import Recommendation, recommend
from sessions_app import timeline
from sessions_app.models import LabSession, TimelineEvent

GOVERNANCE: Final = "governance."


@dataclass(frozen=True, slots=True)
class Told:
    """Advice, where it was told and when first."""

    advice: Recommendation
    executions: tuple[str, ...]
    triggered_at: datetime


def recommendations_for(*, person: User, execution_id: str | None, at: datetime, limit: int) -> list[Told]:
    """Return what the rules advise in the person's scope, or in one session of it.

    Each is told once on the timeline of the session, or of the newest one of the reviewer's, and again only when
    something of governance has happened there since.

    Raises:
        Missing, Forbidden: the session is not one whose numbers the person is told.
    """
    scope = scope_of(person, execution_id)
    advice = recommend(orjson.loads(read_analytics(scope, at=at, view="reviewer"))["reviewers"])[:limit]
    placed = [(one, parse_id(one.related_execution_ids[0], LabSession.id_prefix)) for one in advice]
    return tell_recommendations([(one, session) for one, session in placed if session is not None], at=at)


def tell_recommendations(placed: Sequence[tuple[Recommendation, UUID]], *, at: datetime) -> list[Told]:
    """Write each recommendation on its session's timeline unless it stands there, and return when it was told."""
    sessions = {session for _, session in placed}
    heads = dict(
        TimelineEvent.objects.filter(session__in=sessions, kind__startswith=GOVERNANCE)
        .exclude(kind=OverrideRecommended.kind)
        .order_by()
        .values_list("session_id")
        .annotate(Max("sequence"))
    )
    keyed = [(one, session, f"recommended:{one.recommendation_id}:{heads.get(session, 0)}") for one, session in placed]
    written = {
        (session, key): told_at
        for session, key, told_at in TimelineEvent.objects.filter(
            session__in=sessions, key__in=[key for _, _, key in keyed]
        ).values_list("session_id", "key", "occurred_at")
    }
    return [
        Told(one, one.related_execution_ids, written.get((session, key)) or _tell(one, session, key, at=at))
        for one, session, key in keyed
    ]


@transaction.atomic
def _tell(advice: Recommendation, session_id: UUID, key: str, *, at: datetime) -> datetime:
    session = LabSession.objects.hold(session_id)
    fact = OverrideRecommended(
        recommendation_id=advice.recommendation_id,
        rule_key=advice.rule,
        action=advice.action,
        priority=advice.priority,
        reviewer_id=advice.reviewer_id,
        reviewer_name=advice.reviewer_name,
        summary=advice.summary,
        detail=advice.detail,
        metrics=advice.metrics,
    )
    return timeline.record(session, fact, by=None, at=at, key=key).occurred_at
