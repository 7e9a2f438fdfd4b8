"""Readings out: latest, ranges, pages, charts and long recordings."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import numpy as np
import pytest

from sessions_app.models import LabSession
from telemetry_app.codec import Times, Values
from telemetry_app.decimate import Envelope
from telemetry_app.instants import SECOND_US
from telemetry_app.stores.base import ReadingStore
from tests.factories.sessions import SessionFactory
from tests.factories.telemetry import NINE_US, bench_recording, make_channels
from tests.telemetry.conformance.looking import FIRST_US, LAST_US, Content, assert_figures_of, content, everything, put

pytestmark = pytest.mark.django_db

Fold = Callable[[ReadingStore, LabSession], None]


@pytest.fixture(params=["fresh", "folded", "both"])
def fold(request: pytest.FixtureRequest) -> Fold:
    """Return what happens to readings between two batches: nothing, tidying, or tidying of the first alone."""
    turns: list[int] = []

    def tidy(store: ReadingStore, session: LabSession) -> None:
        turns.append(1)
        if request.param == "folded" or (request.param == "both" and len(turns) == 1):
            store.compact(session.pk)

    return tidy


def recorded(store: ReadingStore, fold: Fold) -> tuple[LabSession, dict[str, UUID]]:
    """Return a session with readings of ``a`` every 10 µs from 0 to 990 and of ``b`` at every hundred."""
    session = SessionFactory()
    channels = make_channels(session, "a", "b")
    for start in (0, 500):
        rows = [("a", us, us / 10) for us in range(start, start + 500, 10)]
        put(store, session, channels, rows + [("b", us, -float(us)) for us in range(start, start + 500, 100)])
        fold(store, session)
    return session, channels


def test_a_window_holds_both_its_ends_and_only_channels_with_readings(store: ReadingStore, fold: Fold) -> None:
    session, channels = recorded(store, fold)

    found = store.window(session.pk, None, 490, 510)

    assert found[channels["a"]].times.tolist() == [490, 500, 510]
    assert found[channels["b"]].values.tolist() == [-500.0]
    assert store.window(session.pk, [channels["b"]], 410, 490) == {}
    assert store.window(session.pk, [channels["b"]], 500, 500).keys() == {channels["b"]}
    assert store.window(session.pk, [], FIRST_US, LAST_US) == {}


def test_the_latest_reading_is_told_now_and_as_of_any_time(store: ReadingStore, fold: Fold) -> None:
    session, channels = recorded(store, fold)

    assert {reading.us for reading in store.latest(session.pk).values()} == {990, 900}
    assert store.latest(session.pk, [channels["b"]]).keys() == {channels["b"]}
    assert store.latest(session.pk, until_us=455)[channels["a"]].value == 45.0
    assert store.latest(session.pk, [channels["b"]], until_us=899)[channels["b"]].us == 800
    assert store.latest(session.pk, until_us=-1) == {}


def test_pages_run_from_the_newest_to_the_oldest_without_gap_or_repeat(store: ReadingStore, fold: Fold) -> None:
    session, channels = recorded(store, fold)

    pages, before = [], None
    while rows := store.newest(session.pk, None, 100, 800, limit=9, before=before):
        pages += [(row.us, row.channel_id) for row in rows]
        before = rows[-1].us, rows[-1].channel_id

    times = [(us, channels["a"]) for us in range(100, 801, 10)] + [(us, channels["b"]) for us in range(100, 801, 100)]
    assert pages == sorted(times, key=lambda key: (-key[0], key[1]))
    only = store.newest(session.pk, [channels["b"]], FIRST_US, LAST_US, limit=2)
    assert [(row.us, row.value, row.session_id) for row in only] == [
        (900, -900.0, session.pk),
        (800, -800.0, session.pk),
    ]


def test_figures_of_a_range_count_only_what_lies_in_it(store: ReadingStore, fold: Fold) -> None:
    session, channels = recorded(store, fold)
    run = everything(store, session.pk)[channels["a"]]

    for first_us, last_us in ((FIRST_US, LAST_US), (10, 980), (255, 745), (500, 500), (495, LAST_US)):
        assert_figures_of(store, session.pk, run, first_us, last_us)
    assert store.summary(session.pk, [channels["b"]], 410, 490) == {}


def test_few_readings_are_charted_as_they_are(store: ReadingStore, fold: Fold) -> None:
    session, channels = recorded(store, fold)

    chart = store.decimated(session.pk, channels.values(), 100, 200, max_points=20)

    assert (chart.decimated, chart.raw_count) == (False, 13)
    assert chart.time.tolist() == list(range(100, 201, 10))
    assert chart.exact[channels["a"]].tolist() == [us / 10 for us in range(100, 201, 10)]
    shown = chart.exact[channels["b"]]
    assert (shown[0], shown[-1], np.isnan(shown[1:-1]).all()) == (-100.0, -200.0, True)


def test_a_chart_of_many_readings_keeps_every_spike_and_the_whole_mean(store: ReadingStore) -> None:
    session = SessionFactory()
    times, columns = bench_recording(4000)
    channels = make_channels(session, *columns)
    for part in (slice(0, 3000), slice(3000, 4000)):
        for name, column in columns.items():
            rows = [(name, us, value) for us, value in zip(times[part].tolist(), column[part].tolist(), strict=True)]
            put(store, session, channels, rows)
        if part.start == 0:
            store.compact(session.pk)

    chart = store.decimated(session.pk, channels.values(), FIRST_US, LAST_US, max_points=100)

    assert (chart.decimated, chart.raw_count) == (True, 8 * 4000)
    assert chart.time.size <= 100
    assert np.all(np.diff(chart.time) > 0)
    for name, column in columns.items():
        band = chart.bands[channels[name]]
        assert (np.nanmin(band.minimum), np.nanmax(band.maximum)) == (column.min(), column.max())
        assert_spikes_stand_in_their_place(chart, channels[name], times, column)
        assert np.all((band.minimum <= band.average) & (band.average <= band.maximum))


def assert_spikes_stand_in_their_place(chart: Envelope[UUID], channel: UUID, times: Times, values: Values) -> None:
    for extreme, shown in (
        (int(values.argmin()), chart.bands[channel].minimum),
        (int(values.argmax()), chart.bands[channel].maximum),
    ):
        place = int(np.searchsorted(chart.time, times[extreme], side="right")) - 1
        assert shown[place] == values[extreme]


def test_a_chart_of_a_channel_without_readings_is_empty(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")

    chart = store.decimated(session.pk, channels.values(), FIRST_US, LAST_US, max_points=100)

    assert (chart.decimated, chart.raw_count, chart.time.size) == (False, 0, 0)
    assert chart.exact[channels["a"]].size == 0


def test_a_long_recording_is_scanned_in_time_order_between_any_two_times(store: ReadingStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a", "b")
    for start in range(0, 3000, 300):
        rows = [(name, NINE_US + (start + i) * SECOND_US, float(i)) for i in range(300) for name in ("a", "b")]
        put(store, session, channels, rows)
        if start == 1500:
            store.compact(session.pk)
    first, last = NINE_US + 7 * SECOND_US, NINE_US + 2990 * SECOND_US
    expected = content(store.window(session.pk, None, first, last).values())

    found: Content = {}
    ends = dict.fromkeys(channels.values(), FIRST_US)
    for run in store.scan(session.pk, first, last):
        assert ends[run.channel_id] < run.times[0]
        assert np.all(np.diff(run.times) > 0)
        ends[run.channel_id] = int(run.times[-1])
        found |= content([run])

    assert len(expected) == 2 * 2984
    assert found == expected
