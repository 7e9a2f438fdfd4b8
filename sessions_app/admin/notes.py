"""Notes at the desk: every one, late or withdrawn, with every version it had; to be read and exported."""

from __future__ import annotations

from django.contrib import admin

from biolab.kernel.admin import ReadOnlyAdmin, ReadOnlyInline, display
from sessions_app.models import Note, NoteVersion


class NoteVersionsInline(ReadOnlyInline):
    """What the note said at each version, who wrote it, when and why."""

    model = NoteVersion
    fields = readonly_fields = ("version", "action", "content", "speaker", "type", "tags", "by_name", "at", "reason")
    ordering = ("-version",)


@admin.register(Note)
class NoteAdmin(ReadOnlyAdmin):
    """Notes of all sessions, newest first."""

    inlines = (NoteVersionsInline,)
    list_display = ("timestamp", "session", "speaker", "type", "beginning", "version", "late_entry", "withdrawn_at")
    list_select_related = ("session",)
    list_filter = ("late_entry", ("withdrawn_at", admin.EmptyFieldListFilter), "type", "session__team")
    search_fields = ("content", "speaker", "session__name")
    date_hierarchy = "timestamp"
    ordering = ("-timestamp", "-id")
    fields = (
        "public_id",
        "session",
        "author",
        "timestamp",
        "speaker",
        "content",
        "type",
        "tags",
        "telemetry_snapshot",
        "version",
        "late_entry",
        "created_at",
        "updated_at",
        "withdrawn_at",
    )
    readonly_fields = fields
    actions = ("export_csv",)
    csv_columns = ("public_id", "session", "author", *fields[3:])

    @display(description="content")
    def beginning(self, note: Note) -> str:
        return str(note)
