"""What the numbers advised, in the words of the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from biolab.kernel.facts import Fact


@dataclass(frozen=True, kw_only=True)
class OverrideRecommended(Fact):
    """The rules advised something about a reviewer of the session; nobody has decided on it yet."""

    kind: ClassVar[str] = "governance.recommendation.override"
    sentence: ClassVar[str] = "Recommended ({priority}): {summary}"

    recommendation_id: str
    rule_key: str
    action: str
    priority: str
    reviewer_id: str
    reviewer_name: str
    summary: str
    detail: str
    metrics: Mapping[str, Any]
