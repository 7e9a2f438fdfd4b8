"""Exports in the administration: where each stands, what is kept how long, and the button that queues it again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel.admin import Inline, ReadOnlyAdmin, action, confirmed, display
from exports_app.models import ArchiveStamp, ExportAttachment, FixityCheck, FrozenObject, NarrativeExport
from exports_app.services.packaging import requeue_export
from exports_app.services.upkeep import check_fixity
from exports_app.states import ArtifactStatus


class RetentionFilter(admin.SimpleListFilter):
    """How long archives are kept."""

    title = "retention"
    parameter_name = "retention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("month", "ends within 30 days"), ("over", "is over"), ("held", "under legal hold")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[NarrativeExport]) -> QuerySet[NarrativeExport]:
        now, ready = timezone.now(), queryset.filter(artifact_status=ArtifactStatus.READY)
        if self.value() == "month":
            return ready.filter(retention_expires_at__gt=now, retention_expires_at__lte=now + timedelta(days=30))
        if self.value() == "over":
            return ready.filter(retention_expires_at__lte=now)
        return queryset.filter(session__legal_hold=True) if self.value() == "held" else queryset


class FixedInline(Inline):
    """Rows that nobody changes here."""

    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttachmentInline(FixedInline):
    """The evidence of an export."""

    model = ExportAttachment
    fields = ("position", "evidence_type", "reference_id", "label", "frozen")
    readonly_fields = fields


class StampInline(FixedInline):
    """The time stamps of its archives."""

    model = ArchiveStamp
    fields = ("checksum", "stamped_at", "authority", "authority_checked", "serial_number", "attempts", "error")
    readonly_fields = fields


@admin.register(NarrativeExport)
class NarrativeExportAdmin(ReadOnlyAdmin):
    """Exports, their ladders and their archives."""

    list_display = (
        "title",
        "team",
        "approval_state",
        "artifact_status",
        "attempts",
        "waits_for",
        "kept_until",
        "created_at",
    )
    list_filter = ("artifact_status", "approval__state", RetentionFilter, "session__team")
    list_select_related = ("session__team", "approval")
    search_fields = ("session__name", "artifact_checksum", "content__sha256")
    date_hierarchy = "created_at"
    inlines = (AttachmentInline, StampInline)
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

    @display(description="kept until", ordering="retention_expires_at")
    def kept_until(self, export: NarrativeExport) -> str:
        if export.artifact_status != ArtifactStatus.READY or export.retention_expires_at is None:
            return ""
        return "the legal hold is lifted" if export.session.legal_hold else f"{export.retention_expires_at:%Y-%m-%d}"

    @action(description="Queue again", url_path="requeue", permissions=["requeue"])
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

    def has_requeue_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        export = obj if isinstance(obj, NarrativeExport) else self.get_object(request, str(obj))
        failed = export is not None and export.artifact_status == ArtifactStatus.FAILED
        return failed and cast(User, request.user).is_admin


@admin.register(FixityCheck)
class FixityCheckAdmin(ReadOnlyAdmin):
    """When everything stored was last read again, and what was wrong."""

    list_display = ("started_at", "finished_at", "objects_checked", "objects_wrong")
    date_hierarchy = "started_at"
    fields = ("started_at", "finished_at", "objects_checked", "objects_wrong", "findings")
    readonly_fields = fields
    actions = ("export_csv",)
    actions_list = ("check_now",)
    csv_columns = fields

    @action(description="Check now", url_path="check", permissions=["view"])
    def check_now(self, request: HttpRequest) -> HttpResponseBase:
        return confirmed(
            self,
            request,
            None,
            question="Read everything stored again, now?",
            done="Everything stored was read again; the newest row says what was found.",
            work=lambda: check_fixity(clock=timezone.now),
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
