"""Figures and charts of a range, from what chunks say of themselves wherever that is enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from telemetry_app.decimate import Envelope, Pieces, axis, banded, envelope, gather, gather_again
from telemetry_app.stores.base import SessionKey, Stats
from telemetry_app.stores.packing import NOTHING, Readings, cut, joined, merge, stats
from telemetry_app.stores.reading import Ids, chunks, columns_by_key, joined_up, read_by_key, read_segments, segments
from telemetry_app.stores.rollups import regroup, unpack_pieces
from telemetry_app.stores.steady import steady

FEW = 4
"""A chart with fewer readings of each channel than this times its places is made of the readings themselves."""


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk that lies inside a range with no other reading between its own: its figures are those of the range."""

    pk: int
    channel_id: UUID
    figures: Stats
    rollup_step: int | None


def parts(session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> tuple[list[Part], dict[UUID, Readings]]:
    """Return what a range holds: whole chunks, by channel and time, and all other readings as they are.

    Raises:
        MovedError: a fold came in between.
    """
    waiting = read_segments(segments(session_id, first_us, last_us), ids)
    fresh = {channel: run for channel, runs in waiting.items() if (run := cut(merge(runs), first_us, last_us))[0].size}
    whole: list[Part] = []
    opened: list[int] = []
    fields = ("count", "first_at", "last_at", "minimum", "maximum", "total", "first", "last")
    found = chunks(session_id, ids, first_us, last_us).values_list("pk", "channel_id", "rollup_step", *fields)
    for pk, channel, rollup_step, *figures in found:
        held = Stats(*figures)
        inside = held.first_us >= first_us and held.last_us <= last_us
        alone = channel not in fresh or held.first_us > fresh[channel][0][-1] or held.last_us < fresh[channel][0][0]
        if inside and alone:
            whole.append(Part(pk, channel, held, rollup_step))
        else:
            opened.append(pk)
    settled: dict[UUID, list[Readings]] = defaultdict(list)
    for channel, run in read_by_key(opened):
        settled[channel].append(run)
    rest = {channel: [run] for channel, run in fresh.items()}
    runs = {c: joined_up(settled, rest, c, first_us, last_us) for c in settled.keys() | rest.keys()}
    return whole, {channel: run for channel, run in runs.items() if run[0].size}


@steady
def summary(session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> dict[UUID, Stats]:
    """Return what a range holds of each channel, from a chunk's own figures where it lies inside and alone."""
    whole, loose = parts(session_id, ids, first_us, last_us)
    found: dict[UUID, list[Stats]] = defaultdict(list)
    for part in whole:
        found[part.channel_id].append(part.figures)
    for channel, run in loose.items():
        found[channel].append(stats(run))
    return {channel: joined(held) for channel, held in found.items()}


@steady
def decimated(
    session_id: SessionKey, ids: Collection[UUID], first_us: int, last_us: int, *, max_points: int
) -> Envelope[UUID]:
    """Return a chart of a range, from chunks' own figures and rollups where its intervals are long enough."""
    whole, loose = parts(session_id, ids, first_us, last_us)
    counts: dict[UUID, int] = defaultdict(int)
    for part in whole:
        counts[part.channel_id] += part.figures.count
    if max(counts.values(), default=0) <= FEW * max_points:
        return envelope(_runs(ids, whole, loose), max_points)
    figures = [*(part.figures for part in whole), *(stats(run) for run in loose.values())]
    origin, width = axis(min(one.first_us for one in figures), max(one.last_us for one in figures), max_points)
    pieces: dict[UUID, list[Pieces]] = {
        channel: [gather(*loose.get(channel, NOTHING), origin, width)] for channel in ids
    }
    rolled: dict[int, int] = {}
    opened: list[int] = []
    for part in whole:
        held, step = part.figures, part.rollup_step
        place = (held.first_us - origin) // width
        if place == (held.last_us - origin) // width and held.total is not None:
            pieces[part.channel_id].append(_piece(place, held, held.total))
        elif step is not None and width % step == origin % step == 0:
            rolled[part.pk] = step
        else:
            opened.append(part.pk)
    for pk, channel, block in columns_by_key(list(rolled), "pk", "channel_id", "rollup"):
        pieces[channel].append(regroup(unpack_pieces(block), rolled[pk], origin, width))
    for channel, run in read_by_key(opened):
        pieces[channel].append(gather(*run, origin, width))
    return banded({channel: gather_again(some) for channel, some in pieces.items()}, origin, width)


def _runs(ids: Collection[UUID], whole: Sequence[Part], loose: dict[UUID, Readings]) -> dict[UUID, Readings]:
    runs = {channel: [loose.get(channel, NOTHING)] for channel in ids}
    for channel, run in read_by_key([part.pk for part in whole]):
        runs[channel].append(run)
    return {channel: merge(some) for channel, some in runs.items()}


def _piece(place: int, held: Stats, total: float) -> Pieces:
    low, high = np.array([held.minimum]), np.array([held.maximum])
    mean = np.clip(np.array([total / held.count]), low, high)
    return Pieces(np.array([place]), np.array([held.count]), low, high, mean)
