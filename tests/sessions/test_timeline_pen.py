"""The pen: gapless, chained, inside a transaction, and cheap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from biolab.kernel.facts import Fact
from sessions_app import timeline
from sessions_app.facts import SessionChanged
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.verification import verify_session
from tests.conftest import Clock
from tests.factories.sessions import SessionFactory
from tests.sessions.kit import kinds


@dataclass(frozen=True, kw_only=True)
class BellRung(Fact):
    """Something only these tests record."""

    kind: ClassVar[str] = "test.bell_rung"
    sentence: ClassVar[str] = "The bell rang {times} times."
    times: int


RUNG = BellRung(times=2)


@pytest.fixture
def reactions() -> Iterator[list[Any]]:
    """Give the list of reactions and put it back as it was afterwards."""
    before = list(timeline._REACTIONS)
    yield timeline._REACTIONS
    timeline._REACTIONS[:] = before


@pytest.mark.django_db(transaction=True)
def test_history_is_only_written_inside_a_transaction(clock: Clock) -> None:
    session = SessionFactory()

    with pytest.raises(RuntimeError):
        timeline.record(session, RUNG, by=None, at=clock())

    assert kinds(session) == ["session.created", "session.started"]


@pytest.mark.django_db
def test_an_event_tells_itself(clock: Clock) -> None:
    session = SessionFactory()

    event = timeline.record(session, RUNG, by=session.created_by, at=clock())

    stored = TimelineEvent.objects.get(pk=event.pk)
    assert stored.told == "The bell rang 2 times."
    assert stored.actor_name == session.created_by.printed_name
    assert stored.payload == {"times": 2}
    assert (stored.sequence, stored.prev_hash) == (3, session.events.get(sequence=2).hash)


@pytest.mark.django_db
def test_writing_an_event_costs_one_update_and_one_insert(
    clock: Clock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session = SessionFactory()
    lead = session.created_by

    with django_assert_num_queries(2):
        timeline.record(session, RUNG, by=lead, at=clock())
    with django_assert_num_queries(3):
        timeline.record(session, RUNG, by=lead, at=clock(), key="bell")
    with django_assert_num_queries(1):
        timeline.record(session, RUNG, by=lead, at=clock(), key="bell")


@pytest.mark.django_db
def test_the_same_key_writes_once_and_reacts_once(clock: Clock, reactions: list[Any]) -> None:
    session = SessionFactory()
    heard: list[int] = []
    timeline.reacts_to(BellRung)(lambda session, event, fact: heard.append(event.sequence))

    first = timeline.record(session, RUNG, by=None, at=clock(), key="bell")
    second = timeline.record(session, BellRung(times=9), by=None, at=clock(), key="bell")

    assert first == second
    assert heard == [3]
    assert kinds(session).count("test.bell_rung") == 1


@pytest.mark.django_db
def test_reactions_come_in_the_writers_transaction_in_order_of_registration(clock: Clock, reactions: list[Any]) -> None:
    session = SessionFactory()
    heard: list[str] = []

    @timeline.reacts_to(BellRung)
    def first(session: LabSession, event: TimelineEvent, fact: BellRung) -> None:
        heard.append("first")
        echo = SessionChanged(before={}, after={"heard": str(fact.times)}, reason="")
        timeline.record(session, echo, by=None, at=event.occurred_at)

    @timeline.reacts_to(BellRung)
    def second(session: LabSession, event: TimelineEvent, fact: BellRung) -> None:
        heard.append("second")
        raise LookupError("the second reaction fails")

    with pytest.raises(LookupError), transaction.atomic():
        timeline.record(session, RUNG, by=None, at=clock())

    assert heard == ["first", "second"]
    assert kinds(session) == ["session.created", "session.started"]


@pytest.mark.django_db
def test_a_copy_that_is_behind_catches_up_instead_of_breaking_the_chain(clock: Clock) -> None:
    session = SessionFactory()
    one, other = LabSession.objects.get(pk=session.pk), LabSession.objects.get(pk=session.pk)

    timeline.record(one, RUNG, by=None, at=clock())
    timeline.record(other, RUNG, by=None, at=clock())
    with transaction.atomic():
        timeline.record(one, RUNG, by=None, at=clock())
        transaction.set_rollback(True)  # and the copy has moved on
    timeline.record(one, RUNG, by=None, at=clock())

    assert list(session.events.order_by("sequence").values_list("sequence", flat=True)) == [1, 2, 3, 4, 5]
    assert verify_session(session.pk).valid


@pytest.mark.django_db
def test_a_payload_that_json_would_round_is_not_written(clock: Clock) -> None:
    session = SessionFactory()

    with pytest.raises(ValueError), transaction.atomic():
        timeline.record(session, BellRung(times=2**60), by=None, at=clock())

    assert kinds(session) == ["session.created", "session.started"]
    assert LabSession.objects.get(pk=session.pk).head_sequence == 2


@pytest.mark.django_db
def test_a_long_session_is_signed_on_the_way(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "CHECKPOINT_EVERY", 5)
    session = SessionFactory()

    for _ in range(11):
        timeline.record(session, RUNG, by=None, at=clock())

    assert sorted(session.checkpoints.values_list("sequence", flat=True)) == [5, 10]
    assert verify_session(session.pk).checkpoint.sequence == 10


@pytest.mark.django_db
def test_the_bell_rings_after_the_commit_only(
    clock: Clock, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = SessionFactory()

    with django_capture_on_commit_callbacks() as callbacks:
        timeline.record(session, RUNG, by=None, at=clock())

    assert connection.in_atomic_block
    (ring,) = callbacks
    assert ring.args == (session.topic,)
    assert ring.keywords == {"sequence": 3}
