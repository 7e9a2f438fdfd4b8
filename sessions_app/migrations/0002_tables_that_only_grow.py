"""History is only added to."""

from typing import ClassVar

from django.db import migrations

from biolab.kernel.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies: ClassVar = [("sessions_app", "0001_initial")]

    operations: ClassVar = [
        AppendOnly("TimelineEvent"),
        AppendOnly("Checkpoint"),
        AppendOnly("NoteVersion"),
        AppendOnly("ProtocolVersion"),
        AppendOnly("Calibration"),
        AppendOnly("StepApproval"),
        AppendOnly("EntryVersion"),
        AppendOnly("EntrySignature"),
        AppendOnly("LabFile"),
        AppendOnly("ImportedSession"),
    ]
