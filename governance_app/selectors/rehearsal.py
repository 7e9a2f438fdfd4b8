"""What a ladder would meet on a session now: gathers what the pure simulation looks at. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from biolab.accounts.models import User
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import parse_id
from governance_app.models import GovernanceBaseline, TemplateSnapshot
from governance_app.rules.simulation import (
    Comparison,
    Overridden,
    StageOverride,
    StagePlan,
    StepState,
    compare,
    override_stages,
    simulate,
)
from sessions_app.gates import Block, Requirement
from sessions_app.models import LabSession, Step
from sessions_app.step_gates import blocks_of, equipment_named, requirements_of
from sessions_app.supposing import Supposition

APPROVALS: Final = "approvals"
EQUIPMENT: Final = "equipment_ids"
CHANNELS: Final = "channels"
MOST_NAMES: Final = 100
LONGEST_NAME: Final = 200
SHOWN_LONG: Final = 40


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be otherwise: single stages, and what of the bench is taken as given."""

    stages: Sequence[StageOverride] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rehearsal:
    """A ladder on a session: stage by stage beside the baseline, the overrides that fell, and what was passed over."""

    comparisons: list[Comparison]
    overridden: tuple[int, ...]
    warnings: tuple[str, ...]


def baseline_snapshot(session: LabSession) -> TemplateSnapshot | None:
    """Return the snapshot in force in the current baseline of the session's protocol, where there is one."""
    if session.protocol_version is None:
        return None
    current = GovernanceBaseline.objects.current().filter(protocol_id=session.protocol_version.protocol_id)
    baseline = current.select_related("snapshot__template").first()
    return baseline.snapshot if baseline is not None else None


def rehearse(
    session: LabSession,
    payload: Mapping[str, Any],
    *,
    at: datetime,
    baseline: Mapping[str, Any] | None = None,
    wish: Wish | None = None,
) -> Rehearsal:
    """Return what a ladder by ``payload`` would meet on the session, beside the baseline's.

    Args:
        payload: of a snapshot, or what a draft's would be.
        baseline: the payload of the ladder to compare with; by default the same one without overrides.

    Raises:
        Invalid: resources that are no lists of names.
    """
    wish = wish or Wish()
    steps = list(session.steps.order_by("index"))
    required = _required(session, steps)
    supposing, warnings = _suppositions(session, wish.resources, required.values())
    overridden = override_stages(plans_of(payload), wish.stages, people=_people(session, wish.stages))
    is_now = _states(steps, required, blocks_of(session, steps, at=at))
    would_be = _states(steps, required, blocks_of(session, steps, at=at, supposing=supposing)) if supposing else is_now
    return Rehearsal(
        compare(
            simulate(overridden.stages, would_be, at=at),
            simulate(plans_of(baseline if baseline is not None else payload), is_now, at=at),
        ),
        overridden.indexes,
        (*_absent_steps(overridden, steps), *overridden.warnings, *warnings),
    )


def plans_of(payload: Mapping[str, Any]) -> list[StagePlan]:
    """Return the stages of a template's payload; one without an SLA takes the template's."""
    return [
        StagePlan(
            name=stage["name"],
            required_role=stage["required_role"],
            sla_hours=stage["sla_hours"] or payload["default_stage_sla_hours"],
            step_indexes=tuple(stage["stage_step_indexes"]),
            gate_keys=tuple(stage["stage_gate_keys"]),
            assignee_id=stage["assignee_id"],
        )
        for stage in payload["stage_blueprint"]
    ]


def _required(session: LabSession, steps: Sequence[Step]) -> dict[int, Requirement]:
    requirements = requirements_of(session, len(steps))
    return {step.index: requirements.of(step.index) for step in steps}


def _states(steps: Sequence[Step], required: Mapping[int, Requirement], blocks: Mapping[int, Block]) -> list[StepState]:
    return [_state(step.index, required[step.index], blocks.get(step.index)) for step in steps]


def _state(index: int, requirement: Requirement, block: Block | None) -> StepState:
    if block is None:
        return StepState(index=index, gate_keys=requirement.gate_keys)
    return StepState(
        index=index,
        gate_keys=requirement.gate_keys,
        blockers=tuple(f"Step {index + 1}: {cause}" for cause in block.causes),
        required_actions=block.required_actions,
        auto_triggers=block.auto_triggers,
    )


def _absent_steps(overridden: Overridden, steps: Sequence[Step]) -> list[str]:
    known = {step.index for step in steps}
    return [
        f"Stage {place} watches step {index}, which this session does not have."
        for place, stage in enumerate(overridden.stages)
        for index in stage.step_indexes
        if index not in known
    ]


def _people(session: LabSession, overrides: Iterable[StageOverride]) -> dict[str, str]:
    """Return the public id of every active member of the team, by the text in which an override names them."""
    texts = {who for one in overrides for who in (one.assignee_id, one.delegate_id) if who is not None}
    keys = {text: parse_id(text, User.id_prefix) for text in texts}
    wanted = [key for key in keys.values() if key is not None]
    members = User.objects.filter(is_active=True, memberships__team_id=session.team_id).in_bulk(wanted)
    return {text: members[key].public_id for text, key in keys.items() if key in members and key is not None}


def _suppositions(
    session: LabSession, resources: Mapping[str, Any], required: Iterable[Requirement]
) -> tuple[Supposition, list[str]]:
    """Return what is to be taken as given, and a warning for each thing that was passed over."""
    warnings = [
        f"{_shown(name)} is no resource that can be taken as given; it was ignored."
        for name in resources
        if name not in (APPROVALS, EQUIPMENT, CHANNELS)
    ]
    approvals, channels, equipment = (_names(resources, name) for name in (APPROVALS, CHANNELS, EQUIPMENT))
    if not (approvals or channels or equipment):
        return Supposition(), warnings
    required = list(required)
    wanted = {name for one in required for name in (*one.approvals, *one.session_approvals)}
    heard = {window.channel for one in required for window in one.channels}
    warnings += [f"No step requires the approval {_shown(name)}." for name in approvals if name not in wanted]
    warnings += [f"No step requires the channel {_shown(name)}." for name in channels if name not in heard]
    covered, unknown = _equipment(session, equipment, {name for one in required for name in one.equipment})
    supposing = Supposition(frozenset(approvals) & wanted, covered, frozenset(channels) & heard)
    return supposing, warnings + unknown


def _equipment(session: LabSession, given: Sequence[str], wanted: set[str]) -> tuple[frozenset[str], list[str]]:
    """Return which required names the given ones cover: by the same text, or as another name of the same thing."""
    if not given:
        return frozenset(), []
    rows = equipment_named(session, sorted({*given, *wanted}))
    covered, warnings = set(), []
    for name in given:
        if name not in rows:
            warnings.append(f"Equipment {_shown(name)} is not registered in this team; it was ignored.")
            continue
        found = {asked for asked in wanted if asked in rows and rows[asked].pk == rows[name].pk}
        covered |= found
        if not found:
            warnings.append(f"No step requires the equipment {_shown(name)}.")
    return frozenset(covered), warnings


def _names(resources: Mapping[str, Any], name: str) -> list[str]:
    given = resources.get(name)
    if given is None:
        return []
    texts = given if isinstance(given, list) else [None]
    if len(texts) > MOST_NAMES or not all(isinstance(text, str) and 0 < len(text) <= LONGEST_NAME for text in texts):
        detail = f"Give a list of at most {MOST_NAMES} names."
        raise Invalid(detail, errors=[{"pointer": f"/resource_overrides/{name}", "detail": detail}])
    return list(dict.fromkeys(texts))


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_LONG else f"{text[: SHOWN_LONG - 1]}…"
