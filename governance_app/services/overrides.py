"""Overrides: recommendations accepted, declined or executed, and what was executed taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from biolab.accounts.models import User
from biolab.kernel.canonical import canonical, sha256
from biolab.kernel.errors import Conflict, Invalid
from biolab.kernel.times import iso
from governance_app.errors import CoolingDown, OverrideStands
from governance_app.facts.overrides import OverrideActed
from governance_app.models import GovernanceBaseline, OverrideAction, OverrideReversal
from governance_app.policies.approvals import require_override_right
from governance_app.rules.blueprint import check_json
from governance_app.rules.tiers import Tier
from governance_app.selectors.recommended import Recommended
from governance_app.services.override_effects import execute, reviewers_now, take_back
from governance_app.states import OVERRIDE_MACHINE, REVERSE_OVERRIDE, OverrideKind, OverrideStatus
from sessions_app import timeline
from sessions_app.models import LabSession
from sessions_app.wording import exact, invalid, storable

LONGEST_NOTES: Final = 10_000
LONGEST_COOLDOWN_MINUTES: Final = 366 * 24 * 60


@transaction.atomic
def decide_override(
    *,
    session: LabSession,
    recommended: Recommended,
    decision: OverrideStatus,
    action: OverrideKind,
    by: User,
    at: datetime,
    baseline: GovernanceBaseline | None = None,
    target_reviewer: User | None = None,
    notes: str = "",
    metadata: Mapping[str, Any] | None = None,
    lineage: Mapping[str, Any] | None = None,
) -> OverrideAction:
    """Accept, decline or execute a recommendation and return the row; the same decision again is the same row.

    Args:
        metadata: ``cooldown_minutes`` of an execution is the window in which it cannot be taken back.
        lineage: where the decision comes from; kept as given.

    Raises:
        Forbidden: the person's tier does not reach this action.
        Conflict: one was executed and stands, or the recommendation is cooling down after a reversal.
        Invalid: a reassignment without baseline and target, or values that cannot be kept.
    """
    session = LabSession.objects.hold(session.pk)
    earlier = OverrideAction.objects.filter(session=session, recommendation_id=recommended.id).select_related("session")
    content = {
        "execution_id": session.public_id,
        "recommendation_id": recommended.id,
        "action": str(action),
        "status": str(decision),
        "baseline_id": baseline.public_id if baseline is not None else None,
        "target_reviewer_id": target_reviewer.public_id if target_reviewer is not None else None,
        "actor_id": by.public_id,
        "notes": _checked_notes(notes),
        "metadata": exact(metadata or {}, pointer="/metadata"),
        "lineage": exact(lineage, pointer="/lineage") if lineage is not None else None,
    }
    mine = list(earlier.filter(actor=by).order_by("created_at", "id"))
    if mine and mine[-1].status != OverrideStatus.REVERSED and mine[-1].content_hash == _hash(content, len(mine) - 1):
        return mine[-1]
    _require_open(earlier, decision=decision, at=at)
    require_override_right(by, session, action, actor=None, target=None)
    window = minutes_of(metadata or {})
    if action is OverrideKind.REASSIGN and (baseline is None or target_reviewer is None):
        needed = {"baseline_id": baseline, "target_reviewer_id": target_reviewer}
        missing = [name for name, value in needed.items() if value is None]
        detail = "A reassignment names the baseline and the reviewer who is to review it."
        raise Invalid(detail, errors=[{"pointer": f"/{name}", "detail": "Needed to reassign."} for name in missing])
    row = OverrideAction(
        session=session,
        recommendation_id=recommended.id,
        rule=recommended.rule,
        reviewer=recommended.reviewer,
        action=action,
        status=decision,
        baseline=baseline,
        target_reviewer=target_reviewer,
        actor=by,
        notes=notes,
        metadata=content["metadata"],
        lineage=content["lineage"],
        content_hash=_hash(content, len(mine)),
        created_at=at,
        updated_at=at,
    )
    if decision == OverrideStatus.EXECUTED:
        execute(row, window=window, at=at)
    row.save(force_insert=True)
    timeline.record(session, _fact(row, by=by, diffs=_diffs(row.before, row.after)), by=by, at=at)
    return row


@transaction.atomic
def reverse_override(
    *,
    session: LabSession,
    recommended: Recommended,
    by: User,
    at: datetime,
    notes: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> OverrideAction:
    """Take back what was executed, keep what that changed, and return the row.

    Args:
        metadata: ``cooldown_minutes`` is the window in which the recommendation cannot be executed again.

    Raises:
        Conflict: nothing executed stands, it cannot be taken back, or its window is still open.
        Forbidden: the person's tier does not reach this action.
        Invalid: values that cannot be kept.
    """
    session = LabSession.objects.hold(session.pk)
    of_it = OverrideAction.objects.filter(session=session, recommendation_id=recommended.id)
    row = of_it.standing().select_related("session", "baseline", "reviewer", "target_reviewer", "actor").first()
    if row is None:
        raise Conflict("Nothing that was executed stands here, so there is nothing to take back.", code="not_executed")
    if not row.reversible:
        raise Conflict("It changed nothing that could be taken back.", code="not_reversible")
    if row.is_cooling(at):
        raise _cooling(row, "It cannot be taken back before its window is over.")
    tier = require_override_right(
        by, session, OverrideKind(row.action), actor=row.actor, target=row.target_reviewer or row.reviewer
    )
    notes, extra = _checked_notes(notes), exact(metadata or {}, pointer="/metadata")
    window = minutes_of(extra)
    was = {"status": row.status, **row.after, **_window(row)}
    OVERRIDE_MACHINE.make(REVERSE_OVERRIDE, row)
    take_back(row, by=by, at=at, notes=notes)
    row.reversible, row.updated_at = False, at
    row.cooldown_window_minutes = window
    row.cooldown_expires_at = at + timedelta(minutes=window) if window else None
    row.save(update_fields=["status", "reversible", "updated_at", "cooldown_window_minutes", "cooldown_expires_at"])
    diffs = _diffs(was, {"status": row.status, **reviewers_now(row), **_window(row)})
    OverrideReversal.objects.create(
        override=row,
        actor=by,
        actor_name=by.printed_name,
        standing=tier.told,
        rank=int(tier),
        notes=notes,
        metadata=extra,
        diffs=diffs,
        cooldown_minutes=window,
        created_at=at,
    )
    timeline.record(session, _fact(row, by=by, diffs=diffs, tier=tier, notes=notes, meta=extra), by=by, at=at)
    return row


def minutes_of(metadata: Mapping[str, Any]) -> int | None:
    """Return ``cooldown_minutes``; None where there is none.

    Raises:
        Invalid: it is no whole number of minutes from 1 to a year.
    """
    minutes = metadata.get("cooldown_minutes")
    if minutes is None:
        return None
    if isinstance(minutes, float) and minutes.is_integer():
        minutes = int(minutes)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 0 <= minutes <= LONGEST_COOLDOWN_MINUTES:
        raise invalid("/metadata/cooldown_minutes", "Give whole minutes, at most those of a year.")
    return minutes or None


def _require_open(earlier: Any, *, decision: OverrideStatus, at: datetime) -> None:
    standing = earlier.standing().first()
    if standing is not None:
        raise OverrideStands("This recommendation was executed; take that back first.", override_id=standing.public_id)
    if decision == OverrideStatus.EXECUTED:
        reversed_ = earlier.filter(status=OverrideStatus.REVERSED, cooldown_expires_at__gt=at).first()
        if reversed_ is not None:
            raise _cooling(reversed_, "It was taken back and cannot be executed again before its window is over.")


def _cooling(row: OverrideAction, sentence: str) -> CoolingDown:
    assert row.cooldown_expires_at is not None  # noqa: S101  asked by the caller
    return CoolingDown(sentence, cooldown_expires_at=iso(row.cooldown_expires_at), override_id=row.public_id)


def _window(row: OverrideAction) -> dict[str, Any]:
    expires = row.cooldown_expires_at
    return {
        "cooldown_window_minutes": row.cooldown_window_minutes,
        "cooldown_expires_at": iso(expires) if expires is not None else None,
    }


def _diffs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"field": name, "before": before.get(name), "after": after.get(name)}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _hash(content: Mapping[str, Any], turn: int) -> str:
    """Return the digest of a decision: of all that was sent, and of how many the person took before it."""
    return sha256(canonical({**content, "turn": turn}))


def _checked_notes(notes: str) -> str:
    if len(notes) > LONGEST_NOTES:
        raise invalid("/notes", f"Notes hold at most {LONGEST_NOTES} characters.")
    check_json(notes, "/notes")
    return storable(notes, pointer="/notes")


def _fact(
    row: OverrideAction,
    *,
    by: User,
    diffs: list[dict[str, Any]],
    tier: Tier | None = None,
    notes: str | None = None,
    meta: Mapping[str, Any] | None = None,
) -> OverrideActed:
    return OverrideActed(
        override_id=row.public_id,
        recommendation_id=row.recommendation_id,
        rule=row.rule,
        reviewer_id=row.reviewer.public_id,
        action=row.action,
        status=row.status,
        baseline_id=row.baseline.public_id if row.baseline is not None else None,
        target_reviewer_id=row.target_reviewer.public_id if row.target_reviewer is not None else None,
        actor_id=by.public_id,
        reversible=row.reversible,
        notes=row.notes if notes is None else notes,
        meta=row.metadata if meta is None else meta,
        lineage=row.lineage,
        diffs=tuple(diffs),
        cooldown_window_minutes=row.cooldown_window_minutes,
        cooldown_expires_at=row.cooldown_expires_at,
        tier=tier.told if tier is not None else None,
    )
