"""Free a blocked step: approve, register, calibrate, and ask those who can."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.policies import role_in
from biolab.accounts.roles import Right
from biolab.accounts.selectors import people_who_may
from biolab.kernel.errors import Missing, Refusal
from sessions_app import timeline
from sessions_app.errors import SessionEnded
from sessions_app.facts import RemediationExecuted, RemediationReported
from sessions_app.gates import APPROVE, CALIBRATE, MAINTAIN, NOTIFY, REGISTER, RESTORE, Block, split_action
from sessions_app.models import Equipment, LabSession, Step, StepApproval
from sessions_app.policies import approving_roles, people_who_approve, require_right, require_room_for_more
from sessions_app.services.equipment import note_calibrated, note_registered, write_calibration
from sessions_app.step_gates import blocks_of, equipment_named, requirements_of
from sessions_app.wording import MAX_DESCRIPTION, MAX_NAME

EXECUTED, SCHEDULED, SKIPPED, FAILED = STATUSES = ("executed", "scheduled", "skipped", "failed")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one action."""

    action: str
    status: str
    message: str


@dataclass(frozen=True, kw_only=True)
class EquipmentContext:
    """What is known of equipment that is registered, calibrated or maintained; all of it may be left out.

    Attributes:
        due_at: when its next calibration is due; calibrating without it repeats the interval of the last time.
    """

    name: str = ""
    description: str = ""
    performed_at: datetime | None = None
    due_at: datetime | None = None
    reference: str = ""
    notes: str = ""


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """One remediation under way: the session is held."""

    session: LabSession
    step: Step
    by: User
    at: datetime
    context: Mapping[str, EquipmentContext]
    equipment: Mapping[str, Equipment]
    written: list[Callable[[], None]] = field(default_factory=list)


@transaction.atomic
def remediate_step(
    *,
    session: LabSession,
    index: int,
    by: User,
    at: datetime,
    actions: Sequence[str] = (),
    auto: bool = False,
    context: Mapping[str, EquipmentContext] | None = None,
) -> list[Result]:
    """Try to free a blocked step and return what came of each action; one that fails stops no other.

    Args:
        actions: which; only what the step waits for is done, the rest is skipped.
        auto: do what the house can set going by itself, too; where there is nothing of that, what is required.
            Without ``actions`` and ``auto``: everything.
        context: what is known of the equipment concerned, by the text that the step names it by.

    Raises:
        Forbidden: the person may not run sessions of this team.
        Missing: the session has no such step.
        SessionEnded: the session is over.
    """
    equipment = _hold_equipment(session, index)
    session = LabSession.objects.hold(session.pk)
    require_right(by, Right.RUN, session.team_id)
    step = Step.objects.filter(session=session, index=index).first()
    if step is None:
        raise Missing("This session has no step with this index.")
    if session.is_ended:
        raise SessionEnded("This session has ended; its steps stay as they are.")
    before = blocks_of(session, [step], at=at).get(index)
    chosen = _chosen(actions, auto, before)
    if not chosen:
        return []
    attempt = _Attempt(session=session, step=step, by=by, at=at, context=context or {}, equipment=equipment)
    open_actions = {*before.required_actions, *before.auto_triggers} if before is not None else set()
    results = [_tried(attempt, action, wanted=action in open_actions) for action in chosen]
    told: dict[str, Any] = {
        "step_index": index,
        "instruction": step.instruction,
        "actions": chosen,
        "results": [{"action": one.action, "status": one.status, "message": one.message} for one in results],
        "summary": ", ".join(f"{one.action} {one.status}" for one in results),
    }
    timeline.record(session, RemediationExecuted(**told), by=by, at=at)
    if before is not None and index not in blocks_of(session, [step], at=at):
        timeline.record(session, RemediationReported(blocked_reason=before.reason, **told), by=by, at=at)
    for note in attempt.written:
        note()
    return results


def _hold_equipment(session: LabSession, index: int) -> dict[str, Equipment]:
    """Return the equipment that a step requires, held; what a session requires never changes."""
    named = equipment_named(session, requirements_of(session, index + 1).of(index).equipment)
    held = {row.pk: row for row in Equipment.objects.hold(*[row.pk for row in named.values()])} if named else {}
    return {name: held[row.pk] for name, row in named.items()}


def _chosen(actions: Sequence[str], auto: bool, block: Block | None) -> list[str]:
    """Return what to do, each once."""
    wanted = [action.strip() for action in actions if action.strip()]
    if block is not None and auto:
        wanted += block.auto_triggers or (() if wanted else block.required_actions)
    elif block is not None and not wanted:
        wanted += (*block.required_actions, *block.auto_triggers)
    return list(dict.fromkeys(wanted))


def _tried(attempt: _Attempt, action: str, *, wanted: bool) -> Result:
    """Do one action, whole or not at all."""
    if not wanted:
        return Result(action, SKIPPED, "The step does not wait for this.")
    verb, subject = split_action(action)
    try:
        with transaction.atomic():
            return _DO[verb](attempt, action, subject)
    except Refusal as refusal:
        return Result(action, FAILED, refusal.sentence)


def _approve(attempt: _Attempt, action: str, name: str) -> Result:
    if attempt.by.credential is not None:
        return Result(action, FAILED, "A person approves, not a service token.")
    role = role_in(attempt.by, attempt.session.team_id)
    if role is None or role not in approving_roles(name):
        return Result(action, FAILED, f"Approving this needs the role {_roles(name)}.")
    StepApproval.objects.create(
        step=attempt.step, name=name, by=attempt.by, by_name=attempt.by.printed_name, role=role, at=attempt.at
    )
    return Result(action, EXECUTED, f"Approved by {attempt.by.printed_name}.")


def _register(attempt: _Attempt, action: str, code: str) -> Result:
    """Register equipment under the text that the step names it by; somebody may do so for another step right now."""
    require_room_for_more(attempt.by)
    known = attempt.context.get(code, EquipmentContext())
    if len(known.name) > MAX_NAME or len(known.description) > MAX_DESCRIPTION:
        return Result(action, FAILED, "The name or the description is too long.")
    row, is_new = Equipment.objects.get_or_create(
        team_id=attempt.session.team_id,
        code=code,
        defaults={
            "name": known.name.strip() or code,
            "description": known.description,
            "first_due_at": known.due_at,
            "created_by": attempt.by,
            "created_at": attempt.at,
            "updated_at": attempt.at,
        },
    )
    if not is_new:
        return Result(action, SKIPPED, "It is registered already.")
    attempt.written.append(partial(note_registered, row, by=attempt.by, at=attempt.at))
    return Result(action, EXECUTED, f"Registered as {row.name}.")


def _calibrate(attempt: _Attempt, action: str, name: str) -> Result:
    known, equipment = attempt.context.get(name, EquipmentContext()), attempt.equipment.get(name)
    if equipment is None:
        return Result(action, FAILED, "Somebody registered it this moment; try again.")
    calibration = write_calibration(
        equipment,
        by=attempt.by,
        at=attempt.at,
        due_at=known.due_at,
        performed_at=known.performed_at,
        reference=known.reference,
        notes=known.notes,
    )
    attempt.written.append(partial(note_calibrated, calibration, by=attempt.by, at=attempt.at))
    return Result(action, EXECUTED, f"Calibrated; due again {calibration.due_at:%Y-%m-%d %H:%M} UTC.")


def _notify(attempt: _Attempt, action: str, name: str) -> Result:
    """Promise to tell those who may approve; the reaction to the event does."""
    people = people_who_approve(name, attempt.session.team_id).count()
    if not people:
        return Result(action, FAILED, f"Nobody in the team has the role {_roles(name)}.")
    return Result(action, SCHEDULED, f"{people} {'person is' if people == 1 else 'people are'} told.")


def _ask_for_maintenance(attempt: _Attempt, action: str, name: str) -> Result:
    """Promise to tell those who lead the team; the reaction to the event does."""
    people = people_who_may(Right.EDIT_PROTOCOLS, attempt.session.team_id).count()
    if not people:
        return Result(action, FAILED, "Nobody leads the team.")
    return Result(action, SCHEDULED, f"{people} {'person is' if people == 1 else 'people are'} told.")


def _restore(attempt: _Attempt, action: str, channel: str) -> Result:
    return Result(action, SKIPPED, f"Only the instrument can do this: {channel} must send within its window.")


def _roles(name: str) -> str:
    return " or ".join(sorted(role.label for role in approving_roles(name)))


_DO: Final[dict[str, Callable[[_Attempt, str, str], Result]]] = {
    APPROVE: _approve,
    NOTIFY: _notify,
    REGISTER: _register,
    CALIBRATE: _calibrate,
    MAINTAIN: _ask_for_maintenance,
    RESTORE: _restore,
}
