"""Batches to the bytes of a segment, readings to chunks, and overlapping runs to one; pure.

No reading is NaN. A segment that withdraws readings holds NaN at their times: merged like any other it wins over them,
and whoever reads drops it then.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

import numpy as np

from telemetry_app.codec import (
    Buffer,
    Times,
    Values,
    decode_times,
    decode_values,
    encode_times,
    encode_values,
)
from telemetry_app.ingest.columns import Batch, Index
from telemetry_app.stores.base import Stats

Readings = tuple[Times, Values]

NOTHING: Readings = (np.zeros(0, dtype=np.int64), np.zeros(0))

QUICK = 1
"""zstd effort on the way in, where a segment lives for minutes."""

CHUNK_ROWS = 4096
"""Readings that a new chunk holds."""

SMALL_CHUNK_ROWS = 1024
"""A last chunk with fewer is packed again together with what follows it."""


def pack_ids(ids: Sequence[UUID]) -> bytes:
    """Return 16 bytes for each id."""
    return b"".join(one.bytes for one in ids)


def unpack_ids(data: Buffer) -> list[UUID]:
    """Return the ids of :func:`pack_ids`."""
    raw = bytes(data)
    return [UUID(bytes=raw[i : i + 16]) for i in range(0, len(raw), 16)]


def pack_runs(starts: Index, times: Times, values: Values) -> bytes:
    """Return columns as a segment keeps them: the runs' lengths, then all times, then all values.

    Args:
        starts: shape (runs + 1,), where each run begins and the last one ends.
    """
    lengths = np.diff(starts).astype("<u4").tobytes()
    packed = encode_times(times, level=QUICK)
    return struct.pack("<I", len(packed)) + lengths + packed + encode_values(values, level=QUICK)


def unpack_segment(data: Buffer, channels: int, count: int) -> list[Readings]:
    """Return the runs of a segment in the order of its channels.

    Args:
        channels: how many runs it holds.
        count: how many readings it holds.
    """
    raw = bytes(data)
    (size,) = struct.unpack_from("<I", raw)
    head = 4 + 4 * channels
    lengths = np.frombuffer(raw, dtype="<u4", count=channels, offset=4)
    starts = [0, *np.cumsum(lengths, dtype=np.int64).tolist()]
    times = decode_times(raw[head : head + size], count)
    values = decode_values(raw[head + size :], count)
    return [(times[a:b], values[a:b]) for a, b in pairwise(starts)]


def merge(runs: Sequence[Readings]) -> Readings:
    """Return runs as one, times rising; where two hold the same moment the later run in the list wins."""
    if len(runs) == 1:
        return runs[0]
    times = np.concatenate([run[0] for run in runs])
    values = np.concatenate([run[1] for run in runs])
    if np.all(times[1:] > times[:-1]):
        return times, values
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    last = np.append(times[1:] != times[:-1], True)
    return times[last], values[last]


def kept(run: Readings) -> Readings:
    """Return a merged run without what was withdrawn, where NaN stands in the place of a value."""
    times, values = run
    gone = np.isnan(values)
    return (times[~gone], values[~gone]) if gone.any() else run


def cut(run: Readings, first_us: int, last_us: int) -> Readings:
    """Return the part of a run from ``first_us`` to ``last_us``, both included."""
    times, values = run
    if times.size == 0 or (times[0] >= first_us and times[-1] <= last_us):
        return run
    a, b = np.searchsorted(times, first_us, side="left"), np.searchsorted(times, last_us, side="right")
    return times[a:b], values[a:b]


def stats(run: Readings) -> Stats:
    """Return what a run of at least one reading amounts to."""
    times, values = run
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(values.sum())
    return Stats(
        count=times.size,
        first_us=int(times[0]),
        last_us=int(times[-1]),
        minimum=float(values.min()),
        maximum=float(values.max()),
        total=total if np.isfinite(total) else None,
        first=float(values[0]),
        last=float(values[-1]),
    )


def joined(parts: Sequence[Stats]) -> Stats:
    """Return the sum of parts without a moment in common; at least one."""
    first, last = min(parts, key=lambda part: part.first_us), max(parts, key=lambda part: part.last_us)
    totals = [part.total for part in parts]
    known = [total for total in totals if total is not None]
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(np.sum(known)) if len(known) == len(totals) else float("nan")
    return Stats(
        count=sum(part.count for part in parts),
        first_us=first.first_us,
        last_us=last.last_us,
        minimum=min(part.minimum for part in parts),
        maximum=max(part.maximum for part in parts),
        total=total if np.isfinite(total) else None,
        first=first.first,
        last=last.last,
    )


def differing(batch: Batch, stored: Sequence[Readings]) -> int:
    """Return how many rows of a batch are new or change a value.

    Args:
        stored: for each run of the batch, what is stored in its range of time.
    """
    same = 0
    for channel, (times, values) in enumerate(stored):
        if times.size == 0:
            continue
        run = batch.run(channel)
        at, opening = batch.times[run], batch.opening[run]
        place = np.minimum(np.searchsorted(times, at), times.size - 1)
        equal = (times[place] == at) & (values[place].view(np.uint64) == opening.view(np.uint64))
        same += int(np.count_nonzero(equal))
    return batch.accepted - batch.repeats - same
