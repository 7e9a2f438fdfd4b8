"""Exports that were brought over from a time without snapshots get the snapshot of the template they name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from biolab.kernel.ids import parse_id
from biolab.kernel.times import iso
from exports_app.models import NarrativeExport, NarrativeExportQuerySet
from governance_app.models import ApprovalRequest, TemplateSnapshot, WorkflowTemplate
from governance_app.services.templates import write_audit
from sessions_app.models import LabSession


@dataclass(frozen=True, slots=True)
class Bound:
    """One export that was looked at; ``anomaly`` says why nothing could be bound."""

    export_id: str
    template_id: str
    anomaly: str = ""

    def as_line(self, *, at: datetime) -> dict[str, Any]:
        """Return what the log of anomalies says of it."""
        return {
            "anomaly": self.anomaly,
            "export_id": self.export_id,
            "template_id": self.template_id,
            "timestamp": iso(at),
        }


def without_snapshot() -> NarrativeExportQuerySet:
    """Return the exports that name a template and have no snapshot."""
    return NarrativeExport.objects.exclude(template_ref="").filter(approval__snapshot__isnull=True)


def bind_snapshots(*, at: datetime, dry_run: bool = False) -> Iterator[Bound]:
    """Bind each export that names a template to its published snapshot, else to its key's highest, and yield it.

    What was signed is bound to no snapshot and stays so: ``snapshot_digest`` of the request is left alone.

    Args:
        dry_run: yield what would be, and write nothing.
    """
    for pk in list(without_snapshot().order_by("created_at", "id").values_list("pk", flat=True)):
        with transaction.atomic():
            export = NarrativeExport.objects.get(pk=pk)
            session = LabSession.objects.hold(export.session_id)
            key = parse_id(export.template_ref, WorkflowTemplate.id_prefix)
            template = WorkflowTemplate.objects.filter(pk=key).first() if key is not None else None
            snapshot = _snapshot_of(template) if template is not None else None
            anomaly = "missing_template" if template is None else "missing_snapshot" if snapshot is None else ""
            if snapshot is not None and template is not None and not dry_run:
                ApprovalRequest.objects.filter(pk=export.approval_id, snapshot__isnull=True).update(snapshot=snapshot)
                write_audit(
                    template,
                    "export.snapshot.bound",
                    by=None,
                    at=at,
                    snapshot=snapshot,
                    execution_id=session.public_id,
                    digest=snapshot.digest,
                    export_id=export.public_id,
                    brought_over=True,
                )
        yield Bound(export.public_id, export.template_ref, anomaly)


def _snapshot_of(template: WorkflowTemplate) -> TemplateSnapshot | None:
    known = TemplateSnapshot.objects.filter(key=template.key_id).order_by("-version")
    return template.published_snapshot or known.first()
