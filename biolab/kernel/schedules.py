"""The beat's schedule: what the settings say to begin with, and what administrators make of it from then on."""

from __future__ import annotations

from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler


class EditableSchedule(DatabaseScheduler):  # type: ignore[misc]  # untyped
    """Lays out the entries of the settings once; how often they run, and whether, is edited in the administration."""

    def setup_schedule(self) -> None:
        """Add the entries that are new, and leave alone what is there but for the name of its task."""
        self.install_default_entries(self.schedule)
        given = self.app.conf.beat_schedule
        known = dict(PeriodicTask.objects.filter(name__in=given).values_list("name", "task"))
        for name, task in known.items():
            if task != given[name]["task"]:
                PeriodicTask.objects.filter(name=name).update(task=given[name]["task"])
        self.update_from_dict({name: entry for name, entry in given.items() if name not in known})
