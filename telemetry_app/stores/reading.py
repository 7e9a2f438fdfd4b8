"""Reading chunks and the segments not yet folded into them as one; segments are always newer than chunks.

Segments are read first: a fold that commits in between then shows its readings twice, which merging undoes, and never
not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Max, Q, QuerySet

from telemetry_app.codec import Buffer, decode_times, decode_values
from telemetry_app.models import Chunk, Segment
from telemetry_app.stores.base import Reading, Run, SessionKey
from telemetry_app.stores.packing import Readings, cut, kept, merge, unpack_ids, unpack_segment
from telemetry_app.stores.steady import MovedError, steady

FIRST_US, LAST_US = -(2**62), 2**62
SLICE_ROWS = 200_000
KEYS_AT_ONCE = 500

Ids = Collection[UUID] | None
Runs = Mapping[UUID, Sequence[Readings]]


def of_session(session_id: SessionKey) -> Q:
    """Return the condition that names a session's rows, or those of none."""
    return Q(session__isnull=True) if session_id is None else Q(session_id=session_id)


def segments(session_id: SessionKey, first_us: int, last_us: int) -> QuerySet[Segment]:
    """Return the segments whose readings are still in them and may touch the range, in receive order."""
    waiting = Segment.objects.filter(of_session(session_id), columns__isnull=False)
    return waiting.filter(first_at__lte=last_us, last_at__gte=first_us).order_by("position")


def chunks(session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> QuerySet[Chunk]:
    """Return the chunks that touch the range, by channel and time."""
    found = Chunk.objects.filter(of_session(session_id), first_at__lte=last_us, last_at__gte=first_us)
    if ids is not None:
        found = found.filter(channel_id__in=ids)
    return found.order_by("channel_id", "first_at")


def read_segments(found: QuerySet[Segment], ids: Ids) -> dict[UUID, list[Readings]]:
    """Return each channel's runs in receive order."""
    wanted = None if ids is None else set(ids)
    runs: dict[UUID, list[Readings]] = defaultdict(list)
    for count, packed, columns in found.values_list("count", "channel_ids", "columns"):
        channels = unpack_ids(packed)
        if columns is None or (wanted is not None and wanted.isdisjoint(channels)):
            continue
        for channel, run in zip(channels, unpack_segment(columns, len(channels), count), strict=True):
            if wanted is None or channel in wanted:
                runs[channel].append(run)
    return runs


def read_chunks(found: QuerySet[Chunk]) -> dict[UUID, list[Readings]]:
    """Return each channel's runs, times rising."""
    runs: dict[UUID, list[Readings]] = defaultdict(list)
    for channel, count, times, values in found.values_list("channel_id", "count", "times", "values"):
        runs[channel].append((decode_times(times, count), decode_values(values, count)))
    return runs


def read_by_key(pks: Sequence[int]) -> Iterator[tuple[UUID, Readings]]:
    """Yield the channel and the readings of each of some chunks, by channel and time.

    Raises:
        MovedError: one is not there any more.
    """
    for channel, count, times, values in columns_by_key(pks, "channel_id", "count", "times", "values"):
        yield channel, (decode_times(times, count), decode_values(values, count))


def columns_by_key(pks: Sequence[int], *names: str) -> Iterator[tuple[Any, ...]]:
    """Yield columns of some chunks, by channel and time.

    Raises:
        MovedError: a chunk is not there any more.
    """
    for start in range(0, len(pks), KEYS_AT_ONCE):
        some = pks[start : start + KEYS_AT_ONCE]
        rows = Chunk.objects.filter(pk__in=some).order_by("channel_id", "first_at").values_list(*names)
        if len(rows) < len(some):
            raise MovedError
        yield from rows


def window(
    session_id: SessionKey, ids: Ids, first_us: int, last_us: int, *, before_position: int | None = None
) -> dict[UUID, Run]:
    """Return each channel's readings in the range; with ``before_position`` as they stood before that batch."""
    waiting = segments(session_id, first_us, last_us)
    if before_position is not None:
        waiting = waiting.filter(position__lt=before_position)
    fresh = read_segments(waiting, ids)
    settled = read_chunks(chunks(session_id, ids, first_us, last_us))
    found: dict[UUID, Run] = {}
    for channel in settled.keys() | fresh.keys():
        times, values = joined_up(settled, fresh, channel, first_us, last_us)
        if times.size:
            found[channel] = Run(channel, times, values)
    return found


def joined_up(settled: Runs, fresh: Runs, channel: UUID, first_us: int, last_us: int) -> Readings:
    run = cut(merge([*settled.get(channel, ()), *fresh.get(channel, ())]), first_us, last_us)
    return kept(run) if channel in fresh else run


@steady
def latest_until(session_id: SessionKey, ids: Ids, until_us: int) -> dict[UUID, Reading]:
    """Return the last reading of each channel up to a time."""
    fresh = read_segments(segments(session_id, FIRST_US, until_us), ids)
    begun = chunks(session_id, ids, FIRST_US, until_us)
    starts = dict(begun.order_by("channel_id").values_list("channel_id").annotate(Max("first_at")))
    last_chunks = Q(pk__in=[])
    for channel, start in starts.items():
        last_chunks |= Q(channel_id=channel, first_at=start)
    settled = read_chunks(begun.filter(last_chunks))
    if settled.keys() != starts.keys():
        raise MovedError
    found: dict[UUID, Reading] = {}
    for channel in settled.keys() | fresh.keys():
        times, values = joined_up(settled, fresh, channel, FIRST_US, until_us)
        if times.size:
            found[channel] = Reading(channel, session_id, int(times[-1]), float(values[-1]))
        elif channel in starts:  # all of the last chunk is withdrawn
            for rest in newest(session_id, [channel], FIRST_US, starts[channel] - 1, limit=1, before=None):
                found[channel] = rest
    return found


def newest(
    session_id: SessionKey, ids: Ids, first_us: int, last_us: int, *, limit: int, before: tuple[int, UUID] | None
) -> list[Reading]:
    """Return the last ``limit`` readings of the range, newest first and within a moment by channel."""
    end = last_us if before is None else min(last_us, before[0])
    target = limit
    while True:
        start = _reach_back(session_id, ids, first_us, end, target)
        rows = sorted_newest(window(session_id, ids, start, end), session_id, limit, before)
        if len(rows) == limit or start == first_us:
            return rows
        target *= 4


def _reach_back(session_id: SessionKey, ids: Ids, first_us: int, end: int, target: int) -> int:
    """Return a time from which on at least ``target`` stored readings lead up to ``end``, or ``first_us``."""
    waiting = segments(session_id, first_us, end).order_by("-first_at").values_list("first_at", "count", "channel_ids")
    settled = chunks(session_id, ids, first_us, end).order_by("-first_at").values_list("first_at", "count")
    wanted = None if ids is None else {channel.bytes for channel in ids}
    blocks = [*settled[:target], *((start, _share(count, packed, wanted)) for start, count, packed in waiting[:target])]
    found = 0
    for start, count in sorted(blocks, reverse=True):
        found += count
        if found >= target:
            return max(first_us, start)
    return first_us


def _share(count: int, packed: Buffer, wanted: set[bytes] | None) -> int:
    """Return about how many of a segment's readings are of wanted channels."""
    if wanted is None:
        return count
    held = [bytes(packed[i : i + 16]) for i in range(0, len(packed), 16)]
    return count * sum(channel in wanted for channel in held) // len(held)


def sorted_newest(
    runs: dict[UUID, Run], session_id: SessionKey, limit: int, before: tuple[int, UUID] | None
) -> list[Reading]:
    """Return the last ``limit`` of the readings, newest first and within a moment by channel."""
    channels = sorted(runs)
    if not channels:
        return []
    keep = limit if before is None else limit + 1
    parts = [(runs[channel].times[-keep:], runs[channel].values[-keep:]) for channel in channels]
    rank = np.repeat(np.arange(len(channels)), [times.size for times, _ in parts])
    times, values = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    if before is not None:
        seen = np.array([channel <= before[1] for channel in channels])[rank] & (times == before[0])
        rank, times, values = rank[~seen], times[~seen], values[~seen]
    order = np.lexsort((rank, -times))[:limit]
    return [
        Reading(channels[place], session_id, us, value)
        for place, us, value in zip(rank[order].tolist(), times[order].tolist(), values[order].tolist(), strict=True)
    ]


def scan(session_id: SessionKey, first_us: int, last_us: int) -> Iterator[Run]:
    """Yield the range in slices of time of about 200,000 readings, all channels of a slice one after the other."""
    blocks = [
        *segments(session_id, first_us, last_us).values_list("first_at", "last_at", "count"),
        *chunks(session_id, None, first_us, last_us).values_list("first_at", "last_at", "count"),
    ]
    for start, end in slices(blocks):
        runs = window(session_id, None, max(start, first_us), min(end, last_us))
        for channel in sorted(runs):
            yield runs[channel]


def slices(blocks: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Return slices of time in which about as many readings lie as one read may hold.

    Args:
        blocks: (first time, last time, readings) of what is stored, in any order.
    """
    starts: list[int] = []
    waiting = 0
    for start, _, count in sorted(blocks):
        if not starts or (waiting + count > SLICE_ROWS and start > starts[-1]):
            starts.append(start)
            waiting = 0
        waiting += count
    ends = [start - 1 for start in starts[1:]]
    if blocks:
        ends.append(max(last for _, last, _ in blocks))
    return list(zip(starts, ends, strict=True))
