"""Every status meets every move, and every wording the one that was read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from biolab.accounts.models import ServiceToken
from biolab.accounts.roles import PlatformRole, Role, Scope
from biolab.kernel import keys
from biolab.kernel.canonical import CHECKPOINT
from biolab.kernel.errors import Forbidden, Invalid, Stale
from biolab.kernel.machine import Move, MoveRefused
from sessions_app.models import LabSession
from sessions_app.services.sessions import change_session, move_session, open_moves, session_etag
from sessions_app.states import (
    ABORT,
    COMPLETE,
    ENDED_STATUSES,
    PAUSE,
    RESUME,
    SESSION_MACHINE,
    START,
    SessionStatus,
)
from tests.conftest import Clock
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.sessions.kit import all_that_is_written, kinds

pytestmark = pytest.mark.django_db

ALLOWED = {
    ("planned", "start"): "running",
    ("planned", "abort"): "aborted",
    ("running", "pause"): "paused",
    ("running", "complete"): "completed",
    ("running", "abort"): "aborted",
    ("paused", "resume"): "running",
    ("paused", "complete"): "completed",
    ("paused", "abort"): "aborted",
}
PAST = {START: "started", PAUSE: "paused", RESUME: "resumed", COMPLETE: "completed", ABORT: "aborted"}


@pytest.mark.parametrize("move", SESSION_MACHINE.moves, ids=lambda move: move.name)
@pytest.mark.parametrize("status", SessionStatus.values)
def test_the_table_says_what_each_move_does(status: str, move: Move, clock: Clock) -> None:
    session = SessionFactory(**{status: True}, with_steps=True)
    lead, before = make_member(session.team, Role.LEAD), all_that_is_written()

    if (status, move.name) not in ALLOWED:
        with pytest.raises(MoveRefused) as refusal:
            move_session(session=session, move=move, by=lead, at=clock())

        assert refusal.value.facts["status_now"] == status
        assert all_that_is_written() == before
        return

    moved = move_session(session=session, move=move, by=lead, at=clock(), reason=" The feed ran dry. ")

    stored = LabSession.objects.get(pk=session.pk)
    assert stored.status == moved.status == ALLOWED[status, move.name]
    last = stored.events.order_by("sequence").last()
    assert last.kind == f"session.{PAST[move]}"
    assert last.payload == {"from_status": status, "to_status": stored.status, "reason": "The feed ran dry."}
    assert last.actor == lead
    assert stored.ended_at == (clock() if stored.status in ENDED_STATUSES else None)


def test_starting_a_planned_session_stamps_when() -> None:
    session = SessionFactory(planned=True)
    assert session.started_at is None

    moved = move_session(session=session, move=START, by=session.created_by, at=NINE + timedelta(days=1))

    assert moved.started_at == NINE + timedelta(days=1)
    assert kinds(moved) == ["session.created", "session.started"]


@pytest.mark.parametrize("move", [COMPLETE, ABORT], ids=lambda move: move.name)
def test_ending_signs_a_checkpoint_over_the_whole_chain(move: Move, clock: Clock) -> None:
    session = SessionFactory()

    moved = move_session(session=session, move=move, by=session.created_by, at=clock())

    checkpoint = moved.checkpoints.get()
    assert checkpoint.sequence == moved.head_sequence == 3
    assert moved.head_hash in checkpoint.canonical
    signed = CHECKPOINT + checkpoint.canonical.encode()
    assert keys.verify(signed, bytes.fromhex(checkpoint.signature), checkpoint.key_id)


@pytest.mark.parametrize(
    ("role", "may_run", "may_abort"),
    [
        (Role.OWNER, True, True),
        (Role.MANAGER, True, True),
        (Role.LEAD, True, True),
        (Role.SCIENTIST, True, False),
        (Role.REVIEWER, True, False),
        (Role.APPROVER, True, False),
        (Role.QA, True, False),
        (Role.OPERATOR, True, False),
        (Role.OBSERVER, False, False),
    ],
)
def test_roles_decide_who_runs_and_who_aborts(role: Role, may_run: bool, may_abort: bool, clock: Clock) -> None:
    session = SessionFactory()
    person = make_member(session.team, role)
    before = all_that_is_written()

    assert [move.name for move in open_moves(session, person)] == (["pause", "complete"] if may_run else []) + (
        ["abort"] if may_abort else []
    )
    for move, allowed in ((PAUSE, may_run), (ABORT, may_abort)):
        if allowed:
            move_session(session=session, move=move, by=person, at=clock())
        else:
            written = all_that_is_written()
            with pytest.raises(Forbidden):
                move_session(session=session, move=move, by=person, at=clock())
            assert all_that_is_written() == written
    assert may_run or all_that_is_written() == before


def test_a_platform_viewer_moves_nothing_whatever_the_team_says(clock: Clock) -> None:
    session = SessionFactory()
    viewer = make_member(session.team, Role.OWNER, role_on_platform=PlatformRole.VIEWER)
    before = all_that_is_written()

    with pytest.raises(Forbidden):
        move_session(session=session, move=PAUSE, by=viewer, at=clock())

    assert all_that_is_written() == before


def test_an_administrator_runs_nothing_for_others(clock: Clock) -> None:
    session = SessionFactory()
    administrator = make_member(None, role_on_platform=PlatformRole.ADMIN)
    before = all_that_is_written()

    with pytest.raises(Forbidden):
        move_session(session=session, move=PAUSE, by=administrator, at=clock())

    assert all_that_is_written() == before


def test_a_token_needs_the_scope_and_its_name_is_written_down(clock: Clock) -> None:
    session = SessionFactory()
    lead = session.created_by
    lead.credential = ServiceToken(name="Pump 3", owner=lead, scopes=[Scope.SESSIONS_READ])
    before = all_that_is_written()

    with pytest.raises(Forbidden):
        move_session(session=session, move=PAUSE, by=lead, at=clock())
    assert all_that_is_written() == before

    lead.credential.scopes = [Scope.SESSIONS_WRITE]
    move_session(session=session, move=PAUSE, by=lead, at=clock())
    assert session.events.get(kind="session.paused").record["actor"]["via"] == "Pump 3"


def test_the_system_moves_without_a_person(clock: Clock) -> None:
    session = SessionFactory()

    move_session(session=session, move=ABORT, by=None, at=clock(), reason="The power failed.")

    event = session.events.get(kind="session.aborted")
    assert event.actor is None
    assert event.record["actor"] == {"id": None, "name": "BioLab", "via": ""}


def test_a_reason_without_end_is_refused(clock: Clock) -> None:
    session = SessionFactory()
    before = all_that_is_written()

    with pytest.raises(Invalid):
        move_session(session=session, move=PAUSE, by=session.created_by, at=clock(), reason="x" * 2001)

    assert all_that_is_written() == before


def test_another_wording_holds_for_the_one_that_was_read_even_if_it_changes_meanwhile(clock: Clock) -> None:
    session = SessionFactory(running=True)
    lead, read = make_member(session.team, Role.LEAD), session_etag(session)
    theirs = change_session(session=session, by=lead, at=clock(), name="Theirs", if_match=read)
    before = all_that_is_written()

    with pytest.raises(Stale) as late:
        change_session(session=session, by=lead, at=clock(), name="Mine", if_match=read)

    assert late.value.facts["etag"] == session_etag(theirs)
    assert all_that_is_written() == before
