"""Alarms at the desk: what crossed a limit or fell silent, and who answered for it."""

from __future__ import annotations

from django.contrib import admin

from biolab.kernel.admin import ReadOnlyAdmin
from telemetry_app.models import Alarm


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """Alarms; they are acknowledged on the page of their session."""

    list_display = (
        "channel",
        "session",
        "kind",
        "standing",
        "value",
        "opened_at",
        "closed_at",
        "acknowledged_by",
        "acknowledged_at",
    )
    list_filter = (
        "kind",
        ("closed_at", admin.EmptyFieldListFilter),
        ("acknowledged_at", admin.EmptyFieldListFilter),
        "session__team",
    )
    list_select_related = ("channel", "session", "acknowledged_by")
    search_fields = ("channel__name", "session__name", "comment")
    date_hierarchy = "opened_at"
    fields = readonly_fields = (*list_display, "comment")
    actions = ("export_csv",)
