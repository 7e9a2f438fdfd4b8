"""What blocks the steps of a session: gathers what the pure gates look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from biolab.kernel.ids import parse_id
from sessions_app.gates import (
    Bench,
    Block,
    Heard,
    Instrument,
    Requirements,
    block_of,
    read_requirements,
)
from sessions_app.models import Equipment, LabSession, Step, StepApproval
from sessions_app.ports import readings
from sessions_app.states import StepStatus
from sessions_app.supposing import Supposition


def requirements_of(session: LabSession, steps: int) -> Requirements:
    """Return what the session's steps require; what was written before it was checked and is wrong requires nothing."""
    return read_requirements(session.parameters, steps=steps)[0]


def blocks_of(
    session: LabSession, steps: Sequence[Step], *, at: datetime, supposing: Supposition | None = None
) -> dict[int, Block]:
    """Return what blocks those of the steps that have not begun, by index; of an ended session, what did at its end.

    Reads nothing for a session without requirements, and as much for one step as for all.

    Args:
        steps: of this session, some or all.
        supposing: what is taken as given, whatever the bench says.
    """
    most = max((step.index for step in steps), default=-1) + 1
    requirements = requirements_of(session, most)
    waiting = [step for step in steps if step.status == StepStatus.PENDING]
    asked = {step.index: requirements.of(step.index) for step in waiting} if requirements else {}
    if supposing is not None:
        asked = {index: supposing.relieve(requirement) for index, requirement in asked.items()}
    asked = {index: requirement for index, requirement in asked.items() if requirement.blocks}
    if not asked:
        return {}
    as_of = session.ended_at
    approved_here, approved = _approvals(session, as_of)
    names = sorted({name for requirement in asked.values() for name in requirement.equipment})
    equipment = {
        name: Instrument(row.name, row.due_at) for name, row in equipment_named(session, names, as_of=as_of).items()
    }
    channels = sorted({window.channel for requirement in asked.values() for window in requirement.channels})
    latest = readings().latest(session, names=channels, at=as_of) if channels else {}
    heard = {name: Heard(reading.value, reading.unit, reading.at) for name, reading in latest.items()}
    found = {}
    for index, requirement in asked.items():
        bench = Bench(approved_here.get(index, frozenset()), approved, equipment, heard)
        block = block_of(requirement, bench, at=as_of or at)
        if block is not None:
            found[index] = block
    return found


def equipment_named(
    session: LabSession, names: Sequence[str], *, as_of: datetime | None = None
) -> dict[str, Equipment]:
    """Return the team's equipment by the texts that name it: its id, else its code; with its calibration at hand."""
    if not names:
        return {}
    ids = {name: pk for name in names if (pk := parse_id(name, Equipment.id_prefix)) is not None}
    known = Equipment.objects.filter(team_id=session.team_id).with_calibration(as_of=as_of)
    if as_of is not None:
        known = known.filter(created_at__lte=as_of)
    rows = list(known.filter(Q(pk__in=ids.values()) | Q(code__in=names)))
    by_id: dict[UUID | None, Equipment] = {row.pk: row for row in rows}
    by_code = {row.code: row for row in rows}
    meant = {name: by_id.get(ids.get(name)) or by_code.get(name) for name in names}
    return {name: row for name, row in meant.items() if row is not None}


def _approvals(session: LabSession, as_of: datetime | None) -> tuple[dict[int, frozenset[str]], frozenset[str]]:
    """Return the approvals given, by step, and at any of them."""
    given = StepApproval.objects.filter(step__session=session)
    if as_of is not None:
        given = given.filter(at__lte=as_of)
    here: dict[int, set[str]] = {}
    for index, name in given.values_list("step__index", "name"):
        here.setdefault(index, set()).add(name)
    return {index: frozenset(names) for index, names in here.items()}, frozenset().union(*here.values())
