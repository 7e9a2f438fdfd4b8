"""Devices whose channels are tied to ours."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("telemetry_app", "0002_tables_that_only_grow")]

    operations: ClassVar = []
