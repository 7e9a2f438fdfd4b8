"""Doors that list what may be attached to an export, for whoever picks from it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import Door
from sessions_app.api.console_fields import PublicId
from sessions_app.api.console_forms import PageQuery
from sessions_app.evidence import EVENT, KIND_OF, entry_snapshot, event_snapshot, file_snapshot
from sessions_app.models import LabFile, LabSession, NotebookEntry, TimelineEvent

FILE = "file"


class EvidenceFilters(serializers.Serializer[Any]):
    """Of which session."""

    execution_id = PublicId("sess", required=False, help_text="Only what belongs to this session.")


class DataFilters(EvidenceFilters):
    """Which kind of evidence."""

    domain = serializers.ChoiceField(choices=[EVENT, FILE, *KIND_OF], default=EVENT)


class EvidenceSchema(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.CharField(help_text="As the `type` of an attachment.")
    label = serializers.CharField()  # type: ignore[assignment]
    snapshot = serializers.DictField(help_text="As the export would show it.")
    context = serializers.DictField()  # type: ignore[assignment]


class EvidencePageSchema(serializers.Serializer[Any]):
    items = EvidenceSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class EntryEvidenceDoor(Door):
    """Notebook entries of sessions."""

    scope_area = "sessions"

    @extend_schema(
        operation_id="notebook_evidence",
        tags=["evidence"],
        summary="List notebook entries that an export may carry",
        description="Those of sessions, newest first; an entry that belongs to no session cannot be attached.",
        parameters=[EvidenceFilters, PageQuery],
        responses=EvidencePageSchema,
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(EvidenceFilters)
        entries = NotebookEntry.objects.visible_to(self.person).standing().filter(session__isnull=False)
        if "execution_id" in asked:
            entries = entries.filter(session=asked["execution_id"])
        return self.items(self.page(entries.told().in_short(), order=("-created_at", "-id"), default=50), _entry)


class DataEvidenceDoor(Door):
    """Events and files of sessions; figures, quality metrics and remediation reports are events."""

    scope_area = "sessions"

    @extend_schema(
        operation_id="data_evidence",
        tags=["evidence"],
        summary="List events, figures, reports or files that an export may carry",
        description="Those of sessions, newest first.",
        parameters=[DataFilters, PageQuery],
        responses=EvidencePageSchema,
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(DataFilters)
        if asked["domain"] == FILE:
            files = LabFile.objects.visible_to(self.person).filter(session__isnull=False).told()
            if "execution_id" in asked:
                files = files.filter(session=asked["execution_id"])
            return self.items(self.page(files, order=("-created_at", "-id"), default=50), _file)
        events = TimelineEvent.objects.filter(session__in=LabSession.objects.visible_to(self.person))
        if "execution_id" in asked:
            events = events.filter(session=asked["execution_id"])
        domain = asked["domain"]
        if domain in KIND_OF:
            events = events.filter(kind=KIND_OF[domain])
        page = self.page(events.select_related("session"), order=("-id",), default=50)
        return self.items(page, lambda event: event_as_evidence(event, domain))


def _entry(entry: NotebookEntry) -> dict[str, Any]:
    return _described(entry, "notebook_entry", entry.title, entry_snapshot(entry), status=entry.status)


def _file(file: LabFile) -> dict[str, Any]:
    return _described(file, FILE, file.filename, file_snapshot(file), sha256=file.sha256)


def event_as_evidence(event: TimelineEvent, kind: str) -> dict[str, Any]:
    """Return an event as evidence of its kind, as pickers show it."""
    return _described(event, kind, event.told, event_snapshot(event, kind), sequence=event.sequence)


def _described(
    row: NotebookEntry | LabFile | TimelineEvent, kind: str, label: str, snapshot: dict[str, Any], **context: Any
) -> dict[str, Any]:
    if row.session is not None:
        context = {"execution_id": row.session.public_id, "session": row.session.name, **context}
    return {"id": row.public_id, "type": kind, "label": label, "snapshot": snapshot, "context": context}
