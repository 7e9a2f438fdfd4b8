"""When a team works, and when so many working hours are over (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LEAST_WEEK: Final = timedelta(hours=5)
MOST_SPANS: Final = 6  # of one day
MOST_HOLIDAYS: Final = 1000
MIDNIGHT: Final = timedelta(days=1)

Span = tuple[timedelta, timedelta]
Week = tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """A week of working hours on the clock of a place, and the days on which nobody works.

    ``weekly`` has seven days, Monday first; a span is (opens, closes) as time since midnight, at most 24 h.
    """

    zone: str
    weekly: Week
    holidays: frozenset[date] = frozenset()

    def spans(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield the working spans of one day of the calendar as (start, end) in UTC, in order."""
        if day in self.holidays:
            return
        for opens, closes in self.weekly[day.weekday()]:
            start, end = self._instant(day, opens), self._instant(day, closes)
            if start < end:
                yield start, end

    def _instant(self, day: date, clock: timedelta) -> datetime:
        days, rest = divmod(clock, MIDNIGHT)
        local = datetime.combine(day + timedelta(days=days), time.min) + rest
        return local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def add_working_hours(start: datetime, hours: float, calendar: WorkingHours) -> datetime:
    """Return when ``hours`` of working time after ``start`` are over, in UTC.

    Time is counted as it passes: a working day on which the clocks change is an hour shorter or longer, and no hour
    counts twice. What falls outside the working hours counts from their next beginning.

    Args:
        start: an aware time.
        hours: more than 0.
        calendar: some of whose weekdays have working hours.

    Raises:
        ValueError: ``hours`` is not above 0, or nobody ever works.
    """
    left = timedelta(hours=hours)
    if left <= timedelta(0):
        raise ValueError("give more than 0 hours")
    if not any(calendar.weekly):
        raise ValueError("nobody ever works by this calendar")
    begin = start.astimezone(UTC)
    day = begin.astimezone(ZoneInfo(calendar.zone)).date() - timedelta(days=1)
    while True:
        for opens, closes in calendar.spans(day):
            opens = max(opens, begin)
            if opens >= closes:
                continue
            if closes - opens >= left:
                return opens + left
            left -= closes - opens
            begin = closes
        day += timedelta(days=1)


def working_time(start: datetime, end: datetime, calendar: WorkingHours) -> timedelta:
    """Return how much working time lies between two times."""
    zone = ZoneInfo(calendar.zone)
    day, last = start.astimezone(zone).date() - timedelta(days=1), end.astimezone(zone).date()
    total = timedelta(0)
    while day <= last:
        for opens, closes in calendar.spans(day):
            total += max(timedelta(0), min(closes, end) - max(opens, start))
        day += timedelta(days=1)
    return total


def read_week(stored: Sequence[Sequence[Sequence[str]]]) -> Week:
    """Return a week as it is stored: seven lists, Monday first, of ``["08:00", "16:30"]``.

    Raises:
        ValueError: it is no such week.
    """
    if len(stored) != len(DAYS):
        raise ValueError("a week has seven days")
    return tuple(tuple((_clock(opens), _clock(closes)) for opens, closes in day) for day in stored)


def read_day(text: str) -> list[list[str]]:
    """Return the spans of one day, typed as ``08:00-12:00, 13:00-16:30``, as they are stored; nothing is a day off.

    Raises:
        ValueError: says what is wrong with them.
    """
    spans = []
    for part in filter(None, (part.strip() for part in text.replace("–", "-").split(","))):
        opens, dash, closes = (piece.strip() for piece in part.partition("-"))
        if not dash:
            raise ValueError(f"“{part}” is no span such as 08:00-16:30.")
        spans.append([_shown(_clock(opens)), _shown(_clock(closes))])
    clocks = [_clock(clock) for span in spans for clock in span]
    if len(spans) > MOST_SPANS:
        raise ValueError(f"At most {MOST_SPANS} spans a day.")
    if any(earlier > later for earlier, later in pairwise(clocks)) or any(a == b for a, b in spans):
        raise ValueError("Spans follow each other and end after they begin.")
    return spans


def show_day(spans: Sequence[Sequence[str]]) -> str:
    """Return the spans of one day as they are typed."""
    return ", ".join(f"{opens}-{closes}" for opens, closes in spans)


def week_length(week: Week) -> timedelta:
    """Return how long the team works in a week in which no clock changes."""
    return sum((closes - opens for day in week for opens, closes in day), timedelta(0))


def as_stored(values: Any) -> list[list[list[str]]]:
    """Return a week of typed days as it is stored.

    Raises:
        ValueError: says which day is wrong, and how.
    """
    days = []
    for name, text in zip(DAYS, values, strict=True):
        try:
            days.append(read_day(text))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return days


def _clock(text: str) -> timedelta:
    hours, colon, minutes = text.partition(":")
    known = colon and all(part.isascii() and part.isdecimal() and len(part) <= 2 for part in (hours, minutes))
    clock = timedelta(hours=int(hours), minutes=int(minutes)) if known and int(minutes) < 60 else None
    if clock is None or clock > MIDNIGHT:
        raise ValueError(f"“{text}” is no time of day such as 08:00.")
    return clock


def _shown(clock: timedelta) -> str:
    minutes = clock // timedelta(minutes=1)
    return f"{minutes // 60:02}:{minutes % 60:02}"
