"""What a ladder would meet on a session: which steps each stage watches, what blocks it, when it is due. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Final

from governance_app.rules.blueprint import hours

READY: Final = "ready"
BLOCKED: Final = "blocked"
CLEARED: Final = "cleared"
REGRESSED: Final = "regressed"
UNCHANGED: Final = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """One stage of a ladder that might be climbed; people are public ids."""

    name: str
    required_role: str
    sla_hours: float | None = None
    step_indexes: tuple[int, ...] = ()
    gate_keys: tuple[str, ...] = ()
    assignee_id: str | None = None
    delegate_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """One step of the session: the keys that stages find it by, and what blocks it now (nothing: it could begin)."""

    index: int
    gate_keys: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()
    required_actions: tuple[str, ...] = ()
    auto_triggers: tuple[str, ...] = ()

    @property
    def is_blocked(self) -> bool:
        return bool(self.blockers)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOverride:
    """What is to be otherwise in one stage, ``index`` counting from 0; None leaves it."""

    index: int
    sla_hours: float | None = None
    assignee_id: str | None = None
    delegate_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What one stage would meet."""

    index: int
    plan: StagePlan
    steps: tuple[int, ...]
    blockers: tuple[str, ...]
    required_actions: tuple[str, ...]
    auto_triggers: tuple[str, ...]
    due_at: datetime | None

    @property
    def status(self) -> str:
        return BLOCKED if self.blockers else READY


@dataclass(frozen=True, slots=True)
class Comparison:
    """A stage of the simulated ladder beside the one in the same place of the baseline, where there is one."""

    simulated: Forecast
    baseline: Forecast | None

    @property
    def delta_status(self) -> str | None:
        """Whether the stage is better off than in the baseline, worse, or neither; None without one."""
        if self.baseline is None:
            return None
        if self.baseline.status == self.simulated.status:
            return UNCHANGED
        return CLEARED if self.simulated.status == READY else REGRESSED

    @property
    def delta_sla_hours(self) -> float | None:
        """How many more hours the stage has; None where one side has no SLA."""
        before = self.baseline.plan.sla_hours if self.baseline is not None else None
        after = self.simulated.plan.sla_hours
        return hours(round(after - before, 6)) if before is not None and after is not None else None

    @property
    def delta_due_minutes(self) -> int | None:
        """How much later the stage is due, in whole minutes rounded down; None where one side has no due date."""
        before = self.baseline.due_at if self.baseline is not None else None
        return minutes_between(before, self.simulated.due_at)

    @property
    def new_blockers(self) -> tuple[str, ...]:
        before = self.baseline.blockers if self.baseline is not None else ()
        return tuple(blocker for blocker in self.simulated.blockers if blocker not in before)

    @property
    def resolved_blockers(self) -> tuple[str, ...]:
        before = self.baseline.blockers if self.baseline is not None else ()
        return tuple(blocker for blocker in before if blocker not in self.simulated.blockers)


def minutes_between(before: datetime | None, after: datetime | None) -> int | None:
    """Return the whole minutes from one moment to another, rounded down; None where either is missing."""
    return (after - before) // timedelta(minutes=1) if before is not None and after is not None else None


def deal_steps(stages: Sequence[StagePlan], steps: Sequence[StepState]) -> list[tuple[int, ...]]:
    """Return the indexes of the steps that each stage watches, rising.

    A stage watches the steps it names, and those that carry one of its gate keys. Steps that no stage watches are
    dealt one by one, in order, to the first stage, the second and so on, and round again.
    """
    dealt: list[set[int]] = [
        {step.index for step in steps if step.index in stage.step_indexes or set(step.gate_keys) & set(stage.gate_keys)}
        for stage in stages
    ]
    if dealt:
        watched = set().union(*dealt)
        left = [step.index for step in sorted(steps, key=lambda step: step.index) if step.index not in watched]
        for place, index in enumerate(left):
            dealt[place % len(dealt)].add(index)
    return [tuple(sorted(indexes)) for indexes in dealt]


def simulate(stages: Sequence[StagePlan], steps: Sequence[StepState], *, at: datetime) -> list[Forecast]:
    """Return what each stage of a ladder would meet, were it opened at a moment.

    A stage is blocked if and only if one of its steps is. It is due when the hours of all stages up to it have passed;
    one without an SLA adds nothing and has no due date.
    """
    by_index = {step.index: step for step in steps}
    forecasts = []
    passed = timedelta()
    for index, (plan, dealt) in enumerate(zip(stages, deal_steps(stages, steps), strict=True)):
        blocked = [by_index[step] for step in dealt if by_index[step].is_blocked]
        if plan.sla_hours is not None:
            passed += timedelta(hours=plan.sla_hours)
        forecasts.append(
            Forecast(
                index=index,
                plan=plan,
                steps=dealt,
                blockers=_distinct(text for step in blocked for text in step.blockers),
                required_actions=_distinct(text for step in blocked for text in step.required_actions),
                auto_triggers=_distinct(text for step in blocked for text in step.auto_triggers),
                due_at=at + passed if plan.sla_hours is not None else None,
            )
        )
    return forecasts


def compare(simulated: Sequence[Forecast], baseline: Sequence[Forecast]) -> list[Comparison]:
    """Return every simulated stage with the baseline's in the same place."""
    return [Comparison(after, before) for after, before in zip_longest(simulated, baseline) if after is not None]


@dataclass(frozen=True, slots=True)
class Overridden:
    """A ladder with the overrides that could be applied, the places they fell on, and what was passed over."""

    stages: tuple[StagePlan, ...]
    indexes: tuple[int, ...]
    warnings: tuple[str, ...]


def override_stages(
    stages: Sequence[StagePlan], overrides: Sequence[StageOverride], *, people: Mapping[str, str]
) -> Overridden:
    """Return the ladder as it would be; an override of no stage, or to nobody known, is passed over with a warning.

    Args:
        people: the public id of everybody who may be named, by the text that names them.
    """
    changed, applied, warnings = list(stages), [], []
    for override in overrides:
        if not 0 <= override.index < len(changed):
            warnings.append(f"There is no stage {override.index}; its override was ignored.")
            continue
        named = (override.assignee_id, override.delegate_id)
        strangers = [who for who in named if who is not None and who not in people]
        if strangers:
            names = " and ".join(dict.fromkeys(strangers))
            warnings.append(f"Nobody in the team is {names}; the override of stage {override.index} was ignored.")
            continue
        plan = changed[override.index]
        if override.assignee_id is not None:
            plan = replace(plan, assignee_id=people[override.assignee_id])
        if override.delegate_id is not None:
            plan = replace(plan, delegate_id=people[override.delegate_id])
        if override.sla_hours is not None:
            plan = replace(plan, sla_hours=override.sla_hours)
        changed[override.index] = plan
        applied.append(override.index)
    return Overridden(tuple(changed), tuple(sorted(set(applied))), tuple(warnings))


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
