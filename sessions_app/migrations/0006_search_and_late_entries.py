"""Search in notes, and late entries."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("sessions_app", "0005_speech")]

    operations: ClassVar = []
