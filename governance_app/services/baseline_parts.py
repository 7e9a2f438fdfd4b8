"""What every service on baselines is made of: the lock, the checks, and the pen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog

from biolab.accounts.models import User
from biolab.kernel.errors import Invalid
from governance_app.errors import BaselineDrifted
from governance_app.facts.baselines import BaselineFact
from governance_app.models import GovernanceBaseline, GovernanceBaselineEvent
from governance_app.policies.baselines import could_review
from governance_app.rules.blueprint import check_json
from sessions_app import timeline
from sessions_app.models import LabSession

log = structlog.get_logger(__name__)
LONGEST_TEXT: Final = 10_000
MOST_LABELS: Final = 50
LONGEST_KEY: Final = 100
LONGEST_VALUE: Final = 200


def hold_baseline(baseline: GovernanceBaseline) -> GovernanceBaseline:
    """Return the row as it is now, its session locked until the transaction ends."""
    session = LabSession.objects.hold(baseline.session_id)
    held = GovernanceBaseline.objects.select_related("protocol", "submitted_by").get(pk=baseline.pk)
    held.session = session
    return held


def named(baseline: GovernanceBaseline) -> dict[str, Any]:
    """Return how facts name a baseline."""
    return {"baseline_id": baseline.public_id, "name": baseline.name}


def write_event(
    baseline: GovernanceBaseline, fact: BaselineFact, *, by: User | None, at: datetime
) -> GovernanceBaselineEvent:
    """Write what happened into the baseline's own history and on its session's timeline; the last thing a service does.

    The caller holds the session.
    """
    event = GovernanceBaselineEvent.objects.create(
        baseline=baseline, action=fact.action, actor=by, notes=fact.notes, detail=fact.detail, created_at=at
    )
    timeline.record(baseline.session, fact, by=by, at=at)
    return event


def require_reviewer(person: User, session: LabSession, *, submitted_by: User, pointer: str) -> None:
    """Refuse a reviewer who could not decide on the baseline.

    Raises:
        Invalid: who proposed it, or neither of the session's team nor an administrator.
    """
    if person.pk == submitted_by.pk:
        raise invalid(pointer, "Whoever proposes a baseline does not review it.", code="own_baseline")
    if not could_review(person, session):
        raise invalid(pointer, f"{person} could not review it: not of the session's team.", code="cannot_review")


def refuse_drift(baseline: GovernanceBaseline) -> None:
    """Refuse a baseline whose frozen text was changed behind our back.

    Raises:
        BaselineDrifted: it was; told to the log as well.
    """
    if baseline.has_drifted:
        log.error("baseline drifted", baseline=baseline.public_id)
        raise BaselineDrifted(
            f"What was frozen of {baseline} no longer matches its digest. Tell an administrator.",
            baseline_id=baseline.public_id,
        )


def check_text(pointer: str, text: str) -> None:
    """Refuse text that is too long, or that no record can carry.

    Raises:
        Invalid: as said.
    """
    if len(text) > LONGEST_TEXT or "\x00" in text:
        raise invalid(pointer, f"Give at most {LONGEST_TEXT} characters.")
    check_json(text, pointer)


def check_labels(labels: Sequence[Mapping[str, str]]) -> None:
    """Refuse labels that are too many, too long, or without a key.

    Raises:
        Invalid: as said.
    """
    if len(labels) > MOST_LABELS:
        raise invalid("/labels", f"Give at most {MOST_LABELS} labels.")
    for place, label in enumerate(labels):
        if not 0 < len(label["key"]) <= LONGEST_KEY:
            raise invalid(f"/labels/{place}/key", f"A label's key has 1 to {LONGEST_KEY} characters.")
        if len(label["value"]) > LONGEST_VALUE:
            raise invalid(f"/labels/{place}/value", f"A label's value has at most {LONGEST_VALUE} characters.")
        check_text(f"/labels/{place}", label["key"] + label["value"])


def invalid(pointer: str, detail: str, **more: Any) -> Invalid:
    """Return the refusal of one field."""
    return Invalid(detail, errors=[{"pointer": pointer, "detail": detail}], **more)
