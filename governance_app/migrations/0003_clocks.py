"""Jobs that watch over approvals; administrators may change how often."""

from typing import ClassVar

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

CLOCKS = (
    ("Approval stages past their due date", "monitor_narrative_approval_slas", "minutes"),
    ("Published templates changed behind their digest", "report_drifted_snapshots", "hours"),
)


def set_clocks(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Look at due dates every minute, and at snapshots every hour."""
    for name, task, period in CLOCKS:
        interval, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
            every=1, period=period
        )
        apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
            name=name, defaults={"task": task, "interval": interval}
        )


def stop_clocks(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the jobs away."""
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(
        name__in=[clock[0] for clock in CLOCKS]
    ).delete()


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("governance_app", "0002_tables_that_only_grow"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations: ClassVar = [migrations.RunPython(set_clocks, stop_clocks)]
