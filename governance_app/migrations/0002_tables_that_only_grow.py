"""Snapshots, audit entries, actions and signatures are only added to."""

from typing import ClassVar

from django.db import migrations

from biolab.kernel.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies: ClassVar = [("governance_app", "0001_initial")]

    operations: ClassVar = [
        AppendOnly("TemplateSnapshot"),
        AppendOnly("TemplateAudit"),
        AppendOnly("StageAction"),
        AppendOnly("Signature"),
        AppendOnly("BaselineContent"),
        AppendOnly("GovernanceBaselineEvent"),
        AppendOnly("OverrideReversal"),
        AppendOnly("CoachingNoteEvent"),
        AppendOnly("AuditReview"),
        AppendOnly("LadderPreview"),
        AppendOnly("GuardrailSimulation"),
        AppendOnly("GuardrailWaiver"),
    ]
