"""What the numbers advise about a session's reviewers now, as a page shows it; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from biolab.accounts.models import User
from biolab.kernel.errors import Refusal
from governance_app.analytics.read import read_analytics, scope_of
from governance_app.models import GovernanceBaseline, OverrideAction
from governance_app.policies.approvals import tier_of
from governance_app.rules.recommendations import Recommendation, recommend
from governance_app.rules.tiers import suffices
from governance_app.selectors.baselines import people_to_review
from governance_app.states import NUMBERED_BASELINES, OverrideKind, OverrideStatus
from sessions_app.models import LabSession

DECIDED = frozenset({OverrideStatus.ACCEPTED, OverrideStatus.DECLINED, OverrideStatus.EXECUTED})


@dataclass(frozen=True)
class Advice:
    """One piece of advice, what was decided about it last, and whether the person may decide."""

    advice: Recommendation
    decided: OverrideAction | None
    may_decide: bool

    @property
    def is_open(self) -> bool:
        """Whether somebody may still execute it."""
        return self.decided is None or self.decided.status != OverrideStatus.EXECUTED


def advice_for(session: LabSession, person: User, *, at: datetime) -> list[Advice]:
    """Return the advice in force about the session's reviewers; none for who is not told its numbers."""
    try:
        scope = scope_of(person, session.public_id)
    except Refusal:
        return []
    found = recommend(orjson.loads(read_analytics(scope, at=at, view="reviewer"))["reviewers"])
    rows = OverrideAction.objects.filter(session=session).order_by("created_at", "id").select_related("actor")
    last = {row.recommendation_id: row for row in rows if row.status in DECIDED}
    tier = tier_of(person, session)
    return [
        Advice(
            advice=each,
            decided=last.get(each.recommendation_id),
            may_decide=suffices(tier, OverrideKind(each.action)),
        )
        for each in found
    ]


def choices_for(session: LabSession, person: User) -> dict[str, Any]:
    """Return what a reassignment may name: the session's open baselines, and the people who could review one."""
    baselines = GovernanceBaseline.objects.filter(session=session).exclude(status__in=NUMBERED_BASELINES)
    return {"open_baselines": list(baselines), "people": people_to_review(session, proposed_by=person)}
