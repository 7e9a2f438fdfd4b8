"""What packaging waits for, told once per change, and what a change of the ladder does to an archive."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from biolab.accounts.models import User
from biolab.kernel.times import iso_or_none
from exports_app import storage
from exports_app.facts import ArtifactRetired, GateFact, PackagingAwaitsApproval, PackagingQueued
from exports_app.models import NarrativeExport
from exports_app.states import ARTIFACT_MACHINE, HOLD_BACK, RELEASE, REQUEUE, RETIRE, ArtifactStatus, Gate
from governance_app.models import ApprovalStage
from governance_app.states import OPEN_STAGES, LadderState
from sessions_app import timeline
from sessions_app.models import LabSession

FACT_OF: dict[str, type[GateFact]] = {
    Gate.QUEUED: PackagingQueued,
    Gate.AWAITING_APPROVAL: PackagingAwaitsApproval,
}


def follow_ladder(session: LabSession, export: NarrativeExport, *, at: datetime) -> None:
    """Bring an export in line with its ladder; the caller holds the session.

    Approved: the archive is due. Anything else: an archive that was released is retired and its bytes removed, one
    that is being packed is called off.
    """
    export.approval.refresh_from_db()
    if export.approval.state == LadderState.APPROVED:
        release(session, export, at=at)
    else:
        _call_off(session, export, at=at)
        _tell_gate(session, export, at=at)


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
        transaction.on_commit(partial(storage.remove, export.artifact_name), robust=True)
        fact = ArtifactRetired(export_id=export.public_id, version=export.version, checksum=export.artifact_checksum)
        export.retired_at, export.artifact_name, export.retention_expires_at = at, "", None
        export.updated_at = at
        export.save()
        timeline.record(session, fact, by=None, at=at)
    elif export.artifact_status in HOLD_BACK.sources:
        ARTIFACT_MACHINE.make(HOLD_BACK, export)
        export.lease = export.lease_until = export.next_retry_at = export.queued_at = None
        export.updated_at = at
        export.save()
    elif export.artifact_status == ArtifactStatus.QUEUED and export.queued_at is not None:
        export.queued_at = None
        export.save(update_fields=["queued_at"])


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
    if export.approval.state == LadderState.APPROVED:
        return Gate.QUEUED, {"version": export.version}
    stage = ApprovalStage.objects.filter(request=export.approval, status__in=OPEN_STAGES).first()
    return Gate.AWAITING_APPROVAL, {
        "pending_stage_id": stage.public_id if stage is not None else None,
        "pending_stage_index": stage.sequence_index if stage is not None else None,
        "pending_stage_status": str(stage.status) if stage is not None else None,
        "pending_stage_due_at": iso_or_none(stage.due_at) if stage is not None else None,
    }
