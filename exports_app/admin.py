"""Exports in the administration: where each stands, what it is made of, and the button that queues it again."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel.admin import Inline, ReadOnlyAdmin, action, confirmed, display
from exports_app.models import ExportAttachment, FrozenObject, NarrativeExport
from exports_app.services.packaging import requeue_export


class AttachmentInline(Inline):
    """The evidence of an export."""

    model = ExportAttachment
    fields = ("position", "evidence_type", "reference_id", "label", "frozen")
    readonly_fields = fields
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(NarrativeExport)
class NarrativeExportAdmin(ReadOnlyAdmin):
    """Exports, their ladders and their archives."""

    list_display = ("title", "team", "approval_state", "artifact_status", "attempts", "waits_for", "created_at")
    list_filter = ("artifact_status", "approval__state", "session__team")
    list_select_related = ("session__team", "approval")
    search_fields = ("session__name", "artifact_checksum", "content__sha256")
    date_hierarchy = "created_at"
    inlines = (AttachmentInline,)
    actions = ("export_csv",)
    actions_detail = ("requeue",)
    csv_columns = (
        "public_id",
        "title",
        "version",
        "approval_state",
        "artifact_status",
        "artifact_checksum",
        "attempts",
        "created_at",
        "packaged_at",
    )
    fieldsets = (
        (None, {"fields": ("public_id", "session", "version", "requested_by", "created_at", "notes", "metadata")}),
        ("Frozen", {"fields": ("event_count", "content", "facts", "readings", "telemetry", "subject_digest")}),
        ("Approval", {"fields": ("approval", "approval_state", "gate")}),
        (
            "Archive",
            {
                "fields": (
                    "artifact_status",
                    "artifact_error",
                    "attempts",
                    "tries",
                    "progress",
                    "next_retry_at",
                    "lease_until",
                    "artifact_name",
                    "artifact_checksum",
                    "artifact_size",
                    "artifact_manifest_digest",
                    "packaged_at",
                    "retired_at",
                    "retention_expires_at",
                )
            },
        ),
    )

    @display(description="export", ordering="session__name")
    def title(self, export: NarrativeExport) -> str:
        return str(export)

    @display(description="team", ordering="session__team__name")
    def team(self, export: NarrativeExport) -> str:
        return str(export.session.team)

    @display(description="approval", ordering="approval__state")
    def approval_state(self, export: NarrativeExport) -> str:
        return str(export.approval.get_state_display())

    @display(description="waits for")
    def waits_for(self, export: NarrativeExport) -> str:
        context = export.gate.get("context", {})
        stage = context.get("pending_stage_index")
        return f"signature at stage {stage}" if stage else str(export.gate.get("state", "")).replace("_", " ")

    @action(description="Queue again", url_path="requeue")
    def requeue(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        export = self.row(request, object_id)
        return confirmed(
            self,
            request,
            export,
            question=f"Queue the archive of {export} for packing again?",
            done="The archive is queued.",
            work=lambda: requeue_export(export=export, by=cast(User, request.user), at=timezone.now()),
        )


@admin.register(FrozenObject)
class FrozenObjectAdmin(ReadOnlyAdmin):
    """Bytes that exports were frozen from."""

    list_display = ("sha256", "size", "media_type", "created_at")
    list_filter = ("media_type",)
    search_fields = ("sha256",)
    date_hierarchy = "created_at"
    fields = ("sha256", "size", "media_type", "name", "created_at")
    readonly_fields = fields
    actions = ("export_csv",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[FrozenObject]:
        return super().get_queryset(request).order_by("-created_at", "sha256")
