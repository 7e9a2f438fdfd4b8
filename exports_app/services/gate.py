"""What packaging waits for, told once per change, and what a change of the ladder does to an archive."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from biolab.accounts.models import User
from biolab.kernel.times import iso_or_none
from exports_app import storage
from exports_app.facts import ArtifactRetired, GateFact, PackagingAwaitsApproval, PackagingHeld, PackagingQueued
from exports_app.models import NarrativeExport
from exports_app.states import ARTIFACT_MACHINE, HOLD_BACK, RELEASE, REQUEUE, RETIRE, ArtifactStatus, Gate
from governance_app.models import ApprovalStage, GuardrailSimulation
from governance_app.states import OPEN_STAGES, LadderState
from sessions_app import timeline
from sessions_app.models import LabSession

FACT_OF: dict[str, type[GateFact]] = {
    Gate.GUARDRAIL_BLOCKED: PackagingHeld,
    Gate.QUEUED: PackagingQueued,
    Gate.AWAITING_APPROVAL: PackagingAwaitsApproval,
}


def follow_ladder(session: LabSession, export: NarrativeExport, *, at: datetime) -> None:
    """Bring an export in line with its ladder; the caller holds the session.

    Approved: the archive is due, unless the guardrails hold it. Anything else: an archive that was released is retired
    and its bytes removed, one that is being packed is called off.
    """
    export.approval.refresh_from_db()
    if export.approval.state == LadderState.APPROVED:
        if _holding(session) is None:
            release(session, export, at=at)
        else:
            _hold_back(session, export, at=at)
    else:
        _call_off(session, export, at=at)
        _tell_gate(session, export, at=at)


def follow_guardrails(session: LabSession, *, at: datetime) -> None:
    """Bring a session's unpacked exports in line with its newest guardrail simulation; the caller holds the session.

    What waits for the guardrails alone is released once they let go. An archive that is packed already stays.
    """
    open_ones = session.narrative_exports.filter(approval__state__in=(LadderState.PENDING, LadderState.APPROVED))
    settled = (ArtifactStatus.READY, ArtifactStatus.EXPIRED, ArtifactStatus.FAILED)
    for export in open_ones.exclude(artifact_status__in=settled).select_related("approval", "session"):
        if export.approval.state != LadderState.APPROVED:
            _tell_gate(session, export, at=at)
        elif _holding(session) is not None:
            _hold_back(session, export, at=at)
        elif export.gate.get("state") == Gate.GUARDRAIL_BLOCKED:
            release(session, export, at=at)


def release(session: LabSession, export: NarrativeExport, *, at: datetime, by: User | None = None) -> None:
    """Queue an approved export for packing with a full set of tries; the caller holds the session."""
    for move in (REQUEUE, RELEASE):
        if export.artifact_status in move.sources:
            ARTIFACT_MACHINE.make(move, export)
    export.tries, export.queued_at, export.next_retry_at, export.rung_at = 0, at, None, None
    export.retired_at, export.artifact_error, export.progress = None, "", 0.0
    export.updated_at = at
    export.save()
    _tell_gate(session, export, at=at, by=by, again=True)


def _call_off(session: LabSession, export: NarrativeExport, *, at: datetime) -> None:
    if export.artifact_status in RETIRE.sources:
        ARTIFACT_MACHINE.make(RETIRE, export)
        if not session.legal_hold:  # else its bytes stay until the sweep finds the hold lifted
            transaction.on_commit(partial(storage.remove, export.artifact_name), robust=True)
        fact = ArtifactRetired(export_id=export.public_id, version=export.version, checksum=export.artifact_checksum)
        export.retired_at, export.artifact_name, export.retention_expires_at = at, "", None
        export.updated_at = at
        export.save()
        timeline.record(session, fact, by=None, at=at)
    else:
        _unqueue(export, at=at)


def _hold_back(session: LabSession, export: NarrativeExport, *, at: datetime) -> None:
    """Let an approved export wait for the guardrails."""
    _unqueue(export, at=at)
    _tell_gate(session, export, at=at)


def _unqueue(export: NarrativeExport, *, at: datetime) -> None:
    """Take an export out of packing; whoever was at work on it finds the lease gone."""
    if export.artifact_status in HOLD_BACK.sources:
        ARTIFACT_MACHINE.make(HOLD_BACK, export)
        export.lease = export.lease_until = export.next_retry_at = export.queued_at = None
        export.updated_at = at
        export.save()
    elif export.artifact_status == ArtifactStatus.QUEUED and export.queued_at is not None:
        export.queued_at = None
        export.save(update_fields=["queued_at"])


def _holding(session: LabSession) -> GuardrailSimulation | None:
    """Return the simulation that holds the session's packaging now, if one does."""
    return GuardrailSimulation.objects.holding().filter(session=session).first()


def _tell_gate(
    session: LabSession, export: NarrativeExport, *, at: datetime, by: User | None = None, again: bool = False
) -> None:
    state, context = _standing(export)
    gate = {"event": FACT_OF[state].kind, "state": str(state), "context": context}
    if gate == export.gate and not again:
        return
    export.gate = gate
    export.updated_at = at
    export.save(update_fields=["gate", "updated_at"])
    fact = FACT_OF[state](export_id=export.public_id, state=str(state), context=context)
    timeline.record(session, fact, by=by, at=at)


def _standing(export: NarrativeExport) -> tuple[Gate, dict[str, Any]]:
    held_by = _holding(export.session)
    if held_by is not None:
        return Gate.GUARDRAIL_BLOCKED, {
            "guardrail_state": held_by.state,
            "projected_delay_minutes": held_by.projected_delay_minutes,
            "reasons": held_by.reasons,
        }
    if export.approval.state == LadderState.APPROVED:
        return Gate.QUEUED, {"version": export.version}
    stage = ApprovalStage.objects.filter(request=export.approval, status__in=OPEN_STAGES).first()
    return Gate.AWAITING_APPROVAL, {
        "pending_stage_id": stage.public_id if stage is not None else None,
        "pending_stage_index": stage.sequence_index if stage is not None else None,
        "pending_stage_status": str(stage.status) if stage is not None else None,
        "pending_stage_due_at": iso_or_none(stage.due_at) if stage is not None else None,
    }
