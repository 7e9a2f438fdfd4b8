"""The two groups of the compliance desk; what each may do is a rule in code, so that new tables need nothing here."""

from typing import Any, ClassVar

from django.db import migrations

GROUPS = ("Compliance administrators", "Auditors")


def make_groups(apps: Any, schema_editor: Any) -> None:
    for name in GROUPS:
        apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias).get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations: ClassVar = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
