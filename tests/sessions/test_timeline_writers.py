"""Many writers on one session: gapless and chained on PostgreSQL, where rows are really locked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from django.db import connection, transaction

from biolab.kernel.errors import Conflict
from sessions_app import timeline
from sessions_app.facts import SessionChanged
from sessions_app.models import LabSession
from sessions_app.services.protocols import change_protocol
from sessions_app.services.sessions import change_session, move_session
from sessions_app.services.steps import move_step
from sessions_app.states import COMPLETE
from sessions_app.verification import verify_session
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory
from tests.sessions.kit import kinds

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

WRITERS = 8


def at_once(act: Callable[[int], object], count: int = WRITERS) -> list[object]:
    """Run ``act`` in as many threads at once; return what each returned or refused with."""
    ready = Barrier(count)

    def run(number: int) -> object:
        ready.wait()
        try:
            return act(number)
        except Conflict as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def sequences(session: LabSession) -> list[int]:
    """Return the sequences of the session's events, in order."""
    return list(session.events.order_by("sequence").values_list("sequence", flat=True))


def test_eight_writers_leave_no_gap() -> None:
    session = SessionFactory()

    def write(writer: int) -> None:
        for round_ in range(10):
            change_session(session=session, by=session.created_by, at=NINE, name=f"Run by {writer}, {round_}")

    at_once(write)

    assert sequences(session) == list(range(1, 2 + WRITERS * 10 + 1))
    assert verify_session(session.pk).valid


def test_even_a_writer_that_forgot_to_hold_the_row_breaks_no_chain() -> None:
    session = SessionFactory()

    def write(writer: int) -> None:
        own = LabSession.objects.get(pk=session.pk)
        for round_ in range(10):
            fact = SessionChanged(before={}, after={"name": f"{writer}, {round_}"}, reason="")
            with transaction.atomic():
                timeline.record(own, fact, by=None, at=NINE)

    at_once(write)

    assert sequences(session) == list(range(1, 2 + WRITERS * 10 + 1))
    assert verify_session(session.pk).valid


def test_of_many_who_end_a_session_one_does() -> None:
    session = SessionFactory()

    outcomes = at_once(lambda _: move_session(session=session, move=COMPLETE, by=session.created_by, at=NINE))

    assert sum(isinstance(outcome, LabSession) for outcome in outcomes) == 1
    assert session.events.filter(kind="session.completed").count() == 1
    assert session.checkpoints.count() == 1
    assert verify_session(session.pk).valid


def test_the_last_steps_done_at_once_end_the_session_once() -> None:
    protocol = ProtocolFactory(content="\n".join(f"Step {number}" for number in range(WRITERS)))
    session = SessionFactory(team=protocol.team, by=protocol.created_by, protocol=protocol)

    at_once(lambda index: move_step(session=session, index=index, to="completed", by=session.created_by, at=NINE))

    assert LabSession.objects.get(pk=session.pk).status == "completed"
    assert session.events.filter(kind="step.transition").count() == WRITERS
    assert session.events.filter(kind="session.completed").count() == 1
    assert verify_session(session.pk).valid


def test_changes_of_a_protocol_at_once_become_gapless_versions() -> None:
    protocol = ProtocolFactory()

    at_once(lambda writer: change_protocol(protocol=protocol, by=protocol.created_by, at=NINE, title=f"By {writer}"))

    protocol.refresh_from_db()
    versions = list(protocol.versions.order_by("version").values_list("version", flat=True))
    assert versions == list(range(1, WRITERS + 2))
    assert protocol.current_version == WRITERS + 1


def test_ending_waits_for_a_batch_that_is_being_stored_and_other_writers_do_not() -> None:
    session = SessionFactory()
    storing, may_commit, ended = Event(), Event(), Event()

    def store_a_batch() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT status FROM sessions_app_labsession WHERE id = %s FOR KEY SHARE", [session.pk])
            storing.set()
            assert may_commit.wait(30)
            assert not ended.is_set()
        connection.close()

    def end() -> None:
        move_session(session=session, move=COMPLETE, by=session.created_by, at=NINE)
        ended.set()
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        batch = pool.submit(store_a_batch)
        assert storing.wait(30)
        change_session(session=session, by=session.created_by, at=NINE, name="Not kept waiting")
        ending = pool.submit(end)
        ended_early = ended.wait(0.5)
        may_commit.set()
        batch.result(30)
        ending.result(30)

    assert not ended_early
    assert LabSession.objects.get(pk=session.pk).status == "completed"
    assert kinds(session) == ["session.created", "session.started", "session.changed", "session.completed"]
