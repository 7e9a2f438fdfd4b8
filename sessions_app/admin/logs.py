"""The instruments' log at the desk: to be read and exported, and what was withdrawn put back."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel.admin import ReadOnlyAdmin, action, confirmed
from sessions_app.models import LogEntry
from sessions_app.services.logs import restore_log


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
    actions_detail = ("restore",)

    @action(description="Put back into the log", url_path="restore", permissions=["restore"])
    def restore(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        entry: LogEntry = self.row(request, object_id)
        by, reason = cast(User, request.user), request.POST.get("reason", "")
        return confirmed(
            self,
            request,
            entry,
            question="Put this line back into the log?",
            asks="Reason, as the security log keeps it",
            work=lambda: restore_log(entry=entry, by=by, at=timezone.now(), reason=reason),
            done="It is in the log again.",
        )

    def has_restore_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        entry = obj if isinstance(obj, LogEntry) else self.get_object(request, str(obj))
        return entry is not None and entry.withdrawn_at is not None and cast(User, request.user).is_admin
