"""What happens to previews and guardrails, in the words of the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from biolab.kernel.facts import Fact


@dataclass(frozen=True, kw_only=True)
class PreviewMade(Fact):
    """Somebody asked what a ladder would meet on this session; nothing else changed."""

    kind: ClassVar[str] = "governance.preview.summary"
    sentence: ClassVar[str] = "A ladder was previewed: {blocked_stage_count} of {stage_count} stages would be blocked."
    generated_at: datetime
    snapshot_id: str
    baseline_snapshot_id: str
    stage_count: int
    blocked_stage_count: int
    blocked_stage_indexes: list[int]
    override_count: int
    new_blocker_count: int
    resolved_blocker_count: int
    resource_warning_count: int
    delta_projection_minutes: list[int]
    stage_predictions: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class GuardrailsSimulated(Fact):
    """A ladder as it would be was held against the one in force."""

    kind: ClassVar[str] = "governance.guardrail.simulated"
    sentence: ClassVar[str] = "The guardrails were simulated over {stage_count} stages: {state}."
    simulation_id: str
    state: str
    reasons: tuple[str, ...]
    projected_delay_minutes: int
    stage_count: int


@dataclass(frozen=True, kw_only=True)
class GuardrailsWaived(Fact):
    """An administrator signed that packaging may go on in spite of a blocked simulation."""

    kind: ClassVar[str] = "governance.guardrail.waived"
    sentence: ClassVar[str] = "“{signature}” waived the guardrails: {reason}"
    simulation_id: str
    waiver_id: str
    printed_name: str
    signature: str
    meaning: str
    reason: str
