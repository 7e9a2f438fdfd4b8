"""The store of Django's own database: how it packs, and by which names it is chosen."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from telemetry_app import stores
from telemetry_app.decimate import Envelope
from telemetry_app.models import Channel, Chunk, Segment
from telemetry_app.stores import packing, reading
from telemetry_app.stores.segments import SegmentStore
from tests.factories.sessions import SessionFactory
from tests.factories.telemetry import NINE_US, bench_recording, make_batch, make_channels, make_intake
from tests.telemetry.conformance.looking import everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> SegmentStore:
    return SegmentStore()


def test_a_recording_of_eight_channels_reads_back_equal_before_and_after_compaction(store: SegmentStore) -> None:
    session = SessionFactory()
    times, columns = bench_recording(5000)
    channels = make_channels(session, *columns)
    for start in range(0, times.size, 500):
        part = slice(start, start + 500)
        rows = [
            (name, us, value)
            for i, us in enumerate(times[part].tolist())
            for name, value in ((name, float(column[part][i])) for name, column in columns.items())
        ]
        store.append(make_intake(session, channels, make_batch(rows)))
    sealed = store.seal(session.pk)

    moved = store.compact(session.pk)

    assert moved == 8 * times.size
    assert not Segment.objects.filter(columns__isnull=False).exists()
    assert Segment.objects.count() == 10
    found = everything(store, session.pk)
    for name, column in columns.items():
        assert np.array_equal(found[channels[name]].times, times)
        assert found[channels[name]].values.tobytes() == column.tobytes()
    assert store.seal(session.pk) == sealed
    stored = sum(len(chunk.times) + len(chunk.values) for chunk in Chunk.objects.all())
    assert stored / (8 * times.size) <= 12


def test_slow_channels_grow_one_chunk_instead_of_many_small_ones(store: SegmentStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    for minute in range(30):
        rows = [("a", NINE_US + (60 * minute + i) * 1_000_000, float(i)) for i in range(60)]
        store.append(make_intake(session, channels, make_batch(rows)))
        store.compact(session.pk)

    assert [chunk.count for chunk in Chunk.objects.order_by("first_at")] == [1080, 720]
    assert store.summary(session.pk)[channels["a"]].count == 1800


def test_a_thousand_channels_in_one_batch_are_one_row(store: SegmentStore) -> None:
    session = SessionFactory()
    names = [f"c{i}" for i in range(1000)]
    channels = {
        name: channel.pk
        for name, channel in zip(
            names,
            Channel.objects.bulk_create(Channel(team_id=session.team_id, name=name) for name in names),
            strict=True,
        )
    }

    counts = store.append(make_intake(session, channels, make_batch([(name, 5, 1.0) for name in names])))

    assert counts.created == 1000
    assert Segment.objects.count() == 1
    assert len(store.latest(session.pk)) == 1000
    store.compact(session.pk)
    assert Chunk.objects.count() == 1000


def test_a_fold_asks_no_more_for_fifty_channels_than_for_one(store: SegmentStore) -> None:
    asked = []
    for count in (1, 50):
        session = SessionFactory()
        channels = make_channels(session, *(f"c{i}" for i in range(count)))
        for us in (5, 6):
            store.append(make_intake(session, channels, make_batch([(name, us, 1.0) for name in channels])))
            with CaptureQueriesContext(connection) as queries:
                store.compact(session.pk)
        asked.append(len(queries))

    assert asked[0] == asked[1]
    assert Chunk.objects.count() == 51


def test_long_recordings_are_scanned_in_slices(store: SegmentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SLICE_ROWS", 100)
    session = SessionFactory()
    channels = make_channels(session, "a", "b")
    for start in range(0, 1000, 50):
        rows = [(name, start + i, float(i)) for i in range(50) for name in ("a", "b")]
        store.append(make_intake(session, channels, make_batch(rows)))

    sizes = [run.times.size for run in store.scan(session.pk)]

    assert sum(sizes) == 2000
    assert max(sizes) <= 100


def test_a_chart_is_the_same_before_and_after_folding_and_reads_rollups_then(store: SegmentStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    random = np.random.default_rng(3)
    times = NINE_US + np.cumsum(random.integers(1, 2_000_000, 60_000))
    values = np.round(random.standard_normal(60_000), 3)
    values[[40_000, 100]] = 99.0, -99.0
    for part in np.array_split(np.arange(60_000), 6):
        rows = [("a", us, value) for us, value in zip(times[part].tolist(), values[part].tolist(), strict=True)]
        store.append(make_intake(session, channels, make_batch(rows)))

    def drawn() -> list[Envelope[UUID]]:
        starts = reading.FIRST_US, int(times[70]), int(times[33_000])
        return [store.decimated(session.pk, [channels["a"]], us, reading.LAST_US, max_points=50) for us in starts]

    fresh = drawn()
    store.compact(session.pk)
    with CaptureQueriesContext(connection) as asked:
        folded = drawn()

    for one, other in zip(fresh, folded, strict=True):
        before, after = one.bands[channels["a"]], other.bands[channels["a"]]
        assert one.raw_count == other.raw_count
        assert one.time.tolist() == other.time.tolist()
        assert before.minimum.tolist() == after.minimum.tolist()
        assert before.maximum.tolist() == after.maximum.tolist()
        assert np.allclose(before.average, after.average, rtol=1e-9, atol=1e-9)
    assert (folded[0].bands[channels["a"]].maximum.max(), folded[1].bands[channels["a"]].minimum.min()) == (99.0, -99.0)
    opened = [query["sql"] for query in asked if '"values"' in query["sql"]]
    assert len(opened) == 2, "only the chunks that the two later charts begin in are opened"


def test_a_reading_from_long_ago_rewrites_one_chunk_and_not_all_since(store: SegmentStore) -> None:
    session = SessionFactory()
    channels = make_channels(session, "a")
    rows = [("a", NINE_US + 10 * i, float(i)) for i in range(50_000)]
    store.append(make_intake(session, channels, make_batch(rows)))
    store.compact(session.pk)
    before = set(Chunk.objects.values_list("pk", flat=True))

    late = [("a", NINE_US - 5, -1.0), ("a", NINE_US + 250_005, 0.5), ("a", NINE_US + 500_000, 9.0)]
    store.append(make_intake(session, channels, make_batch(late)))
    store.compact(session.pk)

    assert len(before - set(Chunk.objects.values_list("pk", flat=True))) == 1
    run = everything(store, session.pk)[channels["a"]]
    expected = {us: value for _, us, value in rows + late}
    assert dict(zip(run.times.tolist(), run.values.tolist(), strict=True)) == expected
    assert np.all(np.diff(run.times) > 0)


@pytest.mark.parametrize("name", ["database", "postgresql"])
def test_the_store_of_the_database_has_two_names(name: str, settings: Settings) -> None:
    settings.STORAGE_BACKEND = name

    assert stores.current().name == "database"


def test_an_unknown_store_is_refused_by_name(settings: Settings) -> None:
    settings.STORAGE_BACKEND = "floppy"

    with pytest.raises(ImproperlyConfigured, match="floppy"):
        stores.current()


def test_a_segment_of_many_channels_unpacks_to_what_was_packed() -> None:
    batch = make_batch([(f"c{i % 7}", i, i / 3) for i in range(100)])

    runs = packing.unpack_segment(packing.pack_runs(batch.starts, batch.times, batch.values), 7, 100)

    assert np.array_equal(np.concatenate([run[0] for run in runs]), batch.times)
    assert np.concatenate([run[1] for run in runs]).tobytes() == batch.values.tobytes()
