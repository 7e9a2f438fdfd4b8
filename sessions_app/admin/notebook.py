"""Notebook entries and files at the desk: to be read and exported, withdrawn entries included."""

from __future__ import annotations

from typing import cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from biolab.kernel.admin import ReadOnlyAdmin, ReadOnlyInline, display
from sessions_app.models import EntrySignature, EntryVersion, LabFile, NotebookEntry
from sessions_app.signed_entries import holds


class VersionsInline(ReadOnlyInline):
    """Every version of an entry."""

    model = EntryVersion
    fields = readonly_fields = ("version", "action", "title", "content", "by_name", "at", "reason", "digest")
    ordering = ("-version",)


class SignaturesInline(ReadOnlyInline):
    """The signatures under an entry, and whether they hold."""

    model = EntrySignature
    fields = readonly_fields = ("meaning", "version", "printed_name", "typed", "signed", "role", "checked")
    ordering = ("signed_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EntrySignature]:
        rows = super().get_queryset(request).select_related("signer", "entry__session")
        return cast("QuerySet[EntrySignature]", rows)

    @display(description="signed at")
    def signed(self, signature: EntrySignature) -> str:
        return signature.local_time

    @display(description="holds", boolean=True)
    def checked(self, signature: EntrySignature) -> bool:
        return holds(signature, entry=signature.entry)


@admin.register(NotebookEntry)
class NotebookEntryAdmin(ReadOnlyAdmin):
    """Every entry as it reads now, with what it said before."""

    inlines = (SignaturesInline, VersionsInline)
    list_display = ("title", "team", "session", "state", "created_by", "version", "updated_at", "withdrawn_at")
    list_select_related = ("team", "session", "created_by")
    list_filter = ("status", "team", "late_entry", ("withdrawn_at", admin.EmptyFieldListFilter))
    search_fields = ("title", "content")
    date_hierarchy = "created_at"
    fields = readonly_fields = (
        "public_id",
        "title",
        "content",
        "team",
        "session",
        "state",
        "created_by",
        "created_at",
        "updated_at",
        "version",
        "digest",
        "late_entry",
        "withdrawn_at",
    )
    actions = ("export_csv",)
    csv_columns = ("public_id", "title", "team", "session", "status", "created_by", "version", "updated_at", "digest")

    @display(description="status", ordering="status", label={"Signed": "success", "Witnessed": "success"})
    def state(self, entry: NotebookEntry) -> str:
        return str(entry.get_status_display())


@admin.register(LabFile)
class LabFileAdmin(ReadOnlyAdmin):
    """Every file, by what it is; the bytes are fetched through its session."""

    list_display = ("filename", "file_type", "size", "team", "session", "created_by", "created_at", "late_entry")
    list_select_related = ("team", "session", "created_by")
    list_filter = ("team", "late_entry")
    search_fields = ("filename", "description", "sha256")
    date_hierarchy = "created_at"
    fields = readonly_fields = ("public_id", *list_display, "description", "reason", "sha256", "stored_as")
    actions = ("export_csv",)
    csv_columns = ("public_id", *list_display, "sha256")
