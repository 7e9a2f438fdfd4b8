"""Whether a simulated ladder is worse than the one in force, and by how much. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from governance_app.rules.blueprint import hours
from governance_app.rules.simulation import READY, minutes_between


class GuardrailState(StrEnum):
    """What the comparisons come to."""

    BLOCKED = "blocked"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One stage as one ladder has it; ``status`` is None where the ladder has no such stage."""

    status: str | None
    sla_hours: float | None = None
    due_at: datetime | None = None
    blockers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePair:
    """A stage in both ladders."""

    index: int
    baseline: Side
    simulated: Side


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guardrails say: one reason for each thing that got worse, and the minutes that all of it costs."""

    state: GuardrailState
    reasons: tuple[str, ...]
    projected_delay_minutes: int


def judge(pairs: Sequence[StagePair]) -> Verdict:
    """Return what the guardrails make of a simulation; any reason blocks.

    Raises:
        ValueError: there is nothing to judge, which is not the same as clear.
    """
    if not pairs:
        raise ValueError("guardrails judge at least one stage")
    reasons: list[str] = []
    delay = 0
    for pair in pairs:
        reasons += _reasons(pair)
        delay += _delay(pair)
    return Verdict(GuardrailState.BLOCKED if reasons else GuardrailState.CLEAR, tuple(reasons), delay)


def _reasons(pair: StagePair) -> list[str]:
    before, after, found = pair.baseline, pair.simulated, []
    new = [blocker for blocker in after.blockers if blocker not in before.blockers]
    if before.status == READY and after.status != READY:
        found.append(f"stage_{pair.index}:status_regression:{after.status}")
    elif new:
        found.append(f"stage_{pair.index}:new_blockers:{', '.join(new)}")
    if delay := _delay(pair):
        found.append(f"stage_{pair.index}:due_delay_minutes:{delay}")
    if before.sla_hours is not None and after.sla_hours is not None:
        more = hours(round(after.sla_hours - before.sla_hours, 6)) or 0
        if more > 0:
            found.append(f"stage_{pair.index}:sla_increase_hours:{more}")
    return found


def _delay(pair: StagePair) -> int:
    """Return by how many whole minutes the stage is due later; nothing where it is due earlier or less than one."""
    return max(0, minutes_between(pair.baseline.due_at, pair.simulated.due_at) or 0)
