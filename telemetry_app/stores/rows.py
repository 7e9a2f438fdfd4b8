"""A store whose settled readings are rows of an engine; what is not settled yet waits in segments, as it came.

A batch is acknowledged when its segment is committed in Django's own database, and tidying moves it to the engine in
receive order. So an engine that is down, slow or killed loses nothing and doubles nothing: a move that was cut off is
made again, and of two rows for one moment that of the later batch stays. Every read looks at the segments first and at
the engine then, so that what moves in between is seen twice, which merging undoes, and never not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol
from uuid import UUID

import numpy as np
from django.db.models import Max, Min

from telemetry_app.decimate import Envelope, envelope
from telemetry_app.models import Latest
from telemetry_app.stores import compaction, reading, spans
from telemetry_app.stores.base import Reading, Run, SessionKey, Span, Stats
from telemetry_app.stores.packing import NOTHING, Readings, cut, joined, kept, merge, stats
from telemetry_app.stores.rows_chart import Buckets, bucketed, chart
from telemetry_app.stores.segments import SegmentStore, bounds

NO_SESSION = UUID(int=0)
"""What stands in a row's session where the reading was made outside any."""

PARTS = 256
"""Equal spans of time that an overfull slice is cut into."""


class Rows(Protocol):
    """A table of settled readings: one row per session, channel and microsecond; NaN takes a reading away.

    Times are microseconds since 1970, ranges include both ends, and ids are None for all channels or at least one.
    :meth:`extent`, :meth:`histogram` and :meth:`reach_back` may count rows that others have replaced or taken away.
    """

    def prepare(self) -> None:
        """Make the table where it is missing.

        Raises:
            ImproperlyConfigured: the engine is not what it must be.
        """

    def write(self, session_id: SessionKey, runs: Mapping[UUID, Readings], position: int) -> None:
        """Store rows; of two for one moment that of the higher position stays."""

    def read(self, session_id: SessionKey, ids: reading.Ids, first_us: int, last_us: int) -> dict[UUID, Readings]:
        """Return the readings of each channel that has any, times rising."""

    def newest(self, session_id: SessionKey, ids: reading.Ids, until_us: int) -> dict[UUID, tuple[int, float]]:
        """Return the last reading of each channel up to a time."""

    def figures(self, session_id: SessionKey, ids: reading.Ids, first_us: int, last_us: int) -> dict[UUID, Stats]:
        """Return what the range holds of each channel that has any reading in it."""

    def buckets(
        self, session_id: SessionKey, ids: Collection[UUID], first_us: int, last_us: int, *, start_us: int, width: int
    ) -> dict[UUID, Buckets]:
        """Return what each channel's readings span in intervals of ``width`` microseconds from ``start_us`` on."""

    def extent(
        self, session_id: SessionKey, ids: reading.Ids, first_us: int, last_us: int
    ) -> tuple[int, int, int] | None:
        """Return (first time, last time, rows) of a range, or None where it is empty."""

    def histogram(self, session_id: SessionKey, first_us: int, last_us: int, *, width: int) -> list[tuple[int, int]]:
        """Return (place, rows), in order, of the intervals of ``width`` from ``first_us`` on that hold any row."""

    def reach_back(
        self, session_id: SessionKey, ids: reading.Ids, first_us: int, last_us: int, rows: int
    ) -> int | None:
        """Return the time of the row ``rows`` places from the end of a range, or None where it holds fewer."""

    def extents(
        self, session_ids: Collection[SessionKey], ids: Collection[UUID], first_us: int, last_us: int
    ) -> list[tuple[SessionKey, int, int, int]]:
        """Return (session, first time, last time, readings) of each of the sessions that holds any in a range."""


class RowStore(SegmentStore):
    """Segments on the way in, an engine's rows at rest."""

    def __init__(self, name: str, rows: Rows) -> None:
        self.name = name
        self.rows = rows

    def prepare(self) -> None:
        self.rows.prepare()

    def settle(self, session_id: SessionKey, runs: Mapping[UUID, Readings], position: int) -> None:
        self.rows.write(session_id, runs, position)

    def compact(self, session_id: SessionKey) -> int:
        return compaction.compact(session_id, self.settle)

    def latest(
        self, session_id: SessionKey, channel_ids: Collection[UUID] | None = None, *, until_us: int | None = None
    ) -> dict[UUID, Reading]:
        if until_us is None:
            return super().latest(session_id, channel_ids)
        if channel_ids is not None and not channel_ids:
            return {}
        waiting = reading.read_segments(reading.segments(session_id, reading.FIRST_US, until_us), channel_ids)
        fresh = {channel: cut(merge(runs), reading.FIRST_US, until_us) for channel, runs in waiting.items()}
        settled = self.rows.newest(session_id, channel_ids, until_us)
        found = {channel: Reading(channel, session_id, *last) for channel, last in settled.items()}
        for channel, run in fresh.items():
            if channel in found and np.isnan(run[1][run[0] == found[channel].us]).any():
                del found[channel]
                found |= {one.channel_id: one for one in self._left(session_id, channel, until_us)}
                continue
            times, values = kept(run)
            if times.size and (channel not in found or times[-1] >= found[channel].us):
                found[channel] = Reading(channel, session_id, int(times[-1]), float(values[-1]))
        return found

    def window(
        self,
        session_id: SessionKey,
        channel_ids: Collection[UUID] | None,
        first_us: int,
        last_us: int,
        *,
        before_position: int | None = None,
    ) -> dict[UUID, Run]:
        if channel_ids is not None and not channel_ids:
            return {}
        waiting = reading.segments(session_id, first_us, last_us)
        if before_position is not None:
            waiting = waiting.filter(position__lt=before_position)
        fresh = reading.read_segments(waiting, channel_ids)
        settled = self.rows.read(session_id, channel_ids, first_us, last_us)
        found: dict[UUID, Run] = {}
        for channel in settled.keys() | fresh.keys():
            run = settled.get(channel, NOTHING)
            if channel in fresh:
                run = kept(cut(merge([run, *fresh[channel]]), first_us, last_us))
            if run[0].size:
                found[channel] = Run(channel, *run)
        return found

    def newest(
        self,
        session_id: SessionKey,
        channel_ids: Collection[UUID] | None,
        first_us: int,
        last_us: int,
        *,
        limit: int,
        before: tuple[int, UUID] | None = None,
    ) -> list[Reading]:
        if channel_ids is not None and not channel_ids:
            return []
        end, target = last_us if before is None else min(last_us, before[0]), limit
        while True:
            reached = self.rows.reach_back(session_id, channel_ids, first_us, end, target)
            start = first_us if reached is None else reached
            runs = self.window(session_id, channel_ids, start, end)
            rows = reading.sorted_newest(runs, session_id, limit, before)
            if len(rows) == limit or start == first_us:
                return rows
            target *= 4

    def summary(
        self,
        session_id: SessionKey,
        channel_ids: Collection[UUID] | None = None,
        first_us: int | None = None,
        last_us: int | None = None,
    ) -> dict[UUID, Stats]:
        if channel_ids is not None and not channel_ids:
            return {}
        first, last = bounds(first_us, last_us)
        loose, settled = self._parted(session_id, first, last)
        parts: dict[UUID, list[Stats]] = defaultdict(list)
        if loose is not None:
            for channel, run in self.window(session_id, channel_ids, *loose).items():
                parts[channel].append(stats((run.times, run.values)))
        for span in settled:
            for channel, part in self.rows.figures(session_id, channel_ids, *span).items():
                parts[channel].append(part)
        return {channel: joined(found) for channel, found in parts.items()}

    def decimated(
        self, session_id: SessionKey, channel_ids: Collection[UUID], first_us: int, last_us: int, *, max_points: int
    ) -> Envelope[UUID]:
        if not channel_ids:
            return envelope({}, max_points)
        loose, settled = self._parted(session_id, first_us, last_us)
        fresh = {} if loose is None else self.window(session_id, channel_ids, *loose)
        held = self.rows.extent(session_id, channel_ids, first_us, last_us)
        extents = [(int(run.times[0]), int(run.times[-1]), run.times.size) for run in fresh.values()]
        extents += [] if held is None else [held]
        if sum(rows for _, _, rows in extents) <= max_points * len(channel_ids):
            found = self.window(session_id, channel_ids, first_us, last_us)
            runs = {c: (found[c].times, found[c].values) if c in found else NOTHING for c in channel_ids}
            return envelope(runs, max_points)
        start, end = min(first for first, _, _ in extents), max(last for _, last, _ in extents)
        width = -(-(end - start + 1) // max_points)
        parts: dict[UUID, list[Buckets]] = {channel: [] for channel in channel_ids}
        for channel, run in fresh.items():
            parts[channel].append(bucketed(run.times, run.values, start, width))
        for span in settled:
            summed = self.rows.buckets(session_id, channel_ids, *span, start_us=start, width=width)
            for channel, part in summed.items():
                parts[channel].append(part)
        return chart(parts, start, width, max_points)

    def scan(self, session_id: SessionKey, first_us: int | None = None, last_us: int | None = None) -> Iterator[Run]:
        first, last = bounds(first_us, last_us)
        waiting = reading.segments(session_id, first, last).values_list("first_at", "last_at", "count")
        for start, end in reading.slices([*waiting, *self._blocks(session_id, first, last)]):
            runs = self.window(session_id, None, max(start, first), min(end, last))
            for channel in sorted(runs):
                yield runs[channel]

    def spans(self, channel_ids: Collection[UUID], first_us: int, last_us: int) -> list[Span]:
        held = Latest.objects.filter(channel_id__in=channel_ids, at__gte=first_us)
        sessions: list[SessionKey] = list(held.order_by().values_list("session_id", flat=True).distinct())
        settled = self.rows.extents(sessions, channel_ids, first_us, last_us) if sessions else []
        waiting = spans.waiting_spans(channel_ids, first_us, last_us)
        return spans.united([*(Span(*extent, settled=True) for extent in settled), *waiting])

    def _left(self, session_id: SessionKey, channel_id: UUID, until_us: int) -> list[Reading]:
        return self.newest(session_id, [channel_id], reading.FIRST_US, until_us, limit=1)

    def _parted(
        self, session_id: SessionKey, first_us: int, last_us: int
    ) -> tuple[tuple[int, int] | None, list[tuple[int, int]]]:
        """Return the part of a range that waiting segments touch, and the parts where the engine knows all."""
        touched = reading.segments(session_id, first_us, last_us).order_by()
        span = touched.aggregate(first=Min("first_at"), last=Max("last_at"))
        if span["first"] is None:
            return None, [(first_us, last_us)]
        first, last = max(first_us, span["first"]), min(last_us, span["last"])
        around = ((first_us, first - 1), (last + 1, last_us))
        return (first, last), [part for part in around if part[0] <= part[1]]

    def _blocks(self, session_id: SessionKey, first_us: int, last_us: int) -> Iterator[tuple[int, int, int]]:
        """Yield (first time, last time, rows) of spans that each hold at most a slice, or a single moment."""
        held = self.rows.extent(session_id, None, first_us, last_us)
        if held is None or held[2] <= reading.SLICE_ROWS or held[0] == held[1]:
            if held is not None:
                yield held
            return
        start, end, _ = held
        width = -(-(end - start + 1) // PARTS)
        for place, rows in self.rows.histogram(session_id, start, end, width=width):
            first, last = start + place * width, min(start + (place + 1) * width - 1, end)
            if rows > reading.SLICE_ROWS and width > 1:
                yield from self._blocks(session_id, first, last)
            else:
                yield first, last, rows
