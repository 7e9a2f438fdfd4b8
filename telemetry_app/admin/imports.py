"""Imports at the desk: how far each is, and once more for those that failed."""

from __future__ import annotations

import json
from typing import cast

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from biolab.accounts.models import User
from biolab.kernel.admin import ReadOnlyAdmin, action, confirmed, display
from telemetry_app.models import ImportJob
from telemetry_app.services.importing import retry_import


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin):
    """Files of readings on their way in."""

    list_display = (
        "file_name",
        "session",
        "asked_by",
        "status",
        "progress",
        "created",
        "late",
        "flagged",
        "created_at",
    )
    list_filter = ("status", "format", "session__team")
    list_select_related = ("session", "asked_by")
    search_fields = ("file_name", "session__name", "sha256")
    date_hierarchy = "created_at"
    fields = readonly_fields = (
        "file_name",
        "session",
        "asked_by",
        "token",
        "status",
        "progress",
        "created",
        "late",
        "flagged",
        "error",
        "attempts",
        "created_at",
        "finished_at",
        "format",
        "size",
        "sha256",
        "layout",
    )
    actions = ("export_csv",)
    actions_detail = ("retry",)

    @display(description="rows read")
    def progress(self, job: ImportJob) -> str:
        return f"{job.rows_done} of {job.rows_total if job.rows_total is not None else '?'}"

    @display(description="how it is read")
    def layout(self, job: ImportJob) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(job.mapping, indent=2, ensure_ascii=False))

    @action(description="Try again", url_path="retry", permissions=["view"])
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        job: ImportJob = self.row(request, object_id)
        return confirmed(
            self,
            request,
            job,
            question=f"Import “{job.file_name}” once more? It goes on where it stopped.",
            work=lambda: retry_import(job=job, by=cast(User, request.user), at=timezone.now()),
            done="The import is queued.",
        )
