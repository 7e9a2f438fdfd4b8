"""Templates, ladders and signatures as the wire shows them."""

from __future__ import annotations

from typing import Any

from biolab.accounts.models import User
from biolab.kernel.times import iso, iso_or_none
from governance_app.models import (
    ApprovalRequest,
    ApprovalStage,
    Signature,
    StageAction,
    TemplateAssignment,
    TemplateAudit,
    TemplateSnapshot,
    TemplateStage,
    WorkflowTemplate,
)
from governance_app.rules.blueprint import hours
from governance_app.selectors.outstanding import missing_signatures, unsigned


def person_as_wire(person: User | None) -> dict[str, Any] | None:
    """Return who somebody is, or None for nobody."""
    if person is None:
        return None
    return {"id": person.public_id, "username": person.username, "full_name": person.full_name}


def stages_as_wire(request: ApprovalRequest) -> list[dict[str, Any]]:
    """Return every stage of a ladder; read the request ``with_ladder()`` to keep the queries few."""
    return [stage_as_wire(stage) for stage in request.stages.all()]


def stage_as_wire(stage: ApprovalStage) -> dict[str, Any]:
    """Return a stage with its actions, oldest first."""
    return {
        "id": stage.public_id,
        "sequence_index": stage.sequence_index,
        "name": stage.name,
        "required_role": stage.required_role,
        "quorum": stage.quorum,
        "meanings": stage.meanings,
        "status": stage.status,
        "sla_hours": hours(stage.sla_hours),
        "due_at": iso_or_none(stage.due_at),
        "started_at": iso_or_none(stage.started_at),
        "completed_at": iso_or_none(stage.completed_at),
        "assignee": person_as_wire(stage.assignee),
        "delegated_to": person_as_wire(stage.delegated_to),
        "overdue_notified_at": iso_or_none(stage.overdue_notified_at),
        "signatures_missing": missing_signatures(stage),
        "unsigned": [person_as_wire(person) for person in unsigned(stage)],
        "notes": stage.notes,
        "metadata": stage.metadata,
        "actions": [action_as_wire(action) for action in stage.actions.all()],
    }


def action_as_wire(action: StageAction) -> dict[str, Any]:
    """Return an action; a decision carries what the signature is bound to."""
    signature = action.given_signature
    return {
        "id": action.public_id,
        "action_type": action.action_type,
        "signature": action.signature or None,
        "meaning": action.meaning or None,
        "notes": action.notes,
        "actor": person_as_wire(action.actor),
        "delegation_target": person_as_wire(action.delegation_target),
        "metadata": action.metadata,
        "created_at": iso(action.created_at),
        "signed": signature_as_wire(signature) if signature is not None else None,
    }


def signature_as_wire(signature: Signature) -> dict[str, Any]:
    """Return what a person signed, under which name, when and in which role."""
    return {
        "printed_name": signature.printed_name,
        "signature": signature.typed,
        "decision": signature.decision,
        "meaning": signature.meaning,
        "role": signature.role,
        "signed_at": iso(signature.signed_at),
        "local_time": signature.local_time,
        "zone": signature.zone,
        "subject_digest": signature.subject_digest,
        "snapshot_digest": signature.snapshot_digest or None,
        "chain_sequence": signature.chain_sequence,
        "chain_head": signature.chain_head,
        "key_id": signature.key_id,
        "canonical": signature.canonical,
        "seal": signature.seal,
    }


def waiting_as_wire(stage: ApprovalStage) -> dict[str, Any]:
    """Return a stage that waits for somebody, with what it belongs to."""
    request = stage.request
    return {
        "request_id": request.public_id,
        "subject": request.subject_prefix,
        request.subject_key: request.subject_id,
        "title": str(request),
        "path": request.subject_path,
        "execution_id": request.session.public_id,
        "session_name": request.session.name,
        "team_id": request.session.team.public_id,
        "content_digest": request.content_digest,
        "asked_at": iso(request.asked_at),
        "requested_by": person_as_wire(request.asked_by),
        "stage_id": stage.public_id,
        "sequence_index": stage.sequence_index,
        "name": stage.name,
        "required_role": stage.required_role,
        "status": stage.status,
        "meanings": stage.meanings,
        "started_at": iso_or_none(stage.started_at),
        "due_at": iso_or_none(stage.due_at),
        "overdue_notified_at": iso_or_none(stage.overdue_notified_at),
        "assignee": person_as_wire(stage.assignee),
        "delegated_to": person_as_wire(stage.delegated_to),
    }


def template_as_wire(template: WorkflowTemplate) -> dict[str, Any]:
    """Return one version of a template; read it ``with_parts()``."""
    snapshot = template.published_snapshot
    return {
        "id": template.public_id,
        "template_key": template.key_id,
        "version": template.version,
        "name": template.name,
        "description": template.description,
        "status": template.status,
        "is_latest": template.is_latest,
        "default_stage_sla_hours": hours(template.default_stage_sla_hours),
        "permitted_roles": template.permitted_roles,
        "stage_blueprint": [template_stage_as_wire(stage) for stage in template.stages.all()],
        "allow_self_approval": template.allow_self_approval,
        "allow_repeat_signers": template.allow_repeat_signers,
        "forked_from_id": template.forked_from.public_id if template.forked_from is not None else None,
        "created_by_id": template.created_by.public_id,
        "created_at": iso(template.created_at),
        "updated_at": iso(template.updated_at),
        "published_at": iso_or_none(template.published_at),
        "archived_at": iso_or_none(template.archived_at),
        "published_snapshot_id": snapshot.public_id if snapshot is not None else None,
        "assignments": [assignment_as_wire(assignment) for assignment in template.assignments.all()],
    }


def template_stage_as_wire(stage: TemplateStage) -> dict[str, Any]:
    """Return one stage of a template."""
    return {
        "name": stage.name,
        "required_role": stage.required_role,
        "sla_hours": hours(stage.sla_hours),
        "quorum": stage.quorum,
        "meanings": stage.meanings,
        "stage_step_indexes": stage.stage_step_indexes,
        "stage_gate_keys": stage.stage_gate_keys,
        "assignee_id": stage.assignee.public_id if stage.assignee is not None else None,
        "metadata": stage.metadata,
    }


def snapshot_as_wire(snapshot: TemplateSnapshot) -> dict[str, Any]:
    """Return a snapshot with its payload."""
    return {
        "id": snapshot.public_id,
        "template_id": snapshot.template.public_id,
        "template_key": snapshot.key,
        "version": snapshot.version,
        "status": snapshot.status,
        "captured_at": iso(snapshot.captured_at),
        "captured_by_id": snapshot.captured_by.public_id,
        "snapshot_payload": snapshot.payload,
        "digest": snapshot.digest,
    }


def assignment_as_wire(assignment: TemplateAssignment) -> dict[str, Any]:
    """Return an assignment."""
    return {
        "id": assignment.public_id,
        "template_id": assignment.template.public_id,
        "team_id": assignment.team.public_id if assignment.team is not None else None,
        "protocol_template_id": assignment.protocol.public_id if assignment.protocol is not None else None,
        "metadata": assignment.metadata,
        "created_by_id": assignment.created_by.public_id,
        "created_at": iso(assignment.created_at),
    }


def audit_as_wire(entry: TemplateAudit) -> dict[str, Any]:
    """Return one entry of a template's history."""
    return {
        "id": entry.public_id,
        "template_id": entry.template.public_id,
        "snapshot_id": entry.snapshot.public_id if entry.snapshot is not None else None,
        "kind": entry.kind,
        "actor": person_as_wire(entry.actor),
        "detail": entry.detail,
        "created_at": iso(entry.created_at),
    }
