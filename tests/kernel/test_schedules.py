"""The beat's entries: laid out once, edited by administrators, kept over restarts."""

from __future__ import annotations

import pytest
from celery import current_app
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from biolab.kernel.schedules import EditableSchedule

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite_only]


def start_beat() -> None:
    EditableSchedule(app=current_app._get_current_object())


def test_what_an_administrator_changed_outlives_a_restart_and_new_entries_come_in() -> None:
    start_beat()
    daily, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.DAYS)
    PeriodicTask.objects.filter(name="check-artifacts").update(interval=daily, enabled=False, task="its_old_name")
    PeriodicTask.objects.filter(name="sweep-packaging").delete()

    start_beat()

    kept = PeriodicTask.objects.get(name="check-artifacts")
    assert (kept.interval, kept.enabled, kept.task) == (daily, False, "check_narrative_artifacts")
    assert PeriodicTask.objects.get(name="sweep-packaging").enabled
    assert set(current_app.conf.beat_schedule) <= set(PeriodicTask.objects.values_list("name", flat=True))
