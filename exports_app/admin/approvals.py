"""The approvals desk with what is to be signed beside its forms."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from biolab.kernel.errors import Refusal
from exports_app.facts import SUBJECT
from exports_app.models import NarrativeExport
from exports_app.selectors import readable_dossier
from governance_app.admin import ApprovalRequestAdmin
from governance_app.models import ApprovalRequest

admin.site.unregister(ApprovalRequest)


@admin.register(ApprovalRequest)
class DossierDeskAdmin(ApprovalRequestAdmin):
    """Requests for approval; an export's dossier is read where it is signed."""

    def beside(self, row: ApprovalRequest) -> dict[str, Any]:
        """Return the frozen dossier and where all of it is; or why nobody can read it."""
        exports = NarrativeExport.objects.select_related("content", "session")
        export = exports.filter(approval=row).first() if row.subject_prefix == SUBJECT else None
        if export is None:
            return {}
        try:
            readable = readable_dossier(export)
        except Refusal as refusal:
            return {"unreadable": refusal.sentence}
        return {"dossier": readable.html, "clipped": readable.clipped, "whole": export.path}
