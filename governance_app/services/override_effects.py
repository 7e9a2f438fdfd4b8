"""What an override does once it is executed, and how that is undone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from biolab.accounts.models import User
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category, Priority
from governance_app.models import OverrideAction
from governance_app.selectors.approvals import people_to_escalate_to
from governance_app.services.baseline_reviewers import add_reviewer, remove_reviewer, write_baseline_event
from governance_app.states import OverrideKind

TOLD: Final = {
    OverrideKind.COOLDOWN: "You are asked to pause reviewing for a while",
    OverrideKind.REASSIGN: "Reviews are shared out differently",
    OverrideKind.ESCALATE: "A blocked run was escalated",
}


def execute(row: OverrideAction, *, window: int | None, at: datetime) -> None:
    """Do what the override says and note what that changed; whoever it concerns is told."""
    row.reversible = True
    if window is not None:
        row.cooldown_window_minutes, row.cooldown_expires_at = window, at + timedelta(minutes=window)
    if row.action == OverrideKind.REASSIGN and row.baseline is not None and row.target_reviewer is not None:
        row.before = reviewers_now(row)
        already = row.target_reviewer.public_id in row.before["reviewer_ids"]
        if not already:
            detail = {"override_id": row.public_id, "recommendation_id": row.recommendation_id}
            add_reviewer(
                baseline=row.baseline, person=row.target_reviewer, by=row.actor, at=at, notes=row.notes, detail=detail
            )
        row.after = reviewers_now(row)
        row.reversible = not already
        told = [row.target_reviewer]
    elif row.action == OverrideKind.COOLDOWN:
        if row.baseline is not None:
            write_baseline_event(
                row.baseline,
                "override_cooldown",
                by=row.actor,
                at=at,
                notes=row.notes,
                override_id=row.public_id,
                cooldown_minutes=window,
            )
        told = [row.target_reviewer or row.reviewer]
    else:
        told = list(people_to_escalate_to(row.session))
    action = OverrideKind(row.action)
    notify(
        [person for person in told if person.pk != row.actor_id],
        title=TOLD[action],
        message=f"{row.actor} in “{row.session}”: {row.notes}" if row.notes else f"By {row.actor} in “{row.session}”.",
        category=Category.COMPLIANCE,
        priority=Priority.HIGH if action is OverrideKind.ESCALATE else Priority.MEDIUM,
        action_url=f"/sessions/{row.session.public_id}/decisions",
        meta={"execution_id": row.session.public_id, "override_id": row.public_id},
        at=at,
    )


def take_back(row: OverrideAction, *, by: User, at: datetime, notes: str) -> None:
    """Undo what the override did, as far as there is something left to undo."""
    if row.action == OverrideKind.REASSIGN and row.baseline is not None and row.target_reviewer is not None:
        if row.target_reviewer.public_id not in reviewers_now(row)["reviewer_ids"]:
            return
        detail = {"override_id": row.public_id, "recommendation_id": row.recommendation_id, "reversed": True}
        remove_reviewer(baseline=row.baseline, person=row.target_reviewer, by=by, at=at, notes=notes, detail=detail)
    elif row.action == OverrideKind.COOLDOWN and row.baseline is not None:
        write_baseline_event(
            row.baseline, "override_cooldown", by=by, at=at, notes=notes, override_id=row.public_id, reversed=True
        )


def reviewers_now(row: OverrideAction) -> dict[str, Any]:
    """Return who reviews the baseline of a reassignment; nothing for any other override."""
    if row.action != OverrideKind.REASSIGN or row.baseline is None:
        return {}
    people = User.objects.filter(baseline_reviews__baseline=row.baseline).order_by("pk")
    return {"reviewer_ids": [person.public_id for person in people]}
