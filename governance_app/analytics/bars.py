"""Bars for a page: how long each is beside the longest. Pure; pages draw them as SVG without any script or style."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it stands for, its figure, and where it lies on a line of ``LENGTH``."""

    label: str
    value: float
    length: float
    tone: str = "plain"
    start: float = 0.0

    @property
    def top(self) -> float:
        """Where an upright bar begins, counted from above."""
        return LENGTH - self.length


def bars(values: Iterable[tuple[str, float, str]]) -> list[Bar]:
    """Return a bar for each (label, value, tone), the longest of full length; none is long where all are 0."""
    rows = list(values)
    longest = max((value for _, value, _ in rows), default=0)
    return [Bar(label, value, _share(value, longest), tone) for label, value, tone in rows]


def stacked(values: Iterable[tuple[str, float, str]]) -> list[Bar]:
    """Return the parts of one bar, one behind the other; together they are of full length unless all are 0."""
    rows, end, parts = list(values), 0.0, []
    whole = sum(value for _, value, _ in rows)
    for label, value, tone in rows:
        length = _share(value, whole)
        parts.append(Bar(label, value, length, tone, start=round(end, 3)))
        end += length
    return parts


def by_day(trend: Sequence[Mapping[str, object]], *, until: date, days: int) -> list[Bar]:
    """Return an upright bar for each of the last ``days`` days, empty ones included."""
    counts = {str(one["date"]): float(str(one["count"])) for one in trend}
    dates = [(until - timedelta(days=back)).isoformat() for back in reversed(range(days))]
    return bars((day, counts.get(day, 0.0), "bad") for day in dates)


def _share(value: float, whole: float) -> float:
    return round(LENGTH * value / whole, 3) if whole > 0 else 0.0
