"""Who reviews a baseline, as overrides change it; whether the person may is asked where the override is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from biolab.accounts.models import User
from biolab.kernel.errors import Conflict, Missing
from governance_app.facts.baselines import PREFIX, BaselineCooledDown, BaselineReassigned
from governance_app.models import BaselineReviewer, GovernanceBaseline, GovernanceBaselineEvent
from governance_app.services import baseline_notices as notices
from governance_app.services.baseline_parts import hold_baseline, named, require_reviewer, write_event
from governance_app.states import NUMBERED_BASELINES

OVERRIDES: Final = {fact.kind.removeprefix(PREFIX): fact for fact in (BaselineCooledDown,)}


@transaction.atomic
def add_reviewer(
    *,
    baseline: GovernanceBaseline,
    person: User,
    by: User,
    at: datetime,
    notes: str = "",
    detail: Mapping[str, Any] | None = None,
) -> GovernanceBaselineEvent:
    """Ask one more person to review an open baseline and return the entry that says so.

    Args:
        detail: what the entry says about the override that asked for it.

    Raises:
        Conflict: the baseline is published or rolled back, or the person reviews it already.
        Invalid: the person could not decide on it.
    """
    baseline = _hold_open(baseline)
    require_reviewer(person, baseline.session, submitted_by=baseline.submitted_by, pointer="/target_reviewer_id")
    if baseline.reviewer_rows.filter(person=person).exists():
        raise Conflict(f"{person} reviews this baseline already.", code="already_a_reviewer")
    BaselineReviewer.objects.create(baseline=baseline, person=person, assigned_by=by, assigned_at=at)
    notices.ask_reviewers(baseline, [person], by=by, at=at)
    fact = BaselineReassigned(
        **named(baseline), notes=notes, added_reviewer_ids=(person.public_id,), override=detail or {}
    )
    return write_event(baseline, fact, by=by, at=at)


@transaction.atomic
def remove_reviewer(
    *,
    baseline: GovernanceBaseline,
    person: User,
    by: User,
    at: datetime,
    notes: str = "",
    detail: Mapping[str, Any] | None = None,
) -> GovernanceBaselineEvent:
    """Take a person off the reviewers of an open baseline and return the entry that says so.

    Raises:
        Conflict: the baseline is published or rolled back.
        Missing: the person does not review it.
    """
    baseline = _hold_open(baseline)
    if not baseline.reviewer_rows.filter(person=person).delete()[0]:
        raise Missing(f"{person} does not review this baseline.", code="not_a_reviewer")
    fact = BaselineReassigned(
        **named(baseline), notes=notes, removed_reviewer_ids=(person.public_id,), override=detail or {}
    )
    return write_event(baseline, fact, by=by, at=at)


@transaction.atomic
def write_baseline_event(
    baseline: GovernanceBaseline, action: str, *, by: User, at: datetime, notes: str = "", **detail: Any
) -> GovernanceBaselineEvent:
    """Write what an override did besides changing reviewers into a baseline's history, and return the entry.

    Args:
        action: one of ``OVERRIDES``.
        detail: what the entry says about the override.
    """
    baseline = hold_baseline(baseline)
    fact = OVERRIDES[action](**named(baseline), notes=notes, override=detail)
    return write_event(baseline, fact, by=by, at=at)


def _hold_open(baseline: GovernanceBaseline) -> GovernanceBaseline:
    baseline = hold_baseline(baseline)
    if baseline.status in NUMBERED_BASELINES:
        status = baseline.get_status_display().lower()
        raise Conflict(f"{baseline} is {status}; nobody reviews it any more.", code="baseline_decided")
    return baseline
