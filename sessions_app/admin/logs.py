"""The instruments' log at the desk: to be read and exported."""

from __future__ import annotations

from django.contrib import admin

from biolab.kernel.admin import ReadOnlyAdmin
from sessions_app.models import LogEntry


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """What controllers and people told, newest first; withdrawn lines too."""

    list_display = ("created_at", "type", "content", "team", "author", "read_at", "withdrawn_at")
    list_filter = (
        "type",
        "team",
        ("read_at", admin.EmptyFieldListFilter),
        ("withdrawn_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("team", "author")
    search_fields = ("content",)
    date_hierarchy = "created_at"
    fields = readonly_fields = ("public_id", *list_display)
    actions = ("export_csv",)
    csv_columns = ("public_id", *list_display)
