"""What the numbers of reviewers advise: rules, and the advice they give. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from governance_app.states import ACTION_OF_RULE, OverrideRule

OVERLOAD_MINUTES: Final = 240
BLOCKED_RATIO: Final = 0.5
CHURN: Final = 2
METRICS: Final = (
    "load_band",
    "assignment_count",
    "pending_count",
    "average_latency_minutes",
    "latency_p90_minutes",
    "blocked_ratio_trailing",
    "churn_signal",
    "publish_streak",
)
PRIORITIES: Final = {
    OverrideRule.CADENCE_OVERLOAD: "high",
    OverrideRule.STREAK_COOLDOWN: "medium",
    OverrideRule.BLOCKER_CHURN_ESCALATION: "high",
}
SUMMARIES: Final = {
    OverrideRule.CADENCE_OVERLOAD: "Give some of {name}'s reviews to somebody else.",
    OverrideRule.STREAK_COOLDOWN: "Give {name} a pause from publishing.",
    OverrideRule.BLOCKER_CHURN_ESCALATION: "Bring the blocked sessions of {name} before the administrators.",
}
DETAILS: Final = {
    OverrideRule.CADENCE_OVERLOAD: (
        "{pending_count} reviews wait and {assignment_count} were given; nine in ten are decided within"
        " {latency_p90_minutes:.0f} minutes."
    ),
    OverrideRule.STREAK_COOLDOWN: "{publish_streak} baselines were published, each within 72 hours of the one before.",
    OverrideRule.BLOCKER_CHURN_ESCALATION: (
        "{blocked_ratio_trailing:.0%} of the stages are blocked on average, and each session has seen"
        " {churn_signal:.1f} baselines and rollbacks."
    ),
}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One piece of advice about one reviewer; ids are public ones."""

    rule: OverrideRule
    reviewer_id: str
    reviewer_name: str
    reviewer_email: str
    metrics: dict[str, Any]
    related_execution_ids: tuple[str, ...]

    @property
    def recommendation_id(self) -> str:
        return f"{self.rule}:{self.reviewer_id}"

    @property
    def action(self) -> str:
        return ACTION_OF_RULE[self.rule]

    @property
    def priority(self) -> str:
        return PRIORITIES[self.rule]

    @property
    def summary(self) -> str:
        return SUMMARIES[self.rule].format(name=self.reviewer_name)

    @property
    def detail(self) -> str:
        return DETAILS[self.rule].format(**self.metrics)


def recommend(reviewers: Iterable[Mapping[str, Any]]) -> list[Recommendation]:
    """Return what the rules advise, grave advice first, else in the order of the reviewers.

    Args:
        reviewers: entries of ``reviewer_cadence`` as the analytics tell them.
    """
    advice = [
        Recommendation(
            rule=rule,
            reviewer_id=reviewer["reviewer_id"],
            reviewer_name=reviewer["reviewer_name"],
            reviewer_email=reviewer["reviewer_email"],
            metrics={name: reviewer[name] for name in METRICS},
            related_execution_ids=tuple(reviewer["related_execution_ids"]),
        )
        for reviewer in reviewers
        for rule in OverrideRule
        if _holds(rule, reviewer)
    ]
    return sorted(advice, key=lambda one: one.priority != "high")


def _holds(rule: OverrideRule, reviewer: Mapping[str, Any]) -> bool:
    if rule is OverrideRule.CADENCE_OVERLOAD:
        slow = (reviewer["latency_p90_minutes"] or 0) >= OVERLOAD_MINUTES
        return reviewer["load_band"] == "saturated" and slow
    if rule is OverrideRule.STREAK_COOLDOWN:
        return bool(reviewer["streak_alert"])
    blocked, churn = reviewer["blocked_ratio_trailing"] or 0, reviewer["churn_signal"] or 0
    return blocked >= BLOCKED_RATIO and churn >= CHURN
