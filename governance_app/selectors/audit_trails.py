"""Which events of a session nobody has reviewed yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from governance_app.facts.approvals import AuditReviewed
from governance_app.models import AuditReview
from governance_app.rules.intervals import Range, uncovered
from sessions_app.models import LabSession, TimelineEvent


def unreviewed(sessions: Iterable[LabSession]) -> dict[UUID, list[Range]]:
    """Return the unreviewed runs of each session's events, by its key, in two queries.

    The event by which a review tells of itself needs no review.
    """
    sessions = list(sessions)
    covered: dict[UUID, list[Range]] = defaultdict(list)
    reviews = AuditReview.objects.filter(session__in=sessions)
    for key, first, last in reviews.values_list("session_id", "first_sequence", "last_sequence"):
        covered[key].append((first, last))
    told = TimelineEvent.objects.filter(session__in=sessions, kind=AuditReviewed.kind)
    for key, sequence in told.values_list("session_id", "sequence"):
        covered[key].append((sequence, sequence))
    return {session.pk: uncovered(session.head_sequence, covered[session.pk]) for session in sessions}


def unreviewed_of(session: LabSession) -> list[Range]:
    """Return the unreviewed runs of one session's events."""
    return unreviewed([session])[session.pk]
