"""Charts from readings that an engine has summed up in intervals, and those summed up here; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from telemetry_app.codec import Times, Values
from telemetry_app.decimate import Band, Envelope

K = TypeVar("K")

SCALE = 2.0**64
"""What engines divide by before they sum, so that no sum of float64 values leaves float64."""


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """One channel's readings in equal intervals; intervals without any are left out.

    Attributes:
        place: shape (n,), which interval, rising.
        count: shape (n,), readings in it.
        minimum, maximum, average: shape (n,), in the channel's unit; the average may be out by rounding.
    """

    place: NDArray[np.int64]
    count: NDArray[np.int64]
    minimum: Values
    maximum: Values
    average: Values

    @classmethod
    def of(
        cls,
        place: Sequence[int],
        count: Sequence[int],
        minimum: Sequence[float],
        maximum: Sequence[float],
        scaled: Sequence[float],
    ) -> Buckets:
        """Return what an engine answered, in any order, with averages divided by ``SCALE``."""
        where = np.array(place, dtype=np.int64)
        order = np.argsort(where)
        low, high, mean = (np.array(column, dtype=np.float64)[order] for column in (minimum, maximum, scaled))
        return cls(where[order], np.array(count, dtype=np.int64)[order], low, high, mean * SCALE)


def unscaled(total: float) -> float | None:
    """Return a sum that an engine made of values divided by ``SCALE``; None where it is beyond float64."""
    return total * SCALE if abs(total * SCALE) < np.inf else None


def bucketed(times: Times, values: Values, start_us: int, width: int) -> Buckets:
    """Return a run of at least one reading in intervals of ``width`` microseconds from ``start_us`` on."""
    place = (times - start_us) // width
    starts = np.flatnonzero(np.diff(place, prepend=place[0] - 1))
    count = np.diff(np.append(starts, place.size))
    return Buckets(
        place=place[starts],
        count=count,
        minimum=np.minimum.reduceat(values, starts),
        maximum=np.maximum.reduceat(values, starts),
        average=np.add.reduceat(values / np.repeat(count, count), starts),
    )


def chart(parts: Mapping[K, Sequence[Buckets]], start_us: int, width: int, places: int) -> Envelope[K]:
    """Return channels over one time axis, from parts that may share an interval and share no reading.

    Args:
        places: how many intervals there are.
    """
    counts = {key: _counted(of_channel, places) for key, of_channel in parts.items()}
    used = np.flatnonzero(np.sum(list(counts.values()), axis=0))
    bands = {key: _band(of_channel, counts[key], used) for key, of_channel in parts.items()}
    raw_count = sum(int(count.sum()) for count in counts.values())
    return Envelope(time=start_us + used * width, bands=bands, raw_count=raw_count)


def _counted(parts: Sequence[Buckets], places: int) -> NDArray[np.int64]:
    count = np.zeros(places, dtype=np.int64)
    for part in parts:
        count[part.place] += part.count
    return count


def _band(parts: Sequence[Buckets], count: NDArray[np.int64], used: NDArray[np.int64]) -> Band:
    low, high, mean = np.full(count.size, np.inf), np.full(count.size, -np.inf), np.zeros(count.size)
    for part in parts:
        low[part.place] = np.minimum(low[part.place], part.minimum)
        high[part.place] = np.maximum(high[part.place], part.maximum)
        mean[part.place] += part.average * (part.count / count[part.place])
    mean = np.clip(mean, low, high, where=count > 0, out=mean)
    for column in (low, high, mean):
        column[count == 0] = np.nan
    return Band(low[used], high[used], mean[used])
