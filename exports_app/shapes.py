"""Exports as the wire shows them."""

from __future__ import annotations

from typing import Any

from biolab.kernel.times import iso, iso_or_none
from exports_app.models import ExportAttachment, NarrativeExport
from exports_app.states import ArtifactStatus
from governance_app.models import ApprovalRequest, ApprovalStage, StageAction
from governance_app.shapes.approvals import person_as_wire, stages_as_wire
from governance_app.shapes.guardrails import simulation_as_wire
from governance_app.states import OPEN_STAGES, Decision, LadderState


def export_as_wire(
    export: NarrativeExport,
    *,
    content: str | None = None,
    approval: ApprovalRequest | None = None,
    url: str | None = None,
) -> dict[str, Any]:
    """Return one export; read it ``told()`` to keep the queries few.

    Args:
        content: the dossier, where it was asked for.
        approval: the ladder, where the caller has a newer one in hand.
        url: an address that works without signing in, for a while.
    """
    approval = approval or export.approval
    stages = list(approval.stages.all())
    current = next((stage for stage in stages if stage.status in OPEN_STAGES), None)
    last = _deciding_signature(stages)
    snapshot, simulation = approval.snapshot, export.guardrail_simulation
    ready = export.artifact_status == ArtifactStatus.READY
    body: dict[str, Any] = {
        "id": export.public_id,
        "execution_id": export.session.public_id,
        "version": export.version,
        "format": export.format,
        "generated_at": iso(export.generated_at),
        "event_count": export.event_count,
        "content_digest": export.content_id,
        "subject_digest": export.subject_digest,
        "approval_status": approval.state,
        "approval_signature": last.signature if last is not None else None,
        "approved_at": iso_or_none(approval.decided_at) if approval.state == LadderState.APPROVED else None,
        "approval_completed_at": iso_or_none(approval.decided_at or approval.withdrawn_at),
        "approval_stage_count": len(stages),
        "workflow_template_id": snapshot.template.public_id if snapshot is not None else None,
        "workflow_template_snapshot_id": snapshot.public_id if snapshot is not None else None,
        "workflow_template_key": snapshot.key if snapshot is not None else None,
        "workflow_template_version": snapshot.version if snapshot is not None else None,
        "current_stage": _stage_in_short(current) if current is not None else None,
        "current_stage_started_at": iso_or_none(current.started_at) if current is not None else None,
        "requested_by": person_as_wire(export.requested_by),
        "approved_by": person_as_wire(last.actor)
        if last is not None and approval.state == LadderState.APPROVED
        else None,
        "notes": export.notes,
        "approval_stages": stages_as_wire(approval),
        "attachments": [attachment_as_wire(attachment) for attachment in export.attachments.all()],
        "metadata": {**export.metadata, "packaging_queue_state": export.packaging_queue_state},
        "guardrail_simulation": simulation_as_wire(simulation) if simulation is not None else None,
        "artifact_status": export.artifact_status,
        "artifact_checksum": export.artifact_checksum or None,
        "artifact_error": export.artifact_error or None,
        "artifact_file": export.artifact_file_id if ready else None,
        "artifact_download_path": f"{export.path}/artifact" if ready else None,
        "artifact_signed_url": url if ready else None,
        "artifact_manifest_digest": export.artifact_manifest_digest or None,
        "artifact_size": export.artifact_size,
        "artifact_timestamp": stamp_as_wire(export),
        "packaging_attempts": export.attempts,
        "packaged_at": iso_or_none(export.packaged_at),
        "retired_at": iso_or_none(export.retired_at),
        "retention_expires_at": iso_or_none(export.retention_expires_at),
        "created_at": iso(export.created_at),
        "updated_at": iso(export.updated_at),
    }
    if content is not None:
        body["content"] = content
    return body


def attachment_as_wire(attachment: ExportAttachment) -> dict[str, Any]:
    """Return one piece of evidence."""
    return {
        "id": attachment.public_id,
        "evidence_type": attachment.evidence_type,
        "reference_id": attachment.reference_id,
        "label": attachment.label,
        "context": attachment.context,
        "snapshot": attachment.snapshot,
        "digest": attachment.frozen_id,
    }


def stamp_as_wire(export: NarrativeExport) -> dict[str, Any] | None:
    """Return the time stamp of the export's archive, or how far it is; None where nobody asks for one."""
    stamp = export.stamp
    if stamp is None:
        return None
    return {
        "status": "stamped" if stamp.stamped_at is not None else "pending",
        "stamped_at": iso_or_none(stamp.stamped_at),
        "authority": stamp.authority or None,
        "authority_checked": stamp.authority_checked,
        "serial_number": stamp.serial_number or None,
        "checksum": stamp.checksum,
        "attempts": stamp.attempts,
        "error": stamp.error or None,
        "download_path": f"{export.path}/artifact.tsr" if stamp.stamped_at is not None else None,
    }


def job_as_wire(export: NarrativeExport) -> dict[str, Any]:
    """Return one packing job as operators see it."""
    return {
        "export_id": export.public_id,
        "execution_id": export.session.public_id,
        "version": export.version,
        "status": export.artifact_status,
        "attempt": export.attempts,
        "next_retry_at": iso_or_none(export.next_retry_at),
        "progress": export.progress,
        "bytes": export.artifact_size,
        "error": export.artifact_error or None,
    }


def _stage_in_short(stage: ApprovalStage) -> dict[str, Any]:
    return {
        "id": stage.public_id,
        "sequence_index": stage.sequence_index,
        "name": stage.name,
        "required_role": stage.required_role,
        "status": stage.status,
        "due_at": iso_or_none(stage.due_at),
    }


def _deciding_signature(stages: list[ApprovalStage]) -> StageAction | None:
    """Return the last decision that stands; those set aside by a reset are history."""
    standing = [
        action
        for stage in stages
        for action in stage.actions.all()
        if action.action_type in Decision.values and action.round == stage.round
    ]
    return max(standing, key=lambda action: (action.created_at, action.pk), default=None)
