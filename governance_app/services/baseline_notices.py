"""Who is told what about a baseline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from biolab.accounts.models import User
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category, Priority
from governance_app.models import GovernanceBaseline


def page_of(baseline: GovernanceBaseline) -> str:
    """Return the address of the baseline's page."""
    return f"/baselines/{baseline.public_id}"


def ask_reviewers(baseline: GovernanceBaseline, people: Iterable[User], *, by: User, at: datetime) -> None:
    """Tell those who are to review it."""
    _tell(
        baseline,
        people,
        f"To review: {baseline.name}",
        f"{by.printed_name} proposes the session “{baseline.session.name}” as the baseline of "
        f"“{baseline.protocol.title}”.",
        by=by,
        at=at,
        priority=Priority.HIGH,
    )


def tell_decided(baseline: GovernanceBaseline, *, by: User, at: datetime) -> None:
    """Tell who proposed it how the review ended."""
    message = f"By {by.printed_name}. {baseline.review_notes}".strip()
    title = f"Baseline {baseline.get_status_display().lower()}: {baseline.name}"
    _tell(baseline, [baseline.submitted_by], title, message, by=by, at=at)


def tell_published(baseline: GovernanceBaseline, *, by: User, at: datetime) -> None:
    """Tell who proposed and who reviewed it that their protocol is held to it now."""
    message = f"It is version {baseline.version_number} of the baseline of “{baseline.protocol.title}”."
    _tell(baseline, _concerned(baseline), f"Baseline published: {baseline.name}", message, by=by, at=at)


def tell_rolled_back(baseline: GovernanceBaseline, *, by: User, at: datetime) -> None:
    """Tell who proposed and who reviewed it that it no longer holds, and why."""
    _tell(
        baseline,
        _concerned(baseline),
        f"Baseline rolled back: {baseline.name}",
        f"By {by.printed_name}: {baseline.rollback_notes}",
        by=by,
        at=at,
        priority=Priority.HIGH,
    )


def _concerned(baseline: GovernanceBaseline) -> list[User]:
    return [baseline.submitted_by, *(row.person for row in baseline.reviewer_rows.select_related("person"))]


def _tell(
    baseline: GovernanceBaseline,
    people: Iterable[User],
    title: str,
    message: str,
    *,
    by: User,
    at: datetime,
    priority: Priority = Priority.MEDIUM,
) -> None:
    notify(
        [person for person in people if person.pk != by.pk],
        title=title,
        message=message,
        category=Category.COMPLIANCE,
        priority=priority,
        action_url=page_of(baseline),
        meta={"baseline_id": baseline.public_id, "execution_id": baseline.session.public_id},
        at=at,
    )
