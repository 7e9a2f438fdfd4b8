"""The compliance desk."""

from governance_app.admin.approvals import ApprovalRequestAdmin
from governance_app.admin.history import SignatureAdmin, TemplateAuditAdmin, TemplateSnapshotAdmin
from governance_app.admin.templates import WorkflowTemplateAdmin

__all__ = [
    "ApprovalRequestAdmin",
    "SignatureAdmin",
    "TemplateAuditAdmin",
    "TemplateSnapshotAdmin",
    "WorkflowTemplateAdmin",
]
