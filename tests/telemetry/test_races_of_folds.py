"""Folds beside batches that overwrite each other, and folds that are killed, on PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection

from biolab.accounts.roles import Role
from sessions_app.models import LabSession
from telemetry_app.models import Segment
from telemetry_app.services.ingest import ingest
from telemetry_app.stores import current
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.factories.telemetry import NINE_US, ChannelFactory, make_batch
from tests.telemetry.conformance.looking import Content, assert_reads_as, bits
from tests.telemetry.test_races import in_threads, sender

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]

SENDERS, BATCHES, INSTANTS = 4, 25, 30


def overwriter(session: LabSession, number: int) -> Callable[[], dict[str, list[tuple[str, int, float]]]]:
    """Return a sender of batches for any of a few instants, old and new, each with values of its own."""
    person, chance = make_member(session.team, Role.OPERATOR), Random(number)

    def send() -> dict[str, list[tuple[str, int, float]]]:
        sent = {}
        for count in range(BATCHES):
            name, value = f"{number}-{count}", float(1000 * number + count)
            instants = chance.sample(range(INSTANTS), 12)
            sent[name] = [(channel, NINE_US + instant, value) for instant in instants for channel in ("a", "b")]
            ingest(
                session=session, batch=make_batch(sent[name], batch_id=name), by=person, at=NINE, body_sha256="0" * 64
            )
        return sent

    return send


def test_of_values_that_race_for_one_moment_the_last_received_stays_whatever_is_folded_when() -> None:
    session = SessionFactory()
    channels: dict[str, UUID] = {name: ChannelFactory(team=session.team, name=name).pk for name in ("a", "b")}
    done = threading.Event()

    def fold() -> None:
        while not done.is_set():
            current().compact(session.pk)

    def send_all() -> list[object]:
        try:
            return in_threads(*(overwriter(session, number) for number in range(SENDERS)))
        finally:
            done.set()

    sent, *folded = in_threads(send_all, fold, fold)

    assert folded == [None, None]
    assert isinstance(sent, list)
    batches = {name: rows for one in sent for name, rows in one.items()}
    expected: Content = {}
    for name in Segment.objects.order_by("position").values_list("batch_id", flat=True):
        expected |= {(channels[channel], us): bits(value) for channel, us, value in batches[name]}
    assert_reads_as(current(), session.pk, expected)
    current().compact(session.pk)
    assert_reads_as(current(), session.pk, expected)


def test_a_fold_that_is_killed_anywhere_is_made_again_and_nothing_is_lost_or_doubled() -> None:
    session = SessionFactory()
    done, between = threading.Event(), threading.Lock()
    folding: list[int] = []

    def fold() -> int:
        killed = 0
        while not done.is_set():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                folding[:] = cursor.fetchone()
            try:
                current().compact(session.pk)
            except DatabaseError:
                killed += 1
            with between:
                folding.clear()
            connection.close()
        return killed

    def kill() -> None:
        chance = Random(1)
        with psycopg.connect(**connection.get_connection_params() | {"autocommit": True}) as own:
            while not done.is_set():
                time.sleep(chance.uniform(0.001, 0.03))
                with between:
                    if folding:
                        own.execute("SELECT pg_terminate_backend(%s, 5000)", folding)

    def send_all() -> list[object]:
        try:
            return in_threads(*(sender(session, 100 * i, 40, name=f"c{i % 2}") for i in range(4)))
        finally:
            done.set()

    sent, killed, _ = in_threads(send_all, fold, kill)

    assert sent == [400] * 4
    assert isinstance(killed, int)
    assert killed > 0
    assert sum(stats.count for stats in current().summary(session.pk).values()) == 1600
    current().compact(session.pk)
    assert sum(seal.count for seal in current().seal(session.pk).values()) == 1600
    assert not Segment.objects.filter(columns__isnull=False).exists()
