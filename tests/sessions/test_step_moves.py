"""Steps: what leads where, in which order, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from biolab.accounts.roles import Role
from biolab.kernel.errors import Forbidden, Invalid, Missing
from biolab.kernel.machine import MoveRefused
from sessions_app import ports
from sessions_app.errors import SessionEnded, SessionNotRunning, StepOutOfOrder
from sessions_app.models import LabSession, Step
from sessions_app.ports import Anomaly, ChannelEnvelope, ChannelSummary, ReadingValue
from sessions_app.services.steps import advance_step, move_step
from sessions_app.states import StepStatus
from tests.conftest import Clock
from tests.factories.sessions import SessionFactory, make_member
from tests.sessions.kit import all_that_is_written, kinds

pytestmark = pytest.mark.django_db

ALLOWED = {
    ("pending", "in_progress"),
    ("pending", "completed"),
    ("pending", "skipped"),
    ("in_progress", "completed"),
    ("in_progress", "skipped"),
}


def brought_to(session: LabSession, index: int, status: str, at: datetime) -> None:
    """Bring a pending step to ``status``."""
    if status != StepStatus.PENDING:
        move_step(session=session, index=index, to=status, by=session.created_by, at=at, reason="As planned")


@pytest.mark.parametrize("to", StepStatus.values)
@pytest.mark.parametrize("status", StepStatus.values)
def test_the_table_says_where_each_status_leads(status: str, to: str, clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    brought_to(session, 1, status, clock())
    before, at = all_that_is_written(), clock.forward(minutes=1)

    if (status, to) not in ALLOWED:
        with pytest.raises(MoveRefused):
            move_step(session=session, index=1, to=to, by=session.created_by, at=at, reason="Why not")

        assert all_that_is_written() == before
        return

    move_step(session=session, index=1, to=to, by=session.created_by, at=at, reason="Why not")

    step = Step.objects.get(session=session, index=1)
    assert step.status == to
    assert step.completed_at == (None if to == "in_progress" else at)
    assert step.completed_by == (None if to == "in_progress" else session.created_by)
    payload = session.events.filter(kind="step.transition").latest("sequence").payload
    assert payload | {"started_at": None, "completed_at": None} == {
        "step_index": 1,
        "instruction": "Calibrate the pH probe",
        "from_status": status,
        "to_status": to,
        "auto": False,
        "reason": "Why not",
        "started_at": None,
        "completed_at": None,
        "values": {},
    }


def test_advancing_goes_on_step_by_step_and_stops_when_done(clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    lead = session.created_by

    assert advance_step(session=session, index=0, by=lead, at=clock()).status == "in_progress"
    assert advance_step(session=session, index=0, by=lead, at=clock.forward(minutes=9)).status == "completed"

    before = all_that_is_written()
    step = advance_step(session=session, index=0, by=lead, at=clock.forward(minutes=1))
    assert step.status == "completed"
    assert all_that_is_written() == before


def test_the_last_step_completes_the_session(clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    lead = session.created_by
    move_step(session=session, index=2, to="completed", by=lead, at=clock())
    move_step(session=session, index=0, to="skipped", by=lead, at=clock(), reason="Done the day before")

    move_step(session=session, index=1, to="completed", by=lead, at=clock.forward(hours=1))

    ended = LabSession.objects.get(pk=session.pk)
    assert (ended.status, ended.ended_at) == ("completed", clock())
    assert kinds(ended)[-2:] == ["step.transition", "session.completed"]
    assert ended.checkpoints.get().sequence == ended.head_sequence


def test_a_done_step_of_an_ended_session_still_answers_an_advance(clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    for index in range(3):
        move_step(session=session, index=index, to="completed", by=session.created_by, at=clock())
    before = all_that_is_written()

    assert advance_step(session=session, index=2, by=session.created_by, at=clock()).status == "completed"

    assert all_that_is_written() == before


@pytest.mark.parametrize("to", ["in_progress", "completed", "skipped"])
def test_an_ordered_protocol_is_done_in_order(to: str, clock: Clock) -> None:
    session = SessionFactory(with_ordered_steps=True)
    lead, before = session.created_by, all_that_is_written()

    with pytest.raises(StepOutOfOrder) as refusal:
        move_step(session=session, index=2, to=to, by=lead, at=clock(), reason="In a hurry")
    assert refusal.value.facts["open_step_index"] == 0
    assert all_that_is_written() == before

    for index in range(2):
        move_step(session=session, index=index, to="completed", by=lead, at=clock())
    assert move_step(session=session, index=2, to=to, by=lead, at=clock(), reason="In a hurry").status == to


@pytest.mark.parametrize("reason", ["", "   "])
def test_skipping_needs_a_reason(reason: str, clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    before = all_that_is_written()

    with pytest.raises(Invalid) as refusal:
        move_step(session=session, index=0, to="skipped", by=session.created_by, at=clock(), reason=reason)

    assert refusal.value.facts["errors"][0]["pointer"] == "/reason"
    assert all_that_is_written() == before


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        ("planned", SessionNotRunning),
        ("paused", SessionNotRunning),
        ("completed", SessionEnded),
        ("aborted", SessionEnded),
    ],
)
def test_steps_move_in_a_running_session_only(status: str, refusal: type[Exception], clock: Clock) -> None:
    session = SessionFactory(**{status: True}, with_steps=True)
    before = all_that_is_written()

    with pytest.raises(refusal):
        move_step(session=session, index=0, to="completed", by=session.created_by, at=clock())
    with pytest.raises(refusal):
        advance_step(session=session, index=0, by=session.created_by, at=clock())

    assert all_that_is_written() == before


@pytest.mark.parametrize("index", [3, 2**31, 2**70])
def test_an_unknown_step_is_missing(index: int, clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    before = all_that_is_written()

    for act in (move_step, advance_step):
        wish = {"to": "completed"} if act is move_step else {}
        with pytest.raises(Missing):
            act(session=session, index=index, by=session.created_by, at=clock(), **wish)

    assert all_that_is_written() == before


def test_an_observer_moves_no_step(clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    observer = make_member(session.team, Role.OBSERVER)
    before = all_that_is_written()

    for act in (move_step, advance_step):
        wish = {"to": "completed"} if act is move_step else {}
        with pytest.raises(Forbidden):
            act(session=session, index=0, by=observer, at=clock(), **wish)

    assert all_that_is_written() == before


def test_it_may_be_told_later_when_it_really_happened(clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    began, ended = clock() - timedelta(minutes=30), clock() - timedelta(minutes=10)

    step = move_step(
        session=session,
        index=0,
        to="completed",
        by=session.created_by,
        at=clock(),
        started_at=began,
        completed_at=ended,
        values={"volume_l": 2.5},
    )

    assert (step.started_at, step.completed_at, step.values) == (began, ended, {"volume_l": 2.5})


@pytest.mark.parametrize(
    ("started", "completed", "pointer"),
    [(0, -1, "/completed_at"), (10, None, "/started_at"), (None, 10, "/completed_at")],
)
def test_impossible_times_are_refused(started: int | None, completed: int | None, pointer: str, clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    before = all_that_is_written()
    times = {
        name: clock() + timedelta(minutes=minutes)
        for name, minutes in (("started_at", started), ("completed_at", completed))
        if minutes is not None
    }

    with pytest.raises(Invalid) as refusal:
        move_step(session=session, index=0, to="completed", by=session.created_by, at=clock(), **times)

    assert refusal.value.facts["errors"][0]["pointer"] == pointer
    assert all_that_is_written() == before


def test_values_that_json_would_round_are_refused(clock: Clock) -> None:
    session = SessionFactory(with_steps=True)
    before = all_that_is_written()

    with pytest.raises(Invalid):
        move_step(session=session, index=0, to="completed", by=session.created_by, at=clock(), values={"cells": 2**60})

    assert all_that_is_written() == before


class BenchReadings:
    """Readings of a bench with a pinned pH probe and a stirrer that nobody pinned; binds itself as a store would."""

    def latest(
        self,
        session: LabSession,
        *,
        names: Sequence[str] | None = None,
        at: datetime | None = None,
        pinned: bool = False,
    ) -> dict[str, ReadingValue]:
        assert at is not None
        known = {
            "pH": ReadingValue("pH", 7.02, "", at - timedelta(seconds=3)),
            "stirrer": ReadingValue("stirrer", 800.0, "1/min", at),
        }
        return {name: reading for name, reading in known.items() if name == "pH" or not pinned}

    def channels(self, session: LabSession) -> list[ChannelSummary]:
        return []

    def anomalies(self, session: LabSession, *, most: int) -> list[Anomaly]:
        return []

    def envelopes(self, session: LabSession, *, origin: datetime, places: int) -> list[ChannelEnvelope]:
        return []


@pytest.fixture
def bench_readings() -> Iterator[None]:
    """Bind readings for one test."""
    bound = ports.readings()
    ports.bind_readings(BenchReadings())
    yield
    ports.bind_readings(bound)


@pytest.mark.usefixtures("bench_readings")
@pytest.mark.parametrize(("given", "kept"), [({}, 7.02), ({"pH": {"value": 6.9}}, 6.9)])
def test_completing_keeps_what_the_pinned_channels_showed(given: dict[str, Any], kept: float, clock: Clock) -> None:
    session = SessionFactory(with_steps=True)

    move_step(session=session, index=0, to="completed", by=session.created_by, at=clock(), values=given)

    step = Step.objects.get(session=session, index=0)
    assert set(step.values) == {"pH"}
    assert step.values["pH"]["value"] == kept
    assert session.events.get(kind="step.transition").payload["values"] == step.values
    if not given:
        assert step.values["pH"] == {"value": 7.02, "unit": "", "at": "2026-03-02T08:59:57Z"}


@pytest.mark.usefixtures("bench_readings")
@pytest.mark.parametrize("to", ["in_progress", "skipped"])
def test_only_completing_keeps_readings(to: str, clock: Clock) -> None:
    session = SessionFactory(with_steps=True)

    step = move_step(session=session, index=0, to=to, by=session.created_by, at=clock(), reason="Not needed")

    assert step.values == {}
