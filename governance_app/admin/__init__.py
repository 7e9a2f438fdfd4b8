"""The compliance desk."""

from governance_app.admin.approvals import ApprovalRequestAdmin
from governance_app.admin.audit import AuditReviewAdmin
from governance_app.admin.baselines import GovernanceBaselineAdmin, GovernanceBaselineEventAdmin
from governance_app.admin.calendars import TeamCalendarAdmin
from governance_app.admin.guardrails import GuardrailSimulationAdmin
from governance_app.admin.history import SignatureAdmin, TemplateAuditAdmin, TemplateSnapshotAdmin
from governance_app.admin.overrides import CoachingNoteAdmin, OverrideActionAdmin
from governance_app.admin.templates import WorkflowTemplateAdmin

__all__ = [
    "ApprovalRequestAdmin",
    "AuditReviewAdmin",
    "CoachingNoteAdmin",
    "GovernanceBaselineAdmin",
    "GovernanceBaselineEventAdmin",
    "GuardrailSimulationAdmin",
    "OverrideActionAdmin",
    "SignatureAdmin",
    "TeamCalendarAdmin",
    "TemplateAuditAdmin",
    "TemplateSnapshotAdmin",
    "WorkflowTemplateAdmin",
]
