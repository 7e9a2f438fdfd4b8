"""The runs of a scan as rows in time order, in bounded memory; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from telemetry_app.codec import Times, Values
from telemetry_app.stores.base import Run

AT_ONCE: Final = 20_000
CELLS_AT_ONCE: Final = 200_000
Places = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Readings by time and, within a moment, by the channel's place.

    Attributes:
        times: shape (n,), microseconds since 1970.
        places: shape (n,), where each reading's channel stands in the outline.
        values: shape (n,), in the channel's unit.
    """

    times: Times
    places: Places
    values: Values

    def __getitem__(self, part: slice) -> Rows:
        return Rows(self.times[part], self.places[part], self.values[part])

    @property
    def opens(self) -> NDArray[np.bool_]:
        """Whether a row is the first of its moment."""
        first = np.ones(self.times.size, dtype=np.bool_)
        np.not_equal(self.times[1:], self.times[:-1], out=first[1:])
        return first

    def pieces(self) -> Iterator[Rows]:
        """Yield the rows a bounded number at a time."""
        for start in range(0, self.times.size, AT_ONCE):
            yield self[start : start + AT_ONCE]

    def moments(self, columns: int) -> Iterator[Rows]:
        """Yield the rows by whole moments, few enough at a time that a table of ``columns`` stays bounded."""
        starts = np.append(np.flatnonzero(self.opens), self.times.size)
        step = max(1, CELLS_AT_ONCE // (columns + 1))
        for start in range(0, starts.size - 1, step):
            yield self[int(starts[start]) : int(starts[min(start + step, starts.size - 1)])]


def in_order(runs: Iterable[Run], places: Mapping[UUID, int]) -> Iterator[Rows]:
    """Yield the readings of the placed channels in time order, one slice of the scan at a time.

    Args:
        runs: in slices of time that do not overlap; within a slice one run per channel, by the channels' keys.
    """
    held: list[Run] = []
    for run in runs:
        if held and run.channel_id <= held[-1].channel_id:
            yield from _merged(held, places)
            held = []
        held.append(run)
    yield from _merged(held, places)


def _merged(held: Iterable[Run], places: Mapping[UUID, int]) -> Iterator[Rows]:
    """Yield a slice as one; nothing where none of its channels is placed."""
    wanted = [(places[run.channel_id], run) for run in held if run.channel_id in places]
    if not wanted:
        return
    wanted.sort(key=itemgetter(0))
    first = wanted[0][1].times
    if all(np.array_equal(first, run.times) for _, run in wanted[1:]):  # instruments mostly read all they have at once
        by_moment = np.stack([run.values for _, run in wanted], axis=1)
        stood = np.tile(np.array([place for place, _ in wanted], dtype=np.int32), first.size)
        yield Rows(np.repeat(first, len(wanted)), stood, by_moment.reshape(-1))
        return
    times = np.concatenate([run.times for _, run in wanted])
    order = np.argsort(times, kind="stable")
    standing = np.repeat(
        np.array([place for place, _ in wanted], dtype=np.int32), [run.times.size for _, run in wanted]
    )
    yield Rows(times[order], standing[order], np.concatenate([run.values for _, run in wanted])[order])
