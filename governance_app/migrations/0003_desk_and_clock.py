"""The group of compliance administrators, and the clock that watches due dates."""

from typing import Any, ClassVar

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

GROUP = "Compliance administrators"
TASK = "monitor_narrative_approval_slas"
EVERYTHING = ("workflowtemplate", "templatestage", "templateassignment")
READ_ONLY = (
    "templatesnapshot",
    "templateaudit",
    "approvalrequest",
    "approvalstage",
    "stageaction",
    "signature",
)


def make_group(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give the group every right on templates and the right to see the rest."""
    config: Any = apps.get_app_config("governance_app")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=GROUP)
    wanted = [f"{verb}_{model}" for model in EVERYTHING for verb in ("add", "change", "delete", "view")]
    wanted += [f"view_{model}" for model in READ_ONLY]
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="governance_app", codename__in=wanted
    )
    group.permissions.add(*permissions)


def set_clock(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Look at due dates every minute; administrators may change how often."""
    interval, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=1, period="minutes"
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="Approval stages past their due date", defaults={"task": TASK, "interval": interval}
    )


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("governance_app", "0002_tables_that_only_grow"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations: ClassVar = [
        migrations.RunPython(make_group, migrations.RunPython.noop),
        migrations.RunPython(set_clock, migrations.RunPython.noop),
    ]
