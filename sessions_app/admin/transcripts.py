"""Recordings and their transcripts at the desk: to be read, filtered and exported."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from biolab.kernel.admin import ReadOnlyAdmin, display
from sessions_app.models import Transcript


@admin.register(Transcript)
class TranscriptAdmin(ReadOnlyAdmin):
    """What was recorded, what was heard, and who confirmed it."""

    list_display = ("audio_chunk_id", "session", "status", "said", "confidence", "engine", "reviewed_by", "created_at")
    list_filter = ("status", "engine", "session__team")
    list_select_related = ("session", "reviewed_by")
    search_fields = ("audio_chunk_id", "session__name", "sha256")
    date_hierarchy = "created_at"
    fields = readonly_fields = (
        "public_id",
        "audio_chunk_id",
        "session",
        "asked_by",
        "status",
        "transcript",
        "error",
        "confidence",
        "duration_seconds",
        "engine",
        "attempts",
        "note",
        "reviewed_by",
        "reviewed_at",
        "media_type",
        "size",
        "sha256",
        "audio",
        "created_at",
        "updated_at",
    )
    actions = ("export_csv",)
    csv_columns = (
        "public_id",
        "audio_chunk_id",
        "session",
        "status",
        "transcript",
        "confidence",
        "engine",
        "reviewed_by",
        "sha256",
        "created_at",
    )

    @display(description="transcript")
    def said(self, task: Transcript) -> str:
        return task.transcript if len(task.transcript) <= 80 else f"{task.transcript[:79]}…"

    @display(description="recording")
    def audio(self, task: Transcript) -> SafeString | str:
        if not task.sha256:
            return "kept by the module that registered it"
        path = f"/api/sessions/{task.session.public_id}/stt/tasks/{task.public_id}/audio"
        return format_html('<a href="{}">Download</a>', path)
