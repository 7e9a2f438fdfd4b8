"""Move the steps of a session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.kernel.errors import Missing
from biolab.kernel.machine import Move, MoveRefused
from biolab.kernel.times import iso
from sessions_app import timeline
from sessions_app.errors import SessionEnded, SessionNotRunning, StepBlocked, StepOutOfOrder
from sessions_app.facts import StepMoved
from sessions_app.models import LabSession, Step
from sessions_app.policies import require_right
from sessions_app.ports import readings
from sessions_app.services.sessions import end_if_done
from sessions_app.states import (
    BEGIN_STEP,
    COMPLETE_STEP,
    DONE_STEPS,
    SKIP_STEP,
    STEP_MACHINE,
    SessionStatus,
    StepStatus,
)
from sessions_app.step_gates import blocks_of
from sessions_app.wording import exact, invalid, reasoned

CLOCK_SKEW: Final = timedelta(minutes=5)  # how far a device's clock may run ahead of ours


@transaction.atomic
def move_step(
    *,
    session: LabSession,
    index: int,
    to: str,
    by: User | None,
    at: datetime,
    reason: str = "",
    values: Mapping[str, Any] | None = None,
    started_at: datetime | None = None,
    completed_at: datetime | None = None,
) -> Step:
    """Move one step to the status ``to``; with the last one done, the session completes.

    A completed step keeps the values that the team's pinned channels had then, beside the ``values`` given.

    Args:
        reason: why; needed to skip.
        started_at, completed_at: when it really happened, where that was not ``at``.

    Raises:
        Forbidden: the person may not run sessions of this team.
        Missing: the session has no such step.
        SessionEnded, SessionNotRunning: the session is over, planned or paused.
        MoveRefused: the step's status does not lead there.
        StepOutOfOrder: the protocol is ordered and an earlier step is open.
        StepBlocked: it has not begun and misses something that it requires; skipping it needs nothing of that.
        Invalid: a skip without a reason, impossible times, values that cannot be kept.
    """
    session, step = _hold_with_step(session, index, may_end=to in DONE_STEPS)
    require_right(by, Right.RUN, session.team_id)
    _require_running(session)
    move = STEP_MACHINE.between(step.status, to)
    if move is None:
        open_moves = [candidate.name for candidate in STEP_MACHINE.open_moves(step)]
        raise MoveRefused(
            f"A step that is {step.status} cannot become {to}.", status_now=step.status, open_moves=open_moves
        )
    _make(
        session,
        step,
        move,
        by=by,
        at=at,
        reason=reasoned(reason, needed_for="Skipping a step" if move is SKIP_STEP else ""),
        values=exact(values or {}, pointer="/values"),
        started_at=started_at,
        completed_at=completed_at,
    )
    return step


@transaction.atomic
def advance_step(*, session: LabSession, index: int, by: User | None, at: datetime) -> Step:
    """Move one step on: pending → in progress → completed. A step that is done stays as it is, without an event.

    Raises:
        Forbidden: the person may not run sessions of this team.
        Missing: the session has no such step.
        SessionEnded, SessionNotRunning: the session is over, planned or paused.
        StepOutOfOrder: the protocol is ordered and an earlier step is open.
        StepBlocked: it has not begun and misses something that it requires.
    """
    session, step = _hold_with_step(session, index, may_end=True)
    require_right(by, Right.RUN, session.team_id)
    if step.status in DONE_STEPS:
        return step
    _require_running(session)
    move = BEGIN_STEP if step.status == StepStatus.PENDING else COMPLETE_STEP
    _make(session, step, move, by=by, at=at, reason="", values={}, started_at=None, completed_at=None)
    return step


def _hold_with_step(session: LabSession, index: int, *, may_end: bool) -> tuple[LabSession, Step]:
    """Return the session's row, held, and the step; held to end where this step is the last that is open."""
    last = may_end and not session.steps.exclude(status__in=DONE_STEPS).exclude(index=index).exists()
    session = LabSession.objects.hold(session.pk, to_end=last)
    step = Step.objects.filter(session=session, index=index).first()
    if step is None:
        raise Missing("This session has no step with this index.")
    return session, step


def _require_running(session: LabSession) -> None:
    if session.is_ended:
        raise SessionEnded("This session has ended; its steps stay as they are.")
    if session.status == SessionStatus.PLANNED:
        raise SessionNotRunning("This session is planned; start it before its steps.")
    if session.status == SessionStatus.PAUSED:
        raise SessionNotRunning("This session is paused; resume it before its steps.", code="session_paused")


def _make(
    session: LabSession,
    step: Step,
    move: Move,
    *,
    by: User | None,
    at: datetime,
    reason: str,
    values: dict[str, Any],
    started_at: datetime | None,
    completed_at: datetime | None,
) -> None:
    """Make the move on a step of a session that is held."""
    _require_order(session, step)
    if move is not SKIP_STEP:
        _require_free(session, step, at)
    came_from = step.status
    STEP_MACHINE.make(move, step)
    step.started_at = started_at or step.started_at
    if move is BEGIN_STEP:
        step.started_at = step.started_at or at
    else:
        step.completed_at = completed_at or at
        step.completed_by = by
    if move is COMPLETE_STEP:
        step.started_at = step.started_at or step.completed_at
        values = {**_pinned_values(session, step.completed_at or at), **values}
    step.values = {**step.values, **values}
    _require_possible_times(step, at)
    step.save(update_fields=["status", "started_at", "completed_at", "completed_by", "values"])
    fact = StepMoved(
        step_index=step.index,
        instruction=step.instruction,
        from_status=came_from,
        to_status=step.status,
        auto=by is None,
        reason=reason,
        started_at=step.started_at,
        completed_at=step.completed_at,
        values=values,
    )
    timeline.record(session, fact, by=by, at=at)
    if step.status in DONE_STEPS and not session.steps.exclude(status__in=DONE_STEPS).exists():
        end_if_done(session, by=by, at=at)


def _require_order(session: LabSession, step: Step) -> None:
    version = session.protocol_version
    if version is None or not version.ordered:
        return
    earlier = session.steps.filter(index__lt=step.index).exclude(status__in=DONE_STEPS)
    waiting = earlier.order_by("index").values_list("index", flat=True).first()
    if waiting is not None:
        raise StepOutOfOrder(
            f"This protocol is done in order; step {waiting + 1} is still open.", open_step_index=waiting
        )


def _require_free(session: LabSession, step: Step, at: datetime) -> None:
    block = blocks_of(session, [step], at=at).get(step.index)
    if block is not None:
        raise StepBlocked(
            f"This step is blocked. {block.reason}",
            blocked_reason=block.reason,
            required_actions=list(block.required_actions),
            auto_triggers=list(block.auto_triggers),
        )


def _require_possible_times(step: Step, at: datetime) -> None:
    for field in ("completed_at", "started_at"):
        moment = getattr(step, field)
        if moment is not None and moment > at + CLOCK_SKEW:
            raise invalid(f"/{field}", "This time has not come yet.")
    if step.started_at is not None and step.completed_at is not None and step.completed_at < step.started_at:
        raise invalid("/completed_at", "A step cannot end before it starts.")


def _pinned_values(session: LabSession, at: datetime) -> dict[str, Any]:
    """Return the last value of each channel that the team has pinned, as of ``at``."""
    latest = readings().latest(session, at=at, pinned=True)
    return {
        name: {"value": reading.value, "unit": reading.unit, "at": iso(reading.at)} for name, reading in latest.items()
    }
