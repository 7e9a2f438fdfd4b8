"""Speech and its transcripts."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("sessions_app", "0004_notebook_and_files")]

    operations: ClassVar = []
