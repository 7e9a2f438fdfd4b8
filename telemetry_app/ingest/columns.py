"""A batch of readings as columns: as it was received, and in the order in which it is stored; pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry_app.codec import Times, Values
from telemetry_app.instants import SECOND_US

MAX_ROWS = 100_000
AHEAD_US = 24 * 3600 * SECOND_US
LATE_US = 5 * 60 * SECOND_US

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Readings by channel and, within a channel, by time; one per channel and microsecond.

    Of several rows for one moment the last received has won.

    Attributes:
        names: the channels, each once, in the order of their runs.
        units: the unit each channel was sent with; empty where none was named.
        starts: shape (channels + 1,); run ``c`` is ``starts[c]:starts[c + 1]``.
        times: shape (n,), microseconds since 1970, rising within each run.
        values: shape (n,), finite.
        opening: shape (n,), the first value received for each moment; differs from ``values`` where rows overwrote
            one another.
        accepted: rows as received.
        repeats: rows that said again what the row before them for the same moment said.
        late: rows that were more than five minutes old when they arrived.
        timed: every row carried its own time.
        batch_id: the sender's name for the batch, or None.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    starts: Index
    times: Times
    values: Values
    opening: Values
    accepted: int
    repeats: int
    late: int
    timed: bool
    batch_id: str | None

    def run(self, channel: int) -> slice:
        """Return where the readings of one channel stand."""
        return slice(int(self.starts[channel]), int(self.starts[channel + 1]))

    def digest(self) -> str:
        """Return a SHA-256 of what the rows say, the same however they were written down."""
        digest = hashlib.sha256(f"{self.accepted}\n".encode())
        for channel in sorted(range(len(self.names)), key=lambda channel: self.names[channel]):
            run = self.run(channel)
            for text in (self.names[channel], self.units[channel]):
                digest.update(f"{len(text)}:{text}".encode())
            digest.update(f"{run.stop - run.start}\n".encode())
            digest.update(self.times[run].astype("<i8", copy=False).data)
            digest.update(self.values[run].astype("<f8", copy=False).data)
        return digest.hexdigest()


def settle(
    *,
    names: tuple[str, ...],
    units: tuple[str, ...],
    index: Index,
    times: Times,
    values: Values,
    received_us: int,
    timed: bool,
    batch_id: str | None,
) -> Batch:
    """Return received columns in the order in which they are stored.

    Args:
        names: the channels, each once.
        units: as ``names``.
        index: shape (n,), n ≥ 1; the channel of each row, as a place in ``names``.
        times: shape (n,), microseconds since 1970.
        values: shape (n,), finite.
        received_us: when the batch arrived.
    """
    order = np.argsort(index.astype(np.uint32 if len(names) > 65_535 else np.uint16), kind="stable")
    channel, at = index[order], times[order]
    same_channel = channel[1:] == channel[:-1]
    if np.any(same_channel & (at[1:] < at[:-1])):
        order = np.lexsort((times, index))
        channel, at = index[order], times[order]
        same_channel = channel[1:] == channel[:-1]
    value = values[order]
    same_moment = same_channel & (at[1:] == at[:-1])
    opening, repeats = value, 0
    if same_moment.any():
        bits = value.view(np.uint64)
        repeats = int(np.count_nonzero(same_moment & (bits[1:] == bits[:-1])))
        is_last, is_first = np.append(~same_moment, True), np.insert(~same_moment, 0, True)
        opening, channel, at, value = value[is_first], channel[is_last], at[is_last], value[is_last]
    return Batch(
        names=names,
        units=units,
        starts=np.searchsorted(channel, np.arange(len(names) + 1)),
        times=at,
        values=value,
        opening=opening,
        accepted=len(index),
        repeats=repeats,
        late=int(np.count_nonzero(times < received_us - LATE_US)),
        timed=timed,
        batch_id=batch_id,
    )
