"""The beat's schedule in the administration: everybody at the desk reads it, who may change it does."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from biolab.kernel.admin import ListAsCsv

for model in (PeriodicTask, ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule):
    admin.site.unregister(model)


class ScheduleAdmin(ListAsCsv):
    """What all pages of the schedule share: the actions that change something are for who may change it."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]
        if self.has_change_permission(request):  # type: ignore[attr-defined]
            return actions
        return {name: action for name, action in actions.items() if name == "export_csv"}


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ScheduleAdmin, beat.PeriodicTaskAdmin):  # type: ignore[misc]  # untyped
    """What runs, how often, and whether."""


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(ScheduleAdmin, beat.ClockedScheduleAdmin):  # type: ignore[misc]  # untyped
    """Single moments."""


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(ScheduleAdmin, beat.CrontabScheduleAdmin):  # type: ignore[misc]  # untyped
    """Times of day and days of the week."""


@admin.register(SolarSchedule, IntervalSchedule)
class PlainScheduleAdmin(ScheduleAdmin, admin.ModelAdmin[Any]):
    """Intervals, and the sun."""
