"""How packaging stands under the guardrails."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.ids import find
from exports_app.health import health_figures, in_queue, queued_as_wire
from exports_app.models import NarrativeExport
from governance_app.api.preview_forms import SessionFilter
from sessions_app.models import LabSession


class PackagingTotals(serializers.Serializer[Any]):
    """How many exports stand where."""

    total_exports = serializers.IntegerField()
    blocked = serializers.IntegerField(help_text="Held by the guardrails.")
    awaiting_approval = serializers.IntegerField()
    queued = serializers.IntegerField()
    ready = serializers.IntegerField()
    failed = serializers.IntegerField()


class PackagingWait(serializers.Serializer[Any]):
    """What one export waits for."""

    export_id = serializers.CharField()
    execution_id = serializers.CharField()
    session_name = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.CharField()
    event = serializers.CharField(allow_null=True)
    approval_status = serializers.CharField()
    artifact_status = serializers.CharField()
    packaging_attempts = serializers.IntegerField()
    artifact_error = serializers.CharField(allow_null=True)
    guardrail_state = serializers.CharField(allow_null=True)
    projected_delay_minutes = serializers.IntegerField(allow_null=True)
    reasons = serializers.ListField(child=serializers.CharField())
    simulation_id = serializers.CharField(allow_null=True)
    pending_stage_id = serializers.CharField(allow_null=True)
    pending_stage_index = serializers.IntegerField(allow_null=True)
    pending_stage_status = serializers.CharField(allow_null=True)
    pending_stage_due_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class GuardrailHealth(serializers.Serializer[Any]):
    """How packaging stands."""

    totals = PackagingTotals()
    state_breakdown = serializers.DictField(child=serializers.IntegerField())
    queue = PackagingWait(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class GuardrailHealthDoor(Door):
    """What exports wait for, as far as the caller sees them."""

    scope_area = "governance"

    @extend_schema(
        summary="How packaging stands under the guardrails",
        parameters=[SessionFilter, *paged()],
        responses=GuardrailHealth,
        tags=["governance"],
    )
    def get(self, request: Request) -> Response:
        exports = NarrativeExport.objects.visible_to(self.person)
        execution_id = self.asked(SessionFilter).get("execution_id")
        if execution_id is not None:
            exports = exports.filter(session=find(LabSession.objects.visible_to(self.person), execution_id))
        page = self.page(in_queue(exports).told(), order=("-created_at", "-id"))
        queue = [queued_as_wire(export) for export in page.items]
        return self.answer({**health_figures(exports), "queue": queue, "next_cursor": page.next_cursor})
