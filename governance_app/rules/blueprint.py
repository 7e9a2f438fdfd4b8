"""What a template says of its stages, as plain values, and what is wrong with them (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from biolab.accounts.roles import Role
from biolab.kernel.canonical import canonical
from biolab.kernel.errors import Invalid
from governance_app.states import APPROVING_MEANINGS

LONGEST_SLA_HOURS = 24 * 366 * 10
LARGEST_QUORUM = 100
MOST_STAGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBlueprint:
    """One stage as a template describes it. ``assignee_id`` is a public id, or None."""

    name: str
    required_role: str
    sla_hours: float | None = None
    quorum: int = 1
    meanings: tuple[str, ...] = ()
    stage_step_indexes: tuple[int, ...] = ()
    stage_gate_keys: tuple[str, ...] = ()
    assignee_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def as_wire(self) -> dict[str, Any]:
        """Return the stage with the wire's field names."""
        return {
            "name": self.name,
            "required_role": self.required_role,
            "sla_hours": hours(self.sla_hours),
            "quorum": self.quorum,
            "meanings": list(self.meanings),
            "stage_step_indexes": list(self.stage_step_indexes),
            "stage_gate_keys": list(self.stage_gate_keys),
            "assignee_id": self.assignee_id,
            "metadata": dict(self.metadata),
        }


def hours(value: float | None) -> float | int | None:
    """Return a number of hours without a needless fraction."""
    return int(value) if value is not None and value == int(value) else value


def sla_fault(value: float | None) -> str | None:
    """Return what is wrong with a number of hours; None when nothing is."""
    if value is None or (math.isfinite(value) and 0 < value <= LONGEST_SLA_HOURS):
        return None
    return f"Give more than 0 and at most {LONGEST_SLA_HOURS} hours."


def check_blueprint(
    stages: Sequence[StageBlueprint], *, permitted_roles: Sequence[str], default_sla_hours: float | None
) -> None:
    """Refuse a blueprint that no ladder can follow.

    Raises:
        Invalid: with one error for each thing that is wrong.
    """
    errors = list(_role_faults(permitted_roles))
    if (fault := sla_fault(default_sla_hours)) is not None:
        errors.append(_error("/default_stage_sla_hours", fault))
    if len(stages) > MOST_STAGES:
        errors.append(_error("/stage_blueprint", f"At most {MOST_STAGES} stages."))
    for place, stage in enumerate(stages):
        errors += _stage_faults(stage, f"/stage_blueprint/{place}", permitted_roles)
    if errors:
        raise Invalid(errors[0]["detail"], errors=errors)


def check_json(value: Any, pointer: str) -> None:
    """Refuse what RFC 8785 cannot carry exactly, such as integers beyond 2^53.

    Raises:
        Invalid: it cannot be written down exactly.
    """
    try:
        canonical(value)
    except ValueError as error:
        detail = "Holds a number or text that JSON cannot carry exactly."
        raise Invalid(detail, errors=[_error(pointer, detail)]) from error


def _role_faults(roles: Sequence[str]) -> list[dict[str, Any]]:
    return [
        _error(f"/permitted_roles/{place}", f"“{role}” is not a role.")
        for place, role in enumerate(roles)
        if role not in Role.values
    ]


def _stage_faults(stage: StageBlueprint, pointer: str, permitted_roles: Sequence[str]) -> list[dict[str, Any]]:
    errors = []
    if not stage.name.strip() or len(stage.name) > 255:
        errors.append(_error(f"{pointer}/name", "Give a name of 1 to 255 characters."))
    if stage.required_role not in Role.values:
        errors.append(_error(f"{pointer}/required_role", f"“{stage.required_role}” is not a role."))
    elif permitted_roles and stage.required_role not in permitted_roles:
        errors.append(
            _error(f"{pointer}/required_role", f"This template does not permit the role “{stage.required_role}”.")
        )
    if (fault := sla_fault(stage.sla_hours)) is not None:
        errors.append(_error(f"{pointer}/sla_hours", fault))
    if not 1 <= stage.quorum <= LARGEST_QUORUM:
        errors.append(_error(f"{pointer}/quorum", f"Give a number from 1 to {LARGEST_QUORUM}."))
    errors += [
        _error(f"{pointer}/meanings/{place}", f"“{meaning}” is not a meaning of an approving signature.")
        for place, meaning in enumerate(stage.meanings)
        if meaning not in APPROVING_MEANINGS
    ]
    errors += [
        _error(f"{pointer}/stage_step_indexes/{place}", "Give a step's index, from 0.")
        for place, index in enumerate(stage.stage_step_indexes)
        if index < 0
    ]
    return errors


def _error(pointer: str, detail: str) -> dict[str, Any]:
    return {"pointer": pointer, "detail": detail}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that two versions of something hold differently."""

    field: str
    before: Any
    after: Any

    def as_wire(self) -> dict[str, Any]:
        return {"field": self.field, "before": self.before, "after": self.after}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the fields that differ, in the order of ``before``, then those only ``after`` has."""
    names = [*before, *(name for name in after if name not in before)]
    return [Difference(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)]


def compare_stages(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one entry per place: what the stage was, what it is, and which of its fields differ."""
    entries = []
    for place in range(max(len(before), len(after))):
        old = before[place] if place < len(before) else None
        new = after[place] if place < len(after) else None
        fields = differences(old, new) if old is not None and new is not None else []
        change = "added" if old is None else "removed" if new is None else "changed" if fields else "unchanged"
        entries.append(
            {
                "sequence_index": place + 1,
                "change": change,
                "before": old,
                "after": new,
                "fields": [difference.as_wire() for difference in fields],
            }
        )
    return entries
