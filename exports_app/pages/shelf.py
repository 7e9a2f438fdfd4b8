"""What the session page shows of its exports: ladders with who has not signed, archives in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from biolab.accounts.models import Membership, User
from biolab.accounts.policies import objection_to_own_signature, role_in
from biolab.accounts.roles import Right, Role
from biolab.kernel import keys
from exports_app.archive.layout import root_name
from exports_app.archive.sign import minisign_public_key
from exports_app.models import DeckJob, NarrativeExport
from exports_app.pages.picker import newest_evidence
from exports_app.states import GONE, ArtifactStatus, EvidenceType, Gate
from governance_app.models import ApprovalStage
from governance_app.policies.approvals import objection_to_signer, objection_to_signing
from governance_app.states import APPROVING_MEANINGS, OPEN_STAGES, LadderState, StageStatus
from sessions_app.models import LabSession
from sessions_app.policies import rights_in

EXPORTS_SHOWN: Final = 20
DECKS_SHOWN: Final = 3
NAMES_SHOWN: Final = 5


def exports(session: LabSession, person: User, at: datetime) -> dict[str, Any]:
    """The newest exports with their ladders, and what this person may do on them."""
    rows = NarrativeExport.objects.told().filter(session=session).order_by("-version")[:EXPORTS_SHOWN]
    role = role_in(person, session.team_id)
    members = Membership.objects.filter(team=session.team_id).select_related("user").order_by("user__username")
    crowd = list(members) if any(export.approval.state == LadderState.PENDING for export in rows) else []
    return {
        "exports": [_export_row(export, person, role, crowd) for export in rows],
        "may_export": Right.EXPORT in rights_in(person, session.team_id),
        "decks": list(DeckJob.objects.filter(session=session).select_related("asked_by")[:DECKS_SHOWN]),
        "evidence": newest_evidence(session),
        "evidence_kinds": EvidenceType.choices,
        "public_key": minisign_public_key(keys),
    }


def said_of_archive(export: NarrativeExport) -> str:
    """Return in a sentence or two how the packing of an export stands; nothing where its ladder says all."""
    match export.artifact_status:
        case ArtifactStatus.QUEUED if export.gate.get("state") == Gate.GUARDRAIL_BLOCKED:
            reasons = " ".join(str(reason) for reason in export.gate["context"].get("reasons") or ())
            return f"The guardrails hold the packing. {reasons}".strip()
        case ArtifactStatus.QUEUED if export.gate.get("state") == Gate.QUEUED:
            return "Every signature is there; the archive is queued for packing."
        case ArtifactStatus.PROCESSING:
            return f"The archive is being packed (attempt {export.attempts})."
        case ArtifactStatus.RETRYING:
            when = f" at {export.next_retry_at:%H:%M:%S} UTC" if export.next_retry_at is not None else ""
            return f"Attempt {export.attempts} did not succeed; it is tried again{when}. {export.artifact_error}"
        case ArtifactStatus.FAILED:
            return f"Packing was given up after {export.attempts} attempts. {export.artifact_error}"
        case ArtifactStatus.READY if export.session.legal_hold:
            return "Kept until the legal hold is lifted."
        case ArtifactStatus.READY if export.retention_expires_at is not None:
            return f"Kept until {export.retention_expires_at:%Y-%m-%d}."
        case ArtifactStatus.EXPIRED:
            until = f" on {export.retention_expires_at:%Y-%m-%d}" if export.retention_expires_at is not None else ""
            return f"The archive's time was over{until} and its bytes were removed; digests and signatures are kept."
        case ArtifactStatus.RETIRED:
            return "The archive was taken back with its approval; once it is approved again, it is packed again."
        case _:
            return ""


def _unsigned(stage: ApprovalStage, crowd: Sequence[Membership]) -> list[str]:
    """Return the names of those who can sign the stage and have not; the first of many, and how many more."""
    request = stage.request
    signed = {
        action.actor_id
        for each in ([stage] if request.allow_repeat_signers else request.stages.all())
        for action in each.actions.all()
        if action.given_signature is not None and action.round == each.round
    }
    named = [person.pk for person in (stage.assignee, stage.delegated_to) if person is not None]
    names = [
        membership.user.printed_name
        for membership in crowd
        if (membership.user_id in named or not named)
        and membership.user_id not in signed
        and objection_to_signer(membership.user, stage, role=Role(membership.role)) is None
    ]
    more = len(names) - NAMES_SHOWN
    return [*names[:NAMES_SHOWN], f"{more} more"] if more > 0 else names


def _export_row(
    export: NarrativeExport, person: User, role: Role | None, crowd: Sequence[Membership]
) -> dict[str, Any]:
    request = export.approval
    stages = list(request.stages.all())
    has_signed = not request.allow_repeat_signers and any(
        action.actor_id == person.pk and action.place is not None and action.round == stage.round
        for stage in stages
        for action in stage.actions.all()
    )
    released = export.artifact_status == ArtifactStatus.READY
    return {
        "id": export.public_id,
        "version": export.version,
        "created_at": export.created_at,
        "requested_by_name": export.requested_by.printed_name,
        "notes": export.notes,
        "attached": [attachment.label or attachment.filename for attachment in export.attachments.all()],
        "approval_status": request.state,
        "artifact_status": export.artifact_status,
        "artifact_checksum": export.artifact_checksum,
        "artifact_label": export.get_artifact_status_display(),
        "is_released": request.state == LadderState.APPROVED or export.artifact_status in GONE,
        "said": said_of_archive(export),
        "may_requeue": export.artifact_status == ArtifactStatus.FAILED and person.is_admin,
        "root": root_name(export.session.public_id, export.version),
        "share": f"{export.progress:.3f}",
        "content_digest": export.content.sha256,
        "stamp": export.stamp,
        "stamp_path": f"{export.path}/artifact.tsr",
        "download_path": f"{export.path}/artifact" if released else None,
        "stages": [_stage_row(stage, person, role, crowd, has_signed=has_signed) for stage in stages],
    }


def _stage_row(
    stage: ApprovalStage, person: User, role: Role | None, crowd: Sequence[Membership], *, has_signed: bool
) -> dict[str, Any]:
    is_current = stage.request.state == LadderState.PENDING and stage.status in OPEN_STAGES
    objection = objection_to_signing(person, stage, role=role) if is_current else None
    why_not = objection.sentence if objection is not None else ""
    foreign = objection_to_own_signature(person)
    if is_current and foreign is not None and not why_not:
        why_not = foreign.sentence
    if is_current and has_signed and not why_not:
        why_not = "You have signed on this ladder; what is left needs somebody else."
    return {
        "id": stage.public_id,
        "sequence_index": stage.sequence_index,
        "name": stage.name,
        "required_role": stage.required_role,
        "role_label": Role(stage.required_role).label,
        "status": stage.status,
        "status_label": StageStatus(stage.status).label,
        "is_current": is_current,
        "due_at": stage.due_at,
        "assignee_name": stage.assignee.printed_name if stage.assignee is not None else "",
        "delegated_to_name": stage.delegated_to.printed_name if stage.delegated_to is not None else "",
        "meanings": stage.meanings or list(APPROVING_MEANINGS),
        "waits_for": _unsigned(stage, crowd) if is_current else [],
        "may_sign": is_current and not why_not,
        "why_not": why_not,
        "signatures": [
            {
                "signature": action.signature,
                "printed_name": action.given_signature.printed_name,
                "meaning": action.meaning,
                "at": action.given_signature.signed_at,
                "notes": action.notes,
            }
            for action in stage.actions.all()
            if action.given_signature is not None and action.round == stage.round
        ],
    }
