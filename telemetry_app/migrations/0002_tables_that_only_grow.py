"""Bodies as received and withdrawals are only added to."""

from typing import ClassVar

from django.db import migrations

from biolab.kernel.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies: ClassVar = [("telemetry_app", "0001_initial")]

    operations: ClassVar = [
        AppendOnly("Original"),
        AppendOnly("Withdrawal"),
    ]
