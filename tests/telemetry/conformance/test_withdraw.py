"""Readings taken away: shown and counted nowhere, and back only with a new batch."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from sessions_app.models import LabSession
from telemetry_app.stores.base import ReadingStore
from tests.factories.sessions import SessionFactory
from tests.factories.telemetry import make_channels
from tests.telemetry.conformance.looking import FIRST_US, LAST_US, Content, assert_reads_as, bits, everything, put

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["never", "before", "after", "both"])
def folds(request: pytest.FixtureRequest) -> str:
    """Return when the session is tidied, counted from the withdrawal."""
    return str(request.param)


def recorded(store: ReadingStore, folds: str) -> tuple[LabSession, dict[str, UUID]]:
    session = SessionFactory()
    channels = make_channels(session, "a", "b")
    rows = [(name, us, float(us)) for us in range(10) for name in ("a", "b")]
    put(store, session, channels, rows, batch_id="first")
    if folds in ("before", "both"):
        store.compact(session.pk)
    return session, channels


def withdraw(
    store: ReadingStore, session: LabSession, channel: UUID, first_us: int, last_us: int, folds: str
) -> list[int]:
    run = store.withdraw(session.pk, channel, first_us, last_us, at=AT)
    assert run.channel_id == channel
    assert [bits(value) for value in run.values.tolist()] == [bits(float(us)) for us in run.times.tolist()]
    if folds in ("after", "both"):
        store.compact(session.pk)
    times: list[int] = run.times.tolist()
    return times


def left(channels: dict[str, UUID], times: list[int]) -> Content:
    """Return what is there when of ``a`` only ``times`` are left."""
    content = {(channels["a"], us): bits(float(us)) for us in times}
    return content | {(channels["b"], us): bits(float(us)) for us in range(10)}


def test_withdrawn_readings_are_returned_once_and_read_nowhere(store: ReadingStore, folds: str) -> None:
    session, channels = recorded(store, folds)

    assert withdraw(store, session, channels["a"], 3, 5, folds) == [3, 4, 5]

    assert_reads_as(store, session.pk, left(channels, [0, 1, 2, 6, 7, 8, 9]))
    assert withdraw(store, session, channels["a"], 3, 5, folds) == []
    chart = store.decimated(session.pk, [channels["a"]], 2, 6, max_points=10)
    assert (chart.raw_count, chart.exact[channels["a"]].tolist()) == (2, [2.0, 6.0])
    coarse = store.decimated(session.pk, [channels["a"]], FIRST_US, LAST_US, max_points=2)
    assert coarse.raw_count == 7


def test_the_latest_falls_back_to_the_newest_reading_that_is_left(store: ReadingStore, folds: str) -> None:
    session, channels = recorded(store, folds)

    withdraw(store, session, channels["a"], 8, 9, folds)

    assert store.latest(session.pk)[channels["a"]].us == 7
    assert store.marks(session.pk, channels.values())[channels["a"]].us == 7
    assert_reads_as(store, session.pk, left(channels, list(range(8))))


def test_a_channel_all_of_whose_readings_are_withdrawn_is_as_if_it_had_none(store: ReadingStore, folds: str) -> None:
    session, channels = recorded(store, folds)

    withdraw(store, session, channels["a"], FIRST_US, LAST_US, folds)

    assert_reads_as(store, session.pk, left(channels, []))
    assert channels["a"] not in store.marks(session.pk, channels.values())
    assert store.latest(session.pk, until_us=9).keys() == {channels["b"]}
    assert store.sessions_of(channels["a"]) == []
    again = put(store, session, channels, [("a", 4, 4.0)])
    assert (again.created, again.first_seen) == (1, {channels["a"]})


def test_a_repeat_of_the_old_batch_brings_nothing_back_and_a_new_one_does(store: ReadingStore, folds: str) -> None:
    session, channels = recorded(store, folds)
    withdraw(store, session, channels["a"], 3, 9, folds)

    repeat = put(store, session, channels, [("a", 5, 5.0)], batch_id="first")
    assert (repeat.created, repeat.replayed) == (0, True)
    assert_reads_as(store, session.pk, left(channels, [0, 1, 2]))

    anew = put(store, session, channels, [("a", 4, 4.0), ("a", 2, 2.0)])
    assert (anew.created, anew.replayed) == (1, False)
    assert_reads_as(store, session.pk, left(channels, [0, 1, 2, 4]))
    store.compact(session.pk)
    assert_reads_as(store, session.pk, left(channels, [0, 1, 2, 4]))


def test_readings_outside_any_session_are_withdrawn_alone(store: ReadingStore, folds: str) -> None:
    session, channels = recorded(store, folds)
    put(store, None, channels, [("a", 4, 4.0), ("a", 5, 5.0)])

    assert set(store.sessions_of(channels["a"])) == {None, session.pk}
    run = store.withdraw(None, channels["a"], 5, 5, at=AT)

    assert run.times.tolist() == [5]
    assert everything(store, None, [channels["a"]])[channels["a"]].times.tolist() == [4]
    assert store.latest(None, [channels["a"]])[channels["a"]].us == 4
    assert_reads_as(store, session.pk, left(channels, list(range(10))))
