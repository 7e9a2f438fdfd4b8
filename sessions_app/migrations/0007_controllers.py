"""What controllers write: log entries, and experiments they hide."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("sessions_app", "0006_search_and_late_entries")]

    operations: ClassVar = []
