"""Folding segments into chunks: in receive order, one session at a time, beside batches that keep coming."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Max, OuterRef, Subquery

from sessions_app import turnstile
from telemetry_app.codec import CODEC, decode_times, decode_values, encode_times, encode_values
from telemetry_app.models import Channel, Chunk, Segment
from telemetry_app.stores import sql
from telemetry_app.stores.base import SessionKey
from telemetry_app.stores.packing import CHUNK_ROWS, SMALL_CHUNK_ROWS, Readings, kept, merge, stats
from telemetry_app.stores.reading import columns_by_key, of_session, read_segments
from telemetry_app.stores.rollups import pack_pieces, roll_up

Settle = Callable[[SessionKey, Mapping[UUID, Readings], int], None]
"""Puts readings where they rest, given the receive order of the newest batch among them."""

FOLD_ROWS = 400_000
"""Readings that one transaction moves at most, if they are in more than one batch."""

FOLD_SEGMENTS = 50_000
"""Batches that one transaction moves at most."""


def compact(session_id: SessionKey, settle: Settle) -> int:
    """Move the readings that have arrived so far from segments to where they rest; return how many.

    Does nothing where another compaction of the session is at work.
    """
    horizon = _horizon(session_id)
    moved = 0
    while horizon is not None:
        folded = _fold(session_id, horizon, settle)
        if not folded:
            break
        moved += folded
    return moved


def _horizon(session_id: SessionKey) -> int | None:
    """Return the receive order up to which every batch is committed, or None where nothing waits.

    Without it a batch received earlier and committed later than one already in a chunk would win over it.
    """
    waiting = Segment.objects.filter(of_session(session_id), columns__isnull=False)
    if not waiting.exists():
        return None
    with transaction.atomic():
        turnstile.close(session_id)
        top: int | None = waiting.aggregate(top=Max("position"))["top"]
    return top


@transaction.atomic
def _fold(session_id: SessionKey, horizon: int, settle: Settle) -> int:
    """Settle what the oldest segments hold, which are empty then, and return how many readings they held."""
    if not sql.claim_compaction(session_id):
        return 0
    waiting = Segment.objects.filter(of_session(session_id), columns__isnull=False, position__lte=horizon)
    positions: list[int] = []
    readings = 0
    for position, count in waiting.order_by("position").values_list("position", "count")[:FOLD_SEGMENTS]:
        if positions and readings + count > FOLD_ROWS:
            break
        positions.append(position)
        readings += count
    if not positions:
        return 0
    taken = waiting.filter(position__lte=positions[-1]).order_by("position")
    fresh = {channel: merge(runs) for channel, runs in read_segments(taken, None).items()}
    settle(session_id, fresh, positions[-1])
    sql.empty_segments(positions)
    return readings


@transaction.atomic
def settle_in_chunks(session_id: SessionKey, runs: Mapping[UUID, Readings], position: int) -> None:
    """Merge readings into the chunks; they win over what is there for the same moment, and NaN takes it away."""
    sql.claim_compaction(session_id, wait=True)
    made: list[Chunk] = []
    opened: dict[int, tuple[UUID, Readings]] = {}
    for channel, pk, part in _placed(session_id, runs):
        if pk is None:
            made += _chunks(session_id, channel, kept(part), position)
        else:
            opened[pk] = channel, part
    for pk, count, times, values in columns_by_key(list(opened), "pk", "count", "times", "values"):
        channel, part = opened[pk]
        settled = decode_times(times, count), decode_values(values, count)
        made += _chunks(session_id, channel, kept(merge([settled, part])), position)
    Chunk.objects.filter(pk__in=opened).delete()
    Chunk.objects.bulk_create(made, batch_size=200)


def _placed(session_id: SessionKey, runs: Mapping[UUID, Readings]) -> Iterator[tuple[UUID, int | None, Readings]]:
    """Yield runs in parts, each with its channel and the chunk it goes into; none where it makes a chunk of its own.

    A part goes into the chunk that begins before it, or follows it where that is no longer small; so a few readings
    from long ago do not rewrite everything since.
    """
    homes = _homes(session_id, runs)
    for channel, (times, values) in runs.items():
        there = homes[channel]
        starts = np.array([first_at for first_at, _, _, _ in there], dtype=np.int64)
        home = np.searchsorted(starts, times, side="right") - 1
        edges = [*np.flatnonzero(np.diff(home, prepend=-2)).tolist(), times.size]
        for start, end in pairwise(edges):
            _, last_at, count, pk = there[home[start]] if home[start] >= 0 else (0, 0, 0, None)
            full = count >= SMALL_CHUNK_ROWS and times[start] > last_at
            yield channel, None if full else pk, (times[start:end], values[start:end])


def _homes(session_id: SessionKey, runs: Mapping[UUID, Readings]) -> dict[UUID, list[tuple[int, int, int, int | None]]]:
    """Return (first time, last time, readings, key) of the chunks that runs may go into, by channel and time."""
    first_us = min((int(times[0]) for times, _ in runs.values()), default=0)
    last_us = max((int(times[-1]) for times, _ in runs.values()), default=0)
    held = Chunk.objects.filter(of_session(session_id))
    begun = held.filter(channel_id=OuterRef("pk"), first_at__lte=first_us).order_by("-first_at").values("pk")[:1]
    before = Channel.objects.filter(pk__in=runs).values_list(Subquery(begun))
    since = held.filter(channel_id__in=runs, first_at__gt=first_us, first_at__lte=last_us)
    homes: dict[UUID, list[tuple[int, int, int, int | None]]] = defaultdict(list)
    for found in (held.filter(pk__in=before), since):
        fields = ("channel_id", "first_at", "last_at", "count", "pk")
        for channel, *home in found.order_by("channel_id", "first_at").values_list(*fields):
            homes[channel].append(tuple(home))
    return homes


def _chunks(session_id: SessionKey, channel: UUID, run: Readings, position: int) -> Iterator[Chunk]:
    """Yield ``run`` in chunks of about equal size."""
    times, values = run
    parts = max(1, -(-times.size // CHUNK_ROWS))
    size = max(1, -(-times.size // parts))
    for start in range(0, times.size, size):
        part = times[start : start + size], values[start : start + size]
        held, rolled = stats(part), roll_up(part)
        yield Chunk(
            channel_id=channel,
            session_id=session_id,
            first_at=held.first_us,
            last_at=held.last_us,
            count=held.count,
            minimum=held.minimum,
            maximum=held.maximum,
            total=held.total,
            first=held.first,
            last=held.last,
            position=position,
            codec=CODEC,
            times=encode_times(part[0]),
            values=encode_values(part[1]),
            rollup_step=None if rolled is None else rolled[0],
            rollup=None if rolled is None else pack_pieces(rolled[1]),
        )
