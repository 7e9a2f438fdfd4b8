"""What was frozen is only added to."""

from typing import ClassVar

from django.db import migrations

from biolab.kernel.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies: ClassVar = [("exports_app", "0001_initial")]

    operations: ClassVar = [
        AppendOnly("FrozenObject"),
        AppendOnly("ExportAttachment"),
        AppendOnly("FixityCheck"),
        AppendOnly("ExportOriginal"),
    ]
