"""Decks at the desk: what was asked for, and what failed."""

from __future__ import annotations

from django.contrib import admin

from biolab.kernel.admin import ReadOnlyAdmin
from exports_app.models import DeckJob


@admin.register(DeckJob)
class DeckJobAdmin(ReadOnlyAdmin):
    """Decks that people asked for."""

    list_display = ("public_id", "session", "asked_by", "slide_count", "status", "attempts", "created_at", "error")
    list_filter = ("status", "session__team")
    list_select_related = ("session", "asked_by")
    search_fields = ("session__name", "asked_by__username")
    date_hierarchy = "created_at"
    actions = ("export_csv",)
    fields = (
        "public_id",
        "session",
        "asked_by",
        "slide_count",
        "status",
        "progress",
        "error",
        "attempts",
        "size",
        "sha256",
        "created_at",
        "finished_at",
    )
    readonly_fields = fields
