"""The hours in which a team works, which due dates count."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.db import models

from biolab.accounts.models import Team
from biolab.kernel.ids import Identified
from governance_app.rules.working_hours import WorkingHours, read_week


class TeamCalendar(Identified):
    """When a team works; a team without one works around the clock.

    ``weekly`` holds seven lists, Monday first, of ``["08:00", "16:30"]`` pairs on the clock of ``time_zone``;
    ``holidays`` holds ISO dates.
    """

    id_prefix = "cal"

    team = models.OneToOneField(Team, on_delete=models.PROTECT, related_name="calendar")
    time_zone = models.CharField(max_length=64)
    weekly = models.JSONField()
    holidays = models.JSONField(default=list, blank=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["team__name"]
        verbose_name = "working hours"
        verbose_name_plural = "working hours"

    def __str__(self) -> str:
        return f"Working hours of {self.team}"

    @property
    def hours(self) -> WorkingHours:
        """The calendar as the pure rules take it."""
        return WorkingHours(
            zone=self.time_zone,
            weekly=read_week(self.weekly),
            holidays=frozenset(date.fromisoformat(day) for day in self.holidays),
        )
