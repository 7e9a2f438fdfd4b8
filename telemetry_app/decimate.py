"""Many readings to the few that a chart can show, with every spike kept; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from telemetry_app.codec import Times, Values
from telemetry_app.instants import SECOND_US

K = TypeVar("K")

STEPS_US = (
    *(1_000 * many for many in (1, 5, 10, 50, 100, 500)),
    *(SECOND_US * many for many in (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 6 * 3600, 24 * 3600)),
)
"""Round lengths of time, each a multiple of those before it: what is gathered by one can be gathered again by more."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """One channel over the places of an envelope; NaN where it has no reading.

    Attributes:
        minimum, maximum, average: shape (places,), in the channel's unit.
    """

    minimum: Values
    maximum: Values
    average: Values


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Readings of one channel by place on a time axis, places rising.

    Attributes:
        place: shape (n,), which interval of the axis.
        count: shape (n,), readings in it.
        minimum, maximum, mean: shape (n,), in the channel's unit.
    """

    place: Times
    count: Times
    minimum: Values
    maximum: Values
    mean: Values


@dataclass(frozen=True, slots=True, eq=False)
class Envelope(Generic[K]):
    """Channels over one time axis.

    Attributes:
        time: shape (places,), microseconds since 1970; where readings were merged, the start of each interval, which
            may lie just before the first reading.
        exact: the values themselves where nothing was merged, NaN where a channel has no reading at that time.
        bands: what the merged readings of each interval span.
        raw_count: readings that went in.
    """

    time: Times
    exact: dict[K, Values] = field(default_factory=dict)
    bands: dict[K, Band] = field(default_factory=dict)
    raw_count: int = 0

    @property
    def decimated(self) -> bool:
        return bool(self.bands)


def envelope(runs: Mapping[K, tuple[Times, Values]], max_points: int) -> Envelope[K]:
    """Return ``runs`` over one time axis of at most ``max_points`` places.

    Few enough moments are kept as they are. Otherwise the time from the first to the last reading is cut into equal
    intervals; each shows the least, the greatest and the mean of its readings, and intervals without any are left out.

    Args:
        runs: for each channel its times, rising, and its values, both of shape (n,).
        max_points: places on the time axis, ≥ 1.
    """
    full = {key: run for key, run in runs.items() if run[0].size}
    if not full:
        return Envelope(time=np.zeros(0, dtype=np.int64), exact={key: np.zeros(0) for key in runs})
    if max(times.size for times, _ in full.values()) <= max_points:
        moments = np.unique(np.concatenate([times for times, _ in full.values()]))
        if moments.size <= max_points:
            exact = {key: _placed(moments, *run) for key, run in runs.items()}
            raw_count = sum(times.size for times, _ in full.values())
            return Envelope(time=moments, exact=exact, raw_count=raw_count)
    start = min(int(times[0]) for times, _ in full.values())
    end = max(int(times[-1]) for times, _ in full.values())
    origin, width = axis(start, end, max_points)
    return banded({key: gather(times, values, origin, width) for key, (times, values) in runs.items()}, origin, width)


def axis(start_us: int, end_us: int, max_points: int) -> tuple[int, int]:
    """Return (start, length) of the first of at most ``max_points`` equal intervals from ``start_us`` to ``end_us``.

    Where a quarter of the length is a round one or more, start and length are multiples of the longest such, so that
    readings gathered by it beforehand fall into the intervals whole.
    """
    width = -(-(end_us - start_us + 1) // max_points)
    step = max((step for step in STEPS_US if 4 * step <= width), default=1)
    origin = start_us if step == 1 else start_us - start_us % step
    width = -(-(end_us - origin + 1) // max_points)
    return origin, -(-width // step) * step


def gather(times: Times, values: Values, origin: int, width: int) -> Pieces:
    """Return a run, times rising, by intervals of ``width`` microseconds from ``origin``."""
    place = (times - origin) // width
    starts = np.flatnonzero(np.diff(place, prepend=place[0] - 1)) if place.size else np.zeros(0, dtype=np.int64)
    if not starts.size:
        return Pieces(starts, starts, np.zeros(0), np.zeros(0), np.zeros(0))
    counts = np.diff(np.append(starts, place.size))
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    # Dividing first keeps the sum of very large values inside float64; the mean never leaves its band.
    mean = np.add.reduceat(values / np.repeat(counts, counts), starts)
    return Pieces(place[starts], counts, low, high, np.clip(mean, low, high))


def gather_again(parts: Sequence[Pieces]) -> Pieces:
    """Return parts as one, where several may have a share in a place; at least one part."""
    if len(parts) == 1:
        return parts[0]
    place = np.concatenate([part.place for part in parts])
    if not place.size:
        return parts[0]
    order = np.argsort(place, kind="stable")
    place = place[order]
    count, low, high, mean = (
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("count", "minimum", "maximum", "mean")
    )
    starts = np.flatnonzero(np.diff(place, prepend=place[0] - 1))
    total = np.add.reduceat(count, starts)
    shares = count / np.repeat(total, np.diff(np.append(starts, place.size)))
    low, high = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    return Pieces(place[starts], total, low, high, np.clip(np.add.reduceat(mean * shares, starts), low, high))


def banded(channels: Mapping[K, Pieces], origin: int, width: int) -> Envelope[K]:
    """Return channels over the places of an axis that any of them has readings in."""
    used = np.unique(np.concatenate([pieces.place for pieces in channels.values()]))
    return Envelope(
        time=origin + used * width,
        bands={key: _band(used, pieces) for key, pieces in channels.items()},
        raw_count=sum(int(pieces.count.sum()) for pieces in channels.values()),
    )


def _placed(moments: Times, times: Times, values: Values) -> Values:
    row = np.full(moments.size, np.nan)
    row[np.searchsorted(moments, times)] = values
    return row


def _band(used: Times, pieces: Pieces) -> Band:
    low, high, mean = (np.full(used.size, np.nan) for _ in range(3))
    where = np.searchsorted(used, pieces.place)
    low[where], high[where], mean[where] = pieces.minimum, pieces.maximum, pieces.mean
    return Band(low, high, mean)
