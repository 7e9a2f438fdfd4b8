"""Batches, compactions and the end of a session at the same time, on PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from django.db import connection, transaction

from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.errors import Missing
from sessions_app.errors import SessionEnded
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.services.notes import write_note
from sessions_app.services.sessions import move_session
from sessions_app.states import COMPLETE
from telemetry_app.instants import to_us
from telemetry_app.models import Channel, Segment
from telemetry_app.services.ingest import ingest, ingest_outside
from telemetry_app.services.withdrawing import withdraw_channel, withdraw_readings
from telemetry_app.stores import current
from telemetry_app.stores.admission import hold_open
from telemetry_app.stores.reading import FIRST_US, LAST_US
from telemetry_app.stores.sql import insert_segment
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.factories.telemetry import ChannelFactory, make_batch, make_intake

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]

NINE_US = to_us(NINE)


def in_threads(*works: Callable[[], object]) -> list[object]:
    """Run works at once, each on a connection of its own; return what each returned or raised."""

    def run(work: Callable[[], object]) -> object:
        try:
            return work()
        except Exception as problem:  # the outcome is the test's to judge
            return problem
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def sender(session: LabSession, first: int, batches: int, name: str = "a") -> Callable[[], int]:
    person = make_member(session.team, Role.OPERATOR)

    def send() -> int:
        created = 0
        for number in range(first, first + batches):
            rows = [(name, NINE_US + number * 10 + i, float(number)) for i in range(10)]
            batch = make_batch(rows, batch_id=f"b{number}")
            created += ingest(session=session, batch=batch, by=person, at=NINE, body_sha256="0" * 64).counts.created
        return created

    return send


def test_readings_that_arrive_while_others_are_folded_are_all_there_once() -> None:
    session = SessionFactory()
    done = threading.Event()

    def fold() -> int:
        moved = 0
        while not done.is_set():
            moved += current().compact(session.pk)
        return moved

    def look() -> int:
        most = 0
        while not done.is_set():
            runs = current().window(session.pk, None, FIRST_US, LAST_US)
            ends = [int(run.times[-1]) for run in runs.values()]
            newest = current().latest(session.pk, until_us=LAST_US)
            figures = current().summary(session.pk)
            chart = current().decimated(session.pk, list(figures), FIRST_US, LAST_US, max_points=5)
            counts = [
                sum(run.times.size for run in runs.values()),
                sum(stats.count for stats in figures.values()),
                chart.raw_count,
            ]
            assert [most, *counts] == sorted([most, *counts]), "a reading disappeared"
            assert sum(reading.us for reading in newest.values()) >= sum(ends), "a newest reading disappeared"
            most = counts[-1]
        return most

    def send_all() -> list[object]:
        try:
            return in_threads(*(sender(session, 100 * i, 40, name=f"c{i % 2}") for i in range(4)))
        finally:
            done.set()

    sent, *others = in_threads(send_all, fold, fold, look)

    assert sent == [400, 400, 400, 400]
    assert not [other for other in others if isinstance(other, Exception)]
    current().compact(session.pk)
    runs = current().window(session.pk, None, FIRST_US, LAST_US)
    assert sum(run.times.size for run in runs.values()) == 1600
    assert not Segment.objects.filter(columns__isnull=False).exists()


def test_one_batch_sent_ten_times_at_once_is_stored_once() -> None:
    session = SessionFactory()
    person = make_member(session.team, Role.OPERATOR)
    batch = make_batch([("a", NINE_US + i, 1.0) for i in range(100)], batch_id="same")

    def send() -> int:
        return ingest(session=session, batch=batch, by=person, at=NINE, body_sha256="0" * 64).counts.created

    outcomes = in_threads(*[send] * 10)

    assert sorted(outcomes, key=str) == [0] * 9 + [100]
    assert Segment.objects.count() == 1


def test_new_channels_named_in_any_order_are_made_once() -> None:
    session = SessionFactory()
    names = [f"c{i}" for i in range(30)]
    people = [make_member(session.team, Role.OPERATOR) for _ in range(6)]

    def send(number: int) -> int:
        order = np.random.default_rng(number).permutation(names).tolist()
        batch = make_batch([(name, NINE_US + number, 1.0) for name in order])
        return ingest(session=session, batch=batch, by=people[number], at=NINE, body_sha256="0" * 64).counts.created

    outcomes = in_threads(*(lambda number=number: send(number) for number in range(6)))  # type: ignore[misc]

    assert outcomes == [30] * 6
    assert Channel.objects.filter(team=session.team).count() == 30
    told = TimelineEvent.objects.filter(session=session, kind="telemetry.channel.added")
    assert sum(len(event.payload["channels"]) for event in told) == 30


def test_whatever_was_acknowledged_before_the_end_is_under_the_seal_and_nothing_later() -> None:
    session = SessionFactory()
    lead = make_member(session.team, Role.LEAD)
    acknowledged: list[int] = []

    def send(first: int) -> None:
        person = make_member(session.team, Role.OPERATOR)
        for number in range(first, first + 500):
            rows = [("a", NINE_US + number, float(number))]
            try:
                ingest(session=session, batch=make_batch(rows), by=person, at=NINE, body_sha256="0" * 64)
            except SessionEnded:
                return
            acknowledged.append(number)

    def end() -> None:
        while len(acknowledged) < 30:
            time.sleep(0.01)
        move_session(session=session, move=COMPLETE, by=lead, at=NINE)

    outcomes = in_threads(*(lambda first=first: send(first) for first in (0, 1000, 2000)), end)  # type: ignore[misc]

    assert outcomes == [None] * 4
    sealed = TimelineEvent.objects.get(session=session, kind="telemetry.sealed")
    assert sealed.payload["readings"] == len(acknowledged)
    seal = current().seal(session.pk)
    assert [one.sha256 for one in seal.values()] == [sealed.payload["channels"]["a"]["sha256"]]


def test_the_end_waits_for_an_open_batch_and_people_do_not() -> None:
    session = SessionFactory()
    lead = make_member(session.team, Role.LEAD)
    held, release = threading.Event(), threading.Event()
    order: list[str] = []

    def hold() -> None:
        with transaction.atomic():
            assert hold_open(session.pk, lead.pk) == ("running", "lead")
            held.set()
            release.wait(20)
            order.append("batch")

    def write() -> None:
        held.wait(20)
        write_note(session=session, by=lead, at=NINE, timestamp=NINE, content="Foam.", speaker="A")
        order.append("note")
        threading.Timer(0.5, release.set).start()
        move_session(session=session, move=COMPLETE, by=lead, at=NINE)
        order.append("end")

    outcomes = in_threads(hold, write)

    assert outcomes == [None, None]
    assert order == ["note", "batch", "end"]


def test_the_end_is_not_kept_waiting_by_batches_that_came_after_it() -> None:
    session = SessionFactory()
    lead = make_member(session.team, Role.LEAD)
    ended = threading.Event()
    entered: list[str | None] = []

    def keep_sending() -> None:
        while not ended.is_set():
            with transaction.atomic():
                entered.append(hold_open(session.pk, lead.pk)[0])
                time.sleep(0.02)

    def watch() -> int:
        """Return how many batches had come in when the end was first seen to wait."""
        with connection.cursor() as cursor:
            while True:
                cursor.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
                if cursor.fetchone() or ended.is_set():
                    return len(entered)

    def end() -> int:
        while len(entered) < 50:
            time.sleep(0.001)
        try:
            return move_session(session=session, move=COMPLETE, by=lead, at=NINE) and entered.count("running")
        finally:
            ended.set()

    *_, waiting_from, open_at_the_end = in_threads(*[keep_sending] * 8, watch, end)

    assert isinstance(open_at_the_end, int)
    assert isinstance(waiting_from, int)
    assert open_at_the_end - waiting_from <= 8, "each sender may have one on its way"


def test_the_batch_received_later_wins_even_where_the_earlier_one_commits_last() -> None:
    session = SessionFactory()
    channel = ChannelFactory(team=session.team, name="a")
    person = make_member(session.team, Role.OPERATOR)
    early, late = make_batch([("a", NINE_US, 1.0)]), make_batch([("a", NINE_US, 2.0)])
    received, folding = threading.Event(), threading.Event()

    def send_early() -> None:
        with transaction.atomic():
            hold_open(session.pk, person.pk)
            insert_segment(make_intake(session, {"a": channel.pk}, early))
            received.set()
            folding.wait(20)
            time.sleep(0.3)

    def send_late_and_fold() -> int:
        received.wait(20)
        ingest(session=session, batch=late, by=person, at=NINE, body_sha256="0" * 64)
        folding.set()
        return current().compact(session.pk)

    outcomes = in_threads(send_early, send_late_and_fold)

    assert outcomes == [None, 2]
    assert not Segment.objects.filter(columns__isnull=False).exists()
    assert current().window(session.pk, None, FIRST_US, LAST_US)[channel.pk].values.tolist() == [2.0]
    assert current().latest(session.pk)[channel.pk].value == 2.0


def test_crossings_are_told_once_however_many_batches_race() -> None:
    session = SessionFactory()
    ChannelFactory(team=session.team, name="T", limited=True)
    people = [make_member(session.team, Role.OPERATOR) for _ in range(8)]

    def send(number: int) -> None:
        batch = make_batch([("T", NINE_US + number * 10 + i, 99.0) for i in range(10)])
        ingest(session=session, batch=batch, by=people[number], at=NINE, body_sha256="0" * 64)

    ingest(session=session, batch=make_batch([("T", NINE_US - 5, 15.0)]), by=people[0], at=NINE, body_sha256="0" * 64)
    outcomes = in_threads(*(lambda number=number: send(number) for number in range(8)))  # type: ignore[misc]

    assert outcomes == [None] * 8
    assert TimelineEvent.objects.filter(session=session, kind="telemetry.limit.crossed").count() == 1


def test_a_withdrawal_waits_for_an_open_batch_and_takes_what_it_brings() -> None:
    session = SessionFactory()
    channel = ChannelFactory(team=session.team, name="a")
    person = make_member(session.team, Role.OPERATOR)
    admin = make_member(None, role_on_platform=PlatformRole.ADMIN)
    received = threading.Event()

    def send() -> None:
        with transaction.atomic():
            ingest(session=session, batch=make_batch([("a", NINE_US, 1.0)]), by=person, at=NINE, body_sha256="0" * 64)
            received.set()
            time.sleep(0.3)

    def withdraw() -> int:
        received.wait(20)
        return withdraw_readings(
            session=session, channel=channel, first_us=NINE_US, last_us=NINE_US + 9, reason="", by=admin, at=NINE
        ).count

    outcomes = in_threads(send, withdraw)

    assert outcomes == [None, 1]
    assert current().summary(session.pk) == current().latest(session.pk) == {}


@pytest.mark.parametrize("inside", [True, False], ids=["in a session", "outside any"])
def test_a_channel_withdrawn_while_its_first_readings_come_takes_them_along(inside: bool) -> None:
    session = SessionFactory()
    channel = ChannelFactory(team=session.team, name="a")
    person = make_member(session.team, Role.OPERATOR)
    admin = make_member(None, role_on_platform=PlatformRole.ADMIN)
    received = threading.Event()

    def send() -> None:
        batch = make_batch([("a", NINE_US, 1.0)])
        with transaction.atomic():
            if inside:
                ingest(session=session, batch=batch, by=person, at=NINE, body_sha256="0" * 64)
            else:
                ingest_outside(team_id=session.team_id, batch=batch, by=person, at=NINE, body_sha256="0" * 64)
            received.set()
            time.sleep(0.3)

    def withdraw() -> Channel:
        received.wait(20)
        return withdraw_channel(channel=channel, reason="", by=admin, at=NINE)

    outcomes = in_threads(send, withdraw)

    assert outcomes == [None, channel]
    assert current().summary(session.pk if inside else None, [channel.pk]) == {}
    assert channel.withdrawals.get().count == 1


def test_batches_withdrawals_and_compactions_at_once_leave_what_was_sent_and_not_withdrawn() -> None:
    session = SessionFactory()
    channels = [ChannelFactory(team=session.team, name=name) for name in ("c0", "c1")]
    admin = make_member(None, role_on_platform=PlatformRole.ADMIN)
    done = threading.Event()

    def fold() -> None:
        while not done.is_set():
            current().compact(session.pk)

    def withdraw() -> int:
        taken = 0
        while not done.is_set():
            for channel in channels:
                with suppress(Missing):
                    taken += withdraw_readings(
                        session=session,
                        channel=channel,
                        first_us=NINE_US,
                        last_us=LAST_US,
                        reason="",
                        by=admin,
                        at=NINE,
                    ).count
        return taken

    def send_all() -> list[object]:
        try:
            return in_threads(*(sender(session, 100 * i, 30, name=f"c{i % 2}") for i in range(4)))
        finally:
            done.set()

    sent, _, taken = in_threads(send_all, fold, withdraw)

    assert sent == [300] * 4
    left = sum(stats.count for stats in current().summary(session.pk).values())
    assert isinstance(taken, int)
    assert taken + left == 1200
    current().compact(session.pk)
    assert sum(stats.count for stats in current().summary(session.pk).values()) == left
    assert sum(seal.count for seal in current().seal(session.pk).values()) == left
