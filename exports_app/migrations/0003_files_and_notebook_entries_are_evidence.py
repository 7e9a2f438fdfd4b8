"""Files and notebook entries may be attached; SQLite makes the table anew for that, without its triggers."""

from typing import ClassVar

from django.db import migrations, models

from biolab.kernel.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies: ClassVar = [("exports_app", "0002_tables_that_only_grow")]

    operations: ClassVar = [
        migrations.RemoveConstraint(model_name="exportattachment", name="evidence_type_is_known"),
        migrations.AlterField(
            model_name="exportattachment",
            name="evidence_type",
            field=models.CharField(
                choices=[
                    ("timeline_event", "Timeline event"),
                    ("file", "File"),
                    ("notebook_entry", "Notebook entry"),
                ],
                max_length=32,
            ),
        ),
        migrations.AddConstraint(
            model_name="exportattachment",
            constraint=models.CheckConstraint(
                condition=models.Q(("evidence_type__in", ["timeline_event", "file", "notebook_entry"])),
                name="evidence_type_is_known",
            ),
        ),
        AppendOnly("ExportAttachment"),
    ]
