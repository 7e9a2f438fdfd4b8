"""What the session page shows of previews and guardrails."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from biolab.accounts.models import User
from biolab.accounts.policies import may
from biolab.accounts.roles import Right
from governance_app.models import GuardrailSimulation, LadderPreview, TemplateSnapshot, WorkflowTemplate
from governance_app.policies.approvals import may_administer
from governance_app.shapes.guardrails import guardrail_state, reason_in_words
from governance_app.states import TemplateStatus
from sessions_app.models import LabSession


def preview(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The latest preview, what the guardrails say, and the templates to preview with."""
    latest = LadderPreview.objects.filter(session=session).select_related("created_by").order_by("-number").first()
    runs = may(person, Right.RUN, session.team_id)
    simulation = GuardrailSimulation.objects.told().newest().filter(session=session).first()
    return {
        "latest_preview": latest,
        "foreseen": latest.answer["stage_insights"] if latest is not None else [],
        "warned": latest.answer["resource_warnings"] if latest is not None else [],
        "previewed_by": latest.answer["template_name"] if latest is not None else "",
        "simulation": simulation,
        "guardrail_state": guardrail_state(simulation),
        "worse": [reason_in_words(reason) for reason in simulation.reasons] if simulation is not None else [],
        "previewable": _offered(session) if runs or may_administer(person) else [],
        "may_simulate": latest is not None and runs,
    }


def _offered(session: LabSession) -> list[TemplateSnapshot]:
    """Return the snapshots that govern the session, by protocol or team; where none does, the latest of each key."""
    snapshots = TemplateSnapshot.objects.filter(template__status=TemplateStatus.PUBLISHED).order_by("key", "-version")
    assigned = snapshots.filter(template__assignments__team_id=session.team_id)
    if session.protocol_version is not None:
        assigned = assigned | snapshots.filter(template__assignments__protocol_id=session.protocol_version.protocol_id)
    found = list(assigned.defer("payload_text").distinct())
    if found:
        return found
    current = WorkflowTemplate.objects.filter(is_latest=True)
    return list(snapshots.filter(template__in=current).defer("payload_text"))
