"""What exports may carry of a session: how each piece shows itself, in a picker and frozen in an export. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from biolab.kernel.times import iso
from sessions_app.models import LabFile, NotebookEntry, TimelineEvent
from sessions_app.models.notebook import PREVIEW

EVENT: Final = "timeline_event"
KIND_OF: Final = {
    "analytics_snapshot": "analytics.snapshot",
    "qc_metric": "qc.metric",
    "remediation_report": "remediation.report",
}
"""The evidence that one kind of event alone can be."""


def event_snapshot(event: TimelineEvent, evidence_type: str = EVENT) -> dict[str, Any]:
    """Return what an event is, with what its kind of evidence comes to."""
    record = event.record
    return {
        "event_type": record["event_type"],
        "payload": record["payload"],
        "created_at": record["created_at"],
        "actor_id": record["actor"]["id"],
        **_gist(evidence_type, record["payload"]),
    }


def _gist(evidence_type: str, payload: dict[str, Any]) -> dict[str, Any]:
    match evidence_type:
        case "analytics_snapshot":
            metrics = payload.get("metrics") or {}
            return {"metric_rollup": {"count": len(metrics), "keys": sorted(metrics)}}
        case "qc_metric":
            return {"readings_summary": _summary([reading["value"] for reading in payload.get("readings") or ()])}
        case "remediation_report":
            return {"actions": payload.get("actions") or []}
        case _:
            return {}


def _summary(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {"min": None, "max": None, "avg": None}
    mean = sum(value / len(values) for value in values)  # a sum of finite values may lie beyond float64
    return {"min": min(values), "max": max(values), "avg": min(max(mean, min(values)), max(values))}


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
