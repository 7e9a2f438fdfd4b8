"""Batches in: counted, kept once, the last received wins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from telemetry_app.instants import SECOND_US, to_us
from telemetry_app.models import Channel
from telemetry_app.states import Standing
from telemetry_app.stores.base import ReadingStore, Source
from tests.factories.sessions import SessionFactory
from tests.factories.telemetry import NINE_US, make_batch, make_channels, make_intake
from tests.telemetry.conformance.looking import assert_reads_as, bits, everything, put

pytestmark = pytest.mark.django_db

TOP, TINY = 1.7976931348623157e308, 5e-324


def test_a_batch_is_counted_and_read_back(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a", "b")
    batch = make_batch([("a", NINE_US, 1.5), ("b", NINE_US, 2.5), ("a", NINE_US - 600 * SECOND_US, 0.5)])

    counts = store.append(replace(make_intake(session, channels, batch, batch_id="b1"), flagged=2))

    assert (counts.created, counts.late, counts.flagged, counts.replayed) == (3, 1, 2, False)
    assert (counts.batch_id, counts.body_sha256) == ("b1", "0" * 64)
    assert counts.first_seen == frozenset(channels.values())
    expected = {
        (channels["a"], NINE_US): bits(1.5),
        (channels["b"], NINE_US): bits(2.5),
        (channels["a"], NINE_US - 600 * SECOND_US): bits(0.5),
    }
    assert_reads_as(store, session.pk, expected)


def test_a_repeated_batch_is_answered_from_the_first_and_changes_nothing(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    batch = make_batch([("a", NINE_US - 600 * SECOND_US, 1.0)])
    store.append(replace(make_intake(session, channels, batch, batch_id="same"), flagged=1))
    put(store, session, channels, [("a", NINE_US - 600 * SECOND_US, 2.0)])

    counts = store.append(make_intake(session, channels, batch, batch_id="same"))

    assert (counts.created, counts.late, counts.flagged, counts.replayed) == (0, 1, 1, True)
    assert counts.first_seen == frozenset()
    assert everything(store, session.pk)[channels["a"]].values.tolist() == [2.0]


def test_two_senders_may_use_the_same_batch_id(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    first = make_intake(session, channels, make_batch([("a", 1, 1.0)]), batch_id="same", source=Source("tok_1"))
    second = make_intake(session, channels, make_batch([("a", 2, 1.0)]), batch_id="same", source=Source("tok_2"))

    assert [store.append(one).replayed for one in (first, second, first)] == [False, False, True]
    assert everything(store, session.pk)[channels["a"]].times.tolist() == [1, 2]


def test_of_two_values_for_a_moment_the_last_received_wins_whatever_is_folded_between(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")

    created = []
    for value in (1.0, 2.0, 2.0, 1.0):
        created.append(put(store, session, channels, [("a", 7, value)]).created)
        store.compact(session.pk)

    assert created == [1, 1, 0, 1]
    assert_reads_as(store, session.pk, {(channels["a"], 7): bits(1.0)})


def test_a_late_reading_goes_to_its_place_and_the_latest_stays(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    put(store, session, channels, [("a", 10, 1.0), ("a", 30, 3.0)])
    store.compact(session.pk)

    counts = put(store, session, channels, [("a", 20, 2.0)])

    assert (counts.created, counts.first_seen) == (1, frozenset())
    assert store.latest(session.pk)[channels["a"]].us == 30
    assert everything(store, session.pk)[channels["a"]].values.tolist() == [1.0, 2.0, 3.0]


def test_readings_outside_any_session_are_kept_apart_from_those_inside(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    put(store, None, channels, [("a", 1, 1.0)], batch_id="same")
    put(store, session, channels, [("a", 1, 2.0)], batch_id="same")
    again = put(store, None, channels, [("a", 1, 1.0)], batch_id="same")

    store.compact(None)

    assert again.replayed
    assert everything(store, None, channels.values())[channels["a"]].values.tolist() == [1.0]
    assert everything(store, session.pk)[channels["a"]].values.tolist() == [2.0]
    assert store.latest(None, channels.values())[channels["a"]].value == 1.0


def test_where_a_channel_stands_is_kept_with_its_newest_reading(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a", "b")
    intake = make_intake(session, channels, make_batch([("a", 5, 99.0)]))
    store.append(replace(intake, standings={channels["a"]: Standing.HIGH}))

    marks = store.marks(session.pk, channels.values())

    assert marks.keys() == {channels["a"]}
    mark = marks[channels["a"]]
    assert (mark.us, mark.value, mark.standing) == (5, 99.0, Standing.HIGH)


def test_readings_a_microsecond_apart_stay_apart(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")

    counts = put(store, session, channels, [("a", NINE_US + i // 2, float(i)) for i in range(10)])
    store.compact(session.pk)

    assert counts.created == 10
    assert_reads_as(store, session.pk, {(channels["a"], NINE_US + i): bits(2.0 * i + 1) for i in range(5)})


def test_readings_of_the_first_and_the_last_year_are_kept_to_the_microsecond(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    first = to_us(datetime(1, 1, 1, tzinfo=UTC))
    last = to_us(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    put(store, session, channels, [("a", first, 1.0), ("a", last, 2.0)])

    expected = {(channels["a"], first): bits(1.0), (channels["a"], last): bits(2.0)}
    assert_reads_as(store, session.pk, expected)
    store.compact(session.pk)
    assert_reads_as(store, session.pk, expected)


@pytest.mark.parametrize("value", [-0.0, 0.0, TINY, -TINY, TOP, -TOP, 2.0**53 + 2, 0.1, 1e22, 2.0**-1074 * 3])
def test_a_value_comes_back_bit_for_bit(store: ReadingStore, value: float) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    put(store, session, channels, [("a", 5, value)])

    expected = {(channels["a"], 5): bits(value)}
    assert_reads_as(store, session.pk, expected)
    store.compact(session.pk)
    assert_reads_as(store, session.pk, expected)
    assert bits(store.marks(session.pk, channels.values())[channels["a"]].value) == bits(value)


def test_values_whose_sum_is_beyond_float64_are_kept_and_their_sum_is_left_open(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    values = [TOP, TOP, -0.0, TINY]
    put(store, session, channels, [("a", i, value) for i, value in enumerate(values)])
    store.compact(session.pk)

    assert everything(store, session.pk)[channels["a"]].values.tobytes() == np.array(values).tobytes()
    assert store.summary(session.pk)[channels["a"]].total is None


def test_five_thousand_channels_come_in_one_batch(store: ReadingStore) -> None:
    session = SessionFactory()
    names = [f"c{i}" for i in range(5000)]
    made = Channel.objects.bulk_create(Channel(team_id=session.team_id, name=name) for name in names)
    channels = {channel.name: channel.pk for channel in made}

    counts = put(store, session, channels, [(name, 5, float(i)) for i, name in enumerate(names)])

    assert (counts.created, len(counts.first_seen)) == (5000, 5000)
    store.compact(session.pk)
    found = everything(store, session.pk)
    assert [found[channels[name]].values.tolist() for name in names] == [[float(i)] for i in range(5000)]
    assert len(store.latest(session.pk)) == len(store.summary(session.pk)) == 5000


def test_tidying_is_asked_for_where_it_pays_and_leaves_the_rest(store: ReadingStore) -> None:
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    busy, quiet, fresh = SessionFactory(), SessionFactory(), SessionFactory()
    for session, count, at in ((busy, 50, now), (quiet, 5, now - timedelta(minutes=9)), (fresh, 5, now)):
        channels = make_channels(session, "a")
        rows = [("a", i, float(i)) for i in range(count)]
        store.append(make_intake(session, channels, make_batch(rows), at=at))

    ready = store.sessions_to_compact(idle_before=now - timedelta(minutes=2), least=50)

    assert [key for key in ready if key in (busy.pk, quiet.pk, fresh.pk)] in ([busy.pk, quiet.pk], [])
    assert [store.compact(key) for key in ready] == [50, 5][: len(ready)]
