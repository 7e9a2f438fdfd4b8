"""Channels that fall silent: who is missed, when, and what is written down when they are heard again."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import DjangoAssertNumQueries

from sessions_app.models import LabSession
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE, PAUSE, RESUME
from telemetry_app.alarms import alarms_of
from telemetry_app.instants import SECOND_US, to_us
from telemetry_app.models import Channel
from telemetry_app.services.ingest import ingest
from telemetry_app.services.silence import look_for_silence
from telemetry_app.services.withdrawing import withdraw_readings
from tests.factories.accounts import make_admin
from tests.factories.sessions import NINE, SessionFactory
from tests.factories.telemetry import NINE_US, make_batch
from tests.sessions.kit import kinds

pytestmark = pytest.mark.django_db

EACH_MINUTE: list[tuple[float, float]] = [(at, at) for at in range(-240, 61, 60)]


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


def second(number: float) -> Any:
    return NINE + timedelta(seconds=number)


def send(
    session: LabSession, *seconds: float, received: float | None = None, channels: tuple[str, ...] = ("pH",)
) -> None:
    """Store one batch with a reading at each second, received at the last of them unless said otherwise."""
    received = seconds[-1] if received is None else received
    rows = [(name, NINE_US + round(at * SECOND_US), received) for name in channels for at in seconds]
    at = second(received)
    batch = make_batch(rows, received_us=to_us(at))
    ingest(session=session, batch=batch, by=session.created_by, at=at, body_sha256="0" * 64)


def look(at: float, *, up_since: float = 0) -> int:
    return look_for_silence(at=second(at), listening_since=second(up_since))


def test_a_channel_that_stops_sending_is_missed_and_its_return_is_told(session: LabSession) -> None:
    for at in range(-1, 5):
        send(session, at)

    looks = [look(at) for at in (20, 34, 35, 45)]
    send(session, 60)
    looks += [look(65), look(75)]

    assert looks == [0, 0, 1, 0, 1, 0]
    assert [row.title for row in session.created_by.notifications.all()] == ["pH has gone silent"]
    (alarm,) = alarms_of(session)
    assert (alarm.kind, alarm.opened_at, alarm.closed_at) == ("silence", second(4), second(60))
    gap, ended = session.events.filter(kind__startswith="telemetry.gap").order_by("sequence")
    assert (gap.kind, gap.told) == ("telemetry.gap", "pH has sent nothing since 2026-03-02T09:00:04Z.")
    assert gap.payload["expected_s"] == 1.0
    assert (ended.kind, ended.payload["seconds"]) == ("telemetry.gap.ended", 56.0)
    assert ended.told == "pH sends again, after 56 seconds."


@pytest.mark.parametrize(
    ("arrivals", "missed_at"),
    [
        ([(at, at) for at in range(-4, 2)], 31.1),
        (EACH_MINUTE, 660.1),
        ([(at, at) for at in range(-1801, 1200, 600)], 7199.1),
        ([*EACH_MINUTE, (61, 61)], 586.1),
        ([*EACH_MINUTE, (60, 61)], 586.1),
        ([(at + 3600, at) for at in range(-4, 2)], 31.1),
    ],
    ids=["fast", "slow", "in batches", "slow with a burst", "slow with the last one twice", "a clock that is ahead"],
)
def test_patience_follows_the_pace_of_the_channel(
    session: LabSession, arrivals: list[tuple[float, float]], missed_at: float
) -> None:
    for at, received in arrivals:
        send(session, at, received=received)

    assert look(missed_at - 0.2) == 0
    assert look(missed_at) == 1


@pytest.mark.parametrize(
    "arrivals",
    [
        [((at,), at) for at in range(5)],
        [(tuple(range(60)), 60)],
        [((-7200 + 100 * at,), at) for at in range(8)],
    ],
    ids=["a few readings", "one batch", "history"],
)
def test_nobody_waits_for_what_was_never_regular_or_is_history(
    session: LabSession, arrivals: list[tuple[tuple[float, ...], float]]
) -> None:
    for seconds, received in arrivals:
        send(session, *seconds, received=received)

    assert look(1_000_000) == 0
    assert not alarms_of(session).exists()


def test_a_session_that_rests_or_has_ended_misses_nobody(session: LabSession) -> None:
    lead = session.created_by
    for at in range(-1, 5):
        send(session, at)

    move_session(session=session, move=PAUSE, by=lead, at=second(10))
    resting = look(1000)
    move_session(session=session, move=RESUME, by=lead, at=second(2000))
    resumed = [look(2030), look(2031)]
    move_session(session=session, move=COMPLETE, by=lead, at=second(3000))

    assert (resting, resumed, look(4000)) == (0, [0, 1], 0)
    assert [alarm.closed_at for alarm in alarms_of(session)] == [second(3000)]


def test_an_instrument_is_not_blamed_for_the_time_when_the_house_was_down(session: LabSession) -> None:
    for at in range(-1, 5):
        send(session, at)

    assert [look(500, up_since=480), look(510, up_since=480), look(511, up_since=480)] == [0, 0, 1]


def test_readings_that_come_back_while_the_session_rests_end_the_silence(session: LabSession) -> None:
    for at in range(-1, 5):
        send(session, at)
    look(60)

    move_session(session=session, move=PAUSE, by=session.created_by, at=second(61))
    send(session, 70)
    look(75)

    assert [alarm.closed_at for alarm in alarms_of(session)] == [second(70)]


def test_a_withdrawn_channel_is_missed_no_more(session: LabSession) -> None:
    for at in range(-1, 5):
        send(session, at)

    Channel.objects.update(withdrawn_at=second(6))

    assert look(100) == 0


def test_withdrawing_the_newest_reading_is_no_sign_of_life(session: LabSession) -> None:
    for at in range(-1, 5):
        send(session, at)
    channel = Channel.objects.get()
    look(60)

    withdraw_readings(
        session=session, channel=channel, first_us=NINE_US + 4 * SECOND_US, reason="", by=make_admin(), at=second(70)
    )

    assert look(80) == 0
    assert alarms_of(session).get().is_open


def test_a_look_costs_one_query_however_many_channels_send(
    session: LabSession, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    names = tuple(f"channel {number}" for number in range(40))
    other = SessionFactory()
    for at in range(-3, 3):
        send(session, at, channels=names)
        send(other, at, channels=names)

    with django_assert_num_queries(1):
        assert look(20) == 0


@pytest.mark.django_db(transaction=True)
def test_two_looks_at_once_write_a_silence_down_once(session: LabSession) -> None:
    for at in range(-1, 5):
        send(session, at)
    barrier, found = Barrier(2), []

    def one() -> None:
        barrier.wait()
        try:
            found.append(look(60))
        finally:
            connection.close()

    threads = [Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [0, 1]
    assert kinds(session).count("telemetry.gap") == 1
