"""The tables of templates and ladders."""

from governance_app.models.approval import ApprovalRequest, ApprovalStage, Signature, StageAction
from governance_app.models.template import (
    TemplateAssignment,
    TemplateAudit,
    TemplateKey,
    TemplateSnapshot,
    TemplateStage,
    WorkflowTemplate,
)

__all__ = [
    "ApprovalRequest",
    "ApprovalStage",
    "Signature",
    "StageAction",
    "TemplateAssignment",
    "TemplateAudit",
    "TemplateKey",
    "TemplateSnapshot",
    "TemplateStage",
    "WorkflowTemplate",
]
