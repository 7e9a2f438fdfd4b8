"""Equipment with calibrations, and what steps require."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("sessions_app", "0002_tables_that_only_grow")]

    operations: ClassVar = []
