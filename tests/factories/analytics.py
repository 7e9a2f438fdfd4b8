"""Rows for the numbers of governance: previews on a timeline, baselines and ladders as they came out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from biolab.accounts.models import User
from governance_app.facts.guardrails import PreviewMade
from governance_app.models import BaselineReviewer, GovernanceBaseline, GovernanceBaselineEvent
from governance_app.states import BaselineStatus
from sessions_app import timeline
from sessions_app.models import LabSession, Protocol, TimelineEvent
from tests.factories.sessions import NINE

Predicted = tuple[int, datetime | None, Sequence[int]]


def record_preview(
    session: LabSession, *stages: Predicted, blocked: Sequence[int] = (), at: datetime = NINE, **more: Any
) -> TimelineEvent:
    """Write the summary of a preview; each of ``stages`` is its index, its due time and its steps."""
    wanted: dict[str, Any] = {
        "generated_at": at,
        "snapshot_id": "snap_now",
        "baseline_snapshot_id": "snap_then",
        "stage_count": len(stages),
        "blocked_stage_count": len(blocked),
        "blocked_stage_indexes": list(blocked),
        "override_count": 0,
        "new_blocker_count": 0,
        "resolved_blocker_count": 0,
        "resource_warning_count": 0,
        "delta_projection_minutes": [],
        "stage_predictions": [
            {
                "index": index,
                "status": "blocked" if index in blocked else "ready",
                "projected_due_at": due_at,
                "baseline_projected_due_at": due_at,
                "mapped_step_indexes": list(steps),
                "delta_status": "unchanged",
                "delta_projected_due_minutes": 0,
            }
            for index, due_at, steps in stages
        ],
        **more,
    }
    with transaction.atomic():
        held = LabSession.objects.hold(session.pk)
        return timeline.record(held, PreviewMade(**wanted), by=session.created_by, at=at)


def store_baseline(
    session: LabSession,
    protocol: Protocol,
    *,
    reviewers: Sequence[User],
    submitted: datetime,
    review_h: float | None = None,
    by: User | None = None,
    published: datetime | None = None,
    publisher: User | None = None,
    rolled_back: bool = False,
) -> GovernanceBaseline:
    """Store a baseline as it came out: reviewed ``review_h`` hours after its submission, published, rolled back."""
    number = GovernanceBaseline.objects.filter(protocol=protocol).count() + 1 if published is not None else None
    status = BaselineStatus.PUBLISHED if published is not None else BaselineStatus.SUBMITTED
    if published is None and review_h is not None:
        status = BaselineStatus.APPROVED
    baseline = GovernanceBaseline.objects.create(
        session=session,
        protocol=protocol,
        name="Reference",
        status=BaselineStatus.ROLLED_BACK if rolled_back else status,
        version_number=number,
        content_digest="0" * 64,
        submitted_by=session.created_by,
        submitted_at=submitted,
        reviewed_by=by,
        reviewed_at=submitted + timedelta(hours=review_h) if review_h is not None else None,
        published_by=publisher,
        published_at=published,
        rolled_back_by=publisher if rolled_back else None,
        rolled_back_at=published + timedelta(days=9) if rolled_back and published is not None else None,
        updated_at=submitted,
    )
    BaselineReviewer.objects.bulk_create(
        BaselineReviewer(baseline=baseline, person=person, assigned_by=session.created_by, assigned_at=submitted)
        for person in reviewers
    )
    if rolled_back:
        GovernanceBaselineEvent.objects.create(
            baseline=baseline, action="rolled_back", actor=publisher, created_at=submitted
        )
    return baseline


def store_overload(session: LabSession, protocol: Protocol, reviewer: User) -> None:
    """Store what makes a reviewer saturated and slow: three reviews of five hours, and nine that wait."""
    for _ in range(3):
        store_baseline(session, protocol, reviewers=[reviewer], submitted=NINE, review_h=5, by=reviewer)
    for _ in range(9):
        store_baseline(session, protocol, reviewers=[reviewer], submitted=NINE)
