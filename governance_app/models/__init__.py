"""The tables of templates, ladders, baselines, overrides and guardrails."""

from governance_app.models.approval import ApprovalRequest, ApprovalStage, Signature, StageAction
from governance_app.models.audit import AuditReview
from governance_app.models.baseline import (
    BaselineContent,
    BaselineReviewer,
    GovernanceBaseline,
    GovernanceBaselineEvent,
)
from governance_app.models.calendar import TeamCalendar
from governance_app.models.guardrail import GuardrailSimulation, GuardrailWaiver, LadderPreview
from governance_app.models.override import (
    CoachingNote,
    CoachingNoteEvent,
    OverrideAction,
    OverrideReversal,
)
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
    "AuditReview",
    "BaselineContent",
    "BaselineReviewer",
    "CoachingNote",
    "CoachingNoteEvent",
    "GovernanceBaseline",
    "GovernanceBaselineEvent",
    "GuardrailSimulation",
    "GuardrailWaiver",
    "LadderPreview",
    "OverrideAction",
    "OverrideReversal",
    "Signature",
    "StageAction",
    "TeamCalendar",
    "TemplateAssignment",
    "TemplateAudit",
    "TemplateKey",
    "TemplateSnapshot",
    "TemplateStage",
    "WorkflowTemplate",
]
