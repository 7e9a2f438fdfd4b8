"""What exports may carry of a session: how each piece shows itself, in a picker and frozen in an export. Pure."""

from __future__ import annotations

from typing import Any

from biolab.kernel.times import iso
from sessions_app.models import LabFile, NotebookEntry, TimelineEvent
from sessions_app.models.notebook import PREVIEW


def event_snapshot(event: TimelineEvent) -> dict[str, Any]:
    """Return what an event is."""
    record = event.record
    return {
        "event_type": record["event_type"],
        "payload": record["payload"],
        "created_at": record["created_at"],
        "actor_id": record["actor"]["id"],
    }


def entry_snapshot(entry: NotebookEntry) -> dict[str, Any]:
    """Return what a notebook entry is at its present version; its text may be at hand in short."""
    beginning = vars(entry).get("beginning")
    return {
        "title": entry.title,
        "version": entry.version,
        "created_at": iso(entry.created_at),
        "updated_at": iso(entry.updated_at),
        "author_id": entry.created_by.public_id,
        "author_name": entry.created_by.printed_name,
        "preview": entry.content[:PREVIEW] if beginning is None else beginning,
    }


def file_snapshot(file: LabFile) -> dict[str, Any]:
    """Return what a file is."""
    return {"filename": file.filename, "file_type": file.file_type, "file_size": file.size}
