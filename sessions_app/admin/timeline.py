"""Timelines and checkpoints at the desk: to be read and exported."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from biolab.kernel.admin import ReadOnlyAdmin, display
from sessions_app.models import Checkpoint, TimelineEvent


@admin.register(TimelineEvent)
class TimelineEventAdmin(ReadOnlyAdmin):
    """What happened, in every session, newest first."""

    list_display = ("occurred_at", "session", "sequence", "kind", "who", "told")
    list_select_related = ("session",)
    search_fields = ("^kind", "session__name")
    ordering = ("-id",)  # ids rise with time, and have an index
    show_full_result_count = False
    fields = (
        "public_id",
        "session",
        "sequence",
        "kind",
        "told",
        "who",
        "occurred_at",
        "created_at",
        "text",
        "prev_hash",
        "hash",
    )
    readonly_fields = fields
    actions = ("export_csv",)
    csv_columns = ("public_id", "session", "sequence", "kind", "who", "occurred_at", "created_at", "canonical", "hash")

    @display(description="by")
    def who(self, event: TimelineEvent) -> str:
        return event.actor_name

    @display(description="told")
    def told(self, event: TimelineEvent) -> str:
        return event.told

    @display(description="payload")
    def text(self, event: TimelineEvent) -> str:
        return json.dumps(event.payload, indent=2, ensure_ascii=False)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "session__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    """Signed statements of where each chain stood."""

    list_display = ("created_at", "session", "sequence", "key_id")
    list_select_related = ("session",)
    search_fields = ("session__name", "key_id")
    fields = ("public_id", "session", "sequence", "created_at", "key_id", "canonical", "signature")
    readonly_fields = fields
    actions = ("export_csv",)
    csv_columns = ("public_id", "session", "sequence", "created_at", "key_id", "canonical", "signature")
