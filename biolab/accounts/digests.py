"""When mail about notifications leaves: by the person's own clock, and never in their quiet hours; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from biolab.accounts.states import DigestFrequency

MORNING: Final = time(8)
"""When daily and weekly mail leaves; the weekly on Mondays."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """How often a person wants mail, and when not at all."""

    frequency: str = DigestFrequency.IMMEDIATE
    quiet_from: time | None = None
    quiet_until: time | None = None
    time_zone: str = "UTC"

    def lets_go(self, oldest: datetime, at: datetime) -> bool:
        """Tell whether mail leaves at ``at`` when what has waited longest is from ``oldest``."""
        here = at.astimezone(ZoneInfo(self.time_zone))
        return not self._is_quiet(here.time()) and oldest <= self._last_departure(here)

    def _is_quiet(self, now: time) -> bool:
        begin, end = self.quiet_from, self.quiet_until
        if begin is None or end is None:
            return False
        return begin <= now < end if begin < end else now >= begin or now < end

    def _last_departure(self, here: datetime) -> datetime:
        """Return when mail last left, or could have."""
        if self.frequency == DigestFrequency.IMMEDIATE:
            return here
        if self.frequency == DigestFrequency.HOURLY:
            return here.replace(minute=0, second=0, microsecond=0)
        day = here.date()
        if self.frequency == DigestFrequency.WEEKLY:
            day -= timedelta(days=day.weekday())
        departure = datetime.combine(day, MORNING, here.tzinfo)
        if departure <= here:
            return departure
        back = timedelta(days=7 if self.frequency == DigestFrequency.WEEKLY else 1)
        return datetime.combine(day - back, MORNING, here.tzinfo)
