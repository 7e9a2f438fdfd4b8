"""How packaging stands under the guardrails: a read that returns a shape."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.db.models import Count
from django.db.models.fields.json import KT

from biolab.kernel.times import iso
from exports_app.models import NarrativeExport, NarrativeExportQuerySet
from exports_app.states import ArtifactStatus, Gate
from governance_app.states import LadderState

DONE: Final = frozenset({ArtifactStatus.READY, ArtifactStatus.FAILED, ArtifactStatus.EXPIRED})
CLOSED: Final = frozenset({LadderState.REJECTED, LadderState.WITHDRAWN})
WAITING: Final = frozenset({Gate.GUARDRAIL_BLOCKED, Gate.AWAITING_APPROVAL, Gate.QUEUED})


def health_figures(exports: NarrativeExportQuerySet) -> dict[str, Any]:
    """Return how many exports stand where: ``totals``, and ``state_breakdown`` by every state there is."""
    counted = (
        exports.order_by().annotate(told=KT("gate__state")).values_list("artifact_status", "approval__state", "told")
    )
    states: Counter[str] = Counter()
    for artifact, ladder, told, many in counted.annotate(many=Count("pk")):
        states[_state(artifact, ladder, told)] += many
    return {
        "totals": {
            "total_exports": sum(states.values()),
            "blocked": states[Gate.GUARDRAIL_BLOCKED],
            "awaiting_approval": states[Gate.AWAITING_APPROVAL],
            "queued": states[Gate.QUEUED],
            "ready": states[ArtifactStatus.READY],
            "failed": states[ArtifactStatus.FAILED],
        },
        "state_breakdown": {state: many for state, many in sorted(states.items()) if many},
    }


def in_queue(exports: NarrativeExportQuerySet) -> NarrativeExportQuerySet:
    """Return the exports that wait for something or failed; read them ``told()``."""
    return exports.exclude(artifact_status__in=[ArtifactStatus.READY, ArtifactStatus.EXPIRED]).exclude(
        approval__state__in=CLOSED
    )


def queued_as_wire(export: NarrativeExport) -> dict[str, Any]:
    """Return what one export waits for."""
    context = export.gate.get("context", {})
    simulation = export.guardrail_simulation
    return {
        "export_id": export.public_id,
        "execution_id": export.session.public_id,
        "session_name": export.session.name,
        "version": export.version,
        "state": _state(export.artifact_status, export.approval.state, export.gate.get("state")),
        "event": export.gate.get("event"),
        "approval_status": export.approval.state,
        "artifact_status": export.artifact_status,
        "packaging_attempts": export.attempts,
        "artifact_error": export.artifact_error or None,
        "guardrail_state": context.get("guardrail_state"),
        "projected_delay_minutes": context.get("projected_delay_minutes"),
        "reasons": context.get("reasons", []),
        "simulation_id": simulation.public_id if simulation is not None else None,
        "pending_stage_id": context.get("pending_stage_id"),
        "pending_stage_index": context.get("pending_stage_index"),
        "pending_stage_status": context.get("pending_stage_status"),
        "pending_stage_due_at": context.get("pending_stage_due_at"),
        "created_at": iso(export.created_at),
        "updated_at": iso(export.updated_at),
    }


def _state(artifact: str, ladder: str, told: str | None) -> str:
    if artifact in DONE:
        return artifact
    if ladder in CLOSED:
        return ladder
    return told if told in WAITING else artifact
