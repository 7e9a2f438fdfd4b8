"""Notebook entries with versions, and files."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("sessions_app", "0003_equipment")]

    operations: ClassVar = []
