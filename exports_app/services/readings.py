"""Reads what the instruments left in a session: figures for the dossier, seals for the signatures, columns to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db.models import Max

from biolab.kernel.seal import ReadingDigest
from exports_app.archive.contents import ChannelSeal, Run
from exports_app.errors import IntegrityFailed
from exports_app.narrative.bundle import ChannelFacts, Gap
from sessions_app.models import LabSession, TimelineEvent
from telemetry_app import stores
from telemetry_app.instants import iso_us
from telemetry_app.models import Channel, Segment
from telemetry_app.stores.base import Stats

SPANS: Final = 60
ROWS_AT_ONCE: Final = 200_000
SILENT_INTERVALS: Final = 10
SILENT_US: Final = 60 * 1_000_000
MOST_GAPS: Final = 100

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass
class Account:
    """What is known of one channel after some of its runs, given in time order.

    A gap is a silence of at least a minute and of ten times the channel's mean interval.
    """

    stats: Stats
    count: int = 0
    total: float = 0.0
    minimum: float = np.inf
    maximum: float = -np.inf
    first: tuple[int, float] | None = None
    last: tuple[int, float] | None = None
    gaps: list[Gap] = field(default_factory=list)
    lows: Values = field(default_factory=lambda: np.full(SPANS, np.inf))
    highs: Values = field(default_factory=lambda: np.full(SPANS, -np.inf))
    seal: ReadingDigest = field(default_factory=ReadingDigest)

    def add(self, times: Times, values: Values) -> None:
        """Take in the next run, shape (n,) both; n ≥ 1."""
        self.seal.update(times, values)
        self._note_gaps(times)
        self.count += len(times)
        self.total += float(values.sum())
        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))
        if self.first is None:
            self.first = (int(times[0]), float(values[0]))
        self.last = (int(times[-1]), float(values[-1]))
        width = max(1, self.stats.last_us - self.stats.first_us + 1)
        spans = np.clip((times - self.stats.first_us) * SPANS // width, 0, SPANS - 1)
        np.minimum.at(self.lows, spans, values)
        np.maximum.at(self.highs, spans, values)

    def _note_gaps(self, times: Times) -> None:
        whole = times if self.last is None else np.concatenate(([self.last[0]], times))
        mean_us = (self.stats.last_us - self.stats.first_us) / max(1, self.stats.count - 1)
        silent = np.flatnonzero(np.diff(whole) >= max(SILENT_US, SILENT_INTERVALS * mean_us))
        room = MOST_GAPS - len(self.gaps)
        self.gaps += [Gap(iso_us(int(whole[at])), iso_us(int(whole[at + 1]))) for at in silent[:room]]

    def facts(self, name: str, unit: str) -> ChannelFacts:
        """Return the channel as the dossier tells it."""
        finite = np.isfinite(self.lows)
        mean = self.total / self.count if self.count else None
        return ChannelFacts(
            name=name,
            unit=unit,
            count=self.count,
            minimum=self.minimum if self.count else None,
            maximum=self.maximum if self.count else None,
            mean=mean if mean is not None and np.isfinite(mean) else None,
            first=self.first[1] if self.first is not None else None,
            last=self.last[1] if self.last is not None else None,
            first_at=iso_us(self.first[0]) if self.first is not None else "",
            last_at=iso_us(self.last[0]) if self.last is not None else "",
            gaps=tuple(self.gaps),
            envelope=tuple(
                (float(low), float(high)) if there else None
                for low, high, there in zip(self.lows, self.highs, finite, strict=True)
            ),
            digest=self.seal.hexdigest(),
        )


@dataclass(frozen=True)
class ReadingsTold:
    """A session's readings in figures and seals; ``sealed`` says that the timeline seals them already."""

    channels: tuple[ChannelFacts, ...]
    seals: tuple[ChannelSeal, ...]
    sealed: bool
    position: int

    def as_json(self) -> dict[str, Any]:
        """Return what the export's row keeps of them."""
        return {
            "sealed": self.sealed,
            "position": self.position,
            "channels": [
                {"name": seal.name, "unit": seal.unit, "count": seal.count, "digest": seal.digest}
                for seal in self.seals
            ],
        }


def sealed_channels(session: LabSession, *, last: int) -> dict[str, dict[str, Any]] | None:
    """Return what the timeline sealed, by channel; None where readings were not sealed by event ``last``."""
    event = (
        TimelineEvent.objects.filter(session=session, kind="telemetry.sealed", sequence__lte=last)
        .order_by("-sequence")
        .first()
    )
    channels: dict[str, dict[str, Any]] | None = event.payload["channels"] if event is not None else None
    return channels


def stored_runs(session: LabSession) -> Iterator[Run]:
    """Yield every reading of the session, channel after channel by name, times rising.

    The order does not depend on how the store has packed them by now, so a second pack gives the same bytes. The cuts
    are equal spans of time, of about 200,000 readings where a channel is steady.
    """
    summary = stores.current().summary(session.pk)
    channels = Channel.objects.filter(pk__in=summary).order_by("name").values_list("pk", "name")
    for pk, name in channels:
        yield from _runs_of(session, pk, name, summary[pk])


def _runs_of(session: LabSession, pk: UUID, name: str, stats: Stats) -> Iterator[Run]:
    width = stats.last_us - stats.first_us + 1
    slices = min(width, -(-stats.count // ROWS_AT_ONCE))
    edges = [stats.first_us + width * number // slices for number in range(slices + 1)]
    for start, stop in pairwise(edges):
        run = stores.current().window(session.pk, [pk], start, stop - 1).get(pk)
        if run is not None and len(run.times):
            yield Run(name, run.times, run.values)


def tell_readings(
    session: LabSession, *, last: int, keep: Callable[[Iterator[Run]], None] | None = None
) -> ReadingsTold:
    """Read all readings once and return what they come to.

    Args:
        last: the last event of the export; a seal written by then is held against what the store returns.
        keep: takes the runs as they pass, to store them; only called where no seal vouches for the store.

    Raises:
        IntegrityFailed: the store does not return what was sealed.
    """
    position = Segment.objects.filter(session=session).aggregate(last=Max("position"))["last"] or 0
    sealed = sealed_channels(session, last=last)
    summary = stores.current().summary(session.pk)
    channels = {channel.pk: channel for channel in Channel.objects.filter(pk__in=summary)}
    accounts = {channels[pk].name: Account(stats) for pk, stats in summary.items()}
    units = {channel.name: channel.unit for channel in channels.values()}
    passing = _counted(stored_runs(session), accounts, units)
    if sealed is None and keep is not None and accounts:
        keep(passing)
    for _ in passing:
        pass
    told = tuple(accounts[name].facts(name, units[name]) for name in sorted(accounts) if accounts[name].count)
    if sealed is not None:
        _compare(sealed, told)
    seals = tuple(ChannelSeal(fact.name, fact.unit, fact.count, fact.digest) for fact in told)
    return ReadingsTold(told, seals, sealed is not None, position)


def _counted(runs: Iterator[Run], accounts: dict[str, Account], units: dict[str, str]) -> Iterator[Run]:
    for run in runs:
        if run.channel in accounts:  # a channel that began after the summary waits for the next export
            accounts[run.channel].add(run.times, run.values)
            yield run


def _compare(sealed: dict[str, dict[str, Any]], told: tuple[ChannelFacts, ...]) -> None:
    found = {fact.name: (fact.count, fact.digest) for fact in told}
    expected = {name: (channel["count"], channel["sha256"]) for name, channel in sealed.items() if channel["count"]}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise IntegrityFailed(
            "The readings are not those that were sealed when the session ended; nothing is exported.",
            code="seal_broken",
            channels=wrong,
        )
