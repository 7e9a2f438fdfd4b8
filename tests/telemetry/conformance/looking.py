"""Reading a store bit for bit, by every way it can be read."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from uuid import UUID

import numpy as np

from sessions_app.models import LabSession
from telemetry_app.stores.base import Counts, ReadingStore, Run, SessionKey
from tests.factories.telemetry import make_batch, make_intake

FIRST_US, LAST_US = -(2**62), 2**62

Rows = list[tuple[str, int, float]]
Content = dict[tuple[UUID, int], bytes]
"""(channel, microseconds) → the value's 8 bytes."""


def bits(value: float) -> bytes:
    """Return a value's 8 bytes."""
    return struct.pack(">d", value)


def value_of(packed: bytes) -> float:
    """Return the value of :func:`bits`."""
    value: float = struct.unpack(">d", packed)[0]
    return value


def put(
    store: ReadingStore, session: LabSession | None, channels: Mapping[str, UUID], rows: Rows, *, batch_id: str = ""
) -> Counts:
    """Store rows as one batch."""
    return store.append(make_intake(session, channels, make_batch(rows), batch_id=batch_id or None))


def content(runs: Iterable[Run]) -> Content:
    """Return what runs hold."""
    return {
        (run.channel_id, us): bits(value)
        for run in runs
        for us, value in zip(run.times.tolist(), run.values.tolist(), strict=True)
    }


def everything(store: ReadingStore, session_id: SessionKey, ids: Iterable[UUID] | None = None) -> dict[UUID, Run]:
    """Return all readings of a session, or of some channels."""
    return store.window(session_id, None if ids is None else list(ids), FIRST_US, LAST_US)


def assert_reads_as(store: ReadingStore, session_id: SessionKey, expected: Content) -> None:
    """Assert that every way of reading a session shows ``expected`` and nothing else."""
    runs = everything(store, session_id)
    assert content(runs.values()) == expected
    _assert_scan_shows(store, session_id, expected)
    _assert_pages_show(store, session_id, expected)
    _assert_figures_agree(store, session_id, runs)
    _assert_seals_agree(store, session_id, expected)
    for max_points in (1, 3, 8):
        assert_chart_shows(store, session_id, runs, max_points)


def _assert_scan_shows(store: ReadingStore, session_id: SessionKey, expected: Content) -> None:
    found: Content = {}
    last: dict[UUID, int] = {}
    for run in store.scan(session_id):
        assert last.get(run.channel_id, FIRST_US) < run.times[0]
        last[run.channel_id] = int(run.times[-1])
        found |= content([run])
    assert found == expected


def _assert_pages_show(store: ReadingStore, session_id: SessionKey, expected: Content) -> None:
    pages, before = [], None
    while rows := store.newest(session_id, None, FIRST_US, LAST_US, limit=7, before=before):
        pages += [(row.channel_id, row.us) for row in rows]
        before = rows[-1].us, rows[-1].channel_id
    assert pages == sorted(expected, key=lambda key: (-key[1], key[0]))


def _assert_figures_agree(store: ReadingStore, session_id: SessionKey, runs: dict[UUID, Run]) -> None:
    figures, newest = store.summary(session_id), store.latest(session_id)
    assert figures.keys() == runs.keys() == newest.keys()
    for channel, run in runs.items():
        assert_figures_of(store, session_id, run, FIRST_US, LAST_US)
        middle = int(run.times[run.times.size // 2])
        assert_figures_of(store, session_id, run, FIRST_US, middle)
        assert_figures_of(store, session_id, run, middle, LAST_US)
        assert (newest[channel].us, bits(newest[channel].value)) == (run.times[-1], bits(run.values[-1]))
        until = store.latest(session_id, [channel], until_us=middle)[channel]
        assert (until.us, bits(until.value)) == (middle, bits(run.values[run.times.size // 2]))


def assert_figures_of(store: ReadingStore, session_id: SessionKey, run: Run, first_us: int, last_us: int) -> None:
    """Assert that the summary of a range says what ``run`` holds of it."""
    figures = store.summary(session_id, [run.channel_id], first_us, last_us)[run.channel_id]
    inside = (run.times >= first_us) & (run.times <= last_us)
    times, values = run.times[inside], run.values[inside]
    assert (figures.count, figures.first_us, figures.last_us) == (times.size, times[0], times[-1])
    assert (figures.minimum, figures.maximum) == (values.min(), values.max())
    assert (bits(figures.first), bits(figures.last)) == (bits(values[0]), bits(values[-1]))
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(values.sum())
    if figures.total is None:
        assert not np.isfinite(total)
    else:
        assert np.isclose(figures.total, total, rtol=1e-12)


def _assert_seals_agree(store: ReadingStore, session_id: SessionKey, expected: Content) -> None:
    seals = store.seal(session_id)
    channels: dict[UUID, list[tuple[int, bytes]]] = {}
    for (channel, us), packed in sorted(expected.items()):
        channels.setdefault(channel, []).append((us, packed))
    assert seals.keys() == channels.keys()
    for channel, rows in channels.items():
        canonical = b"".join(struct.pack(">q", us) + packed for us, packed in rows)
        assert seals[channel].sha256 == hashlib.sha256(canonical).hexdigest()
        assert (seals[channel].count, seals[channel].first_us, seals[channel].last_us) == (
            len(rows),
            rows[0][0],
            rows[-1][0],
        )


def assert_chart_shows(store: ReadingStore, session_id: SessionKey, runs: dict[UUID, Run], max_points: int) -> None:
    """Assert that a chart is of all the readings, each in its place and nothing else there."""
    chart = store.decimated(session_id, list(runs), FIRST_US, LAST_US, max_points=max_points)
    assert chart.raw_count == sum(run.times.size for run in runs.values())
    assert chart.time.size <= max_points
    for channel, run in runs.items():
        place = np.searchsorted(chart.time, run.times, side="right") - 1
        if not chart.decimated:
            assert chart.exact[channel][place].tobytes() == run.values.tobytes()
            continue
        band = chart.bands[channel]
        filled = np.unique(place)
        assert np.array_equal(np.flatnonzero(~np.isnan(band.minimum)), filled)
        for one in filled.tolist():
            values = run.values[place == one]
            assert (band.minimum[one], band.maximum[one]) == (values.min(), values.max())
            assert np.isclose(band.average[one], (values / values.size).sum(), rtol=1e-9)
