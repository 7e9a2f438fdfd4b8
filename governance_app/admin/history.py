"""What was published, what happened to templates, what people signed: to be read and exported."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from biolab.kernel.admin import ReadOnlyAdmin, display
from governance_app.models import Signature, TemplateAudit, TemplateSnapshot
from governance_app.seals.signatures import verify_signature


@admin.register(TemplateSnapshot)
class TemplateSnapshotAdmin(ReadOnlyAdmin):
    """Templates as they were published."""

    list_display = ("key", "version", "captured_at", "captured_by", "digest", "holds")
    list_select_related = ("captured_by",)
    search_fields = ("key", "digest")
    fields = ("template", "key", "version", "status", "captured_at", "captured_by", "digest", "holds", "text")
    readonly_fields = fields
    actions = ("export_csv",)
    csv_columns = ("public_id", "key", "version", "captured_at", "digest", "payload_text")

    @display(description="matches its digest", boolean=True)
    def holds(self, snapshot: TemplateSnapshot) -> bool:
        return not snapshot.has_drifted

    @display(description="payload")
    def text(self, snapshot: TemplateSnapshot) -> str:
        return json.dumps(snapshot.payload, indent=2, ensure_ascii=False)


@admin.register(TemplateAudit)
class TemplateAuditAdmin(ReadOnlyAdmin):
    """The history of the templates."""

    list_display = ("created_at", "kind", "template", "actor", "told")
    list_filter = ("kind",)
    list_select_related = ("template", "actor")
    search_fields = ("kind", "template__name", "template__key__key")
    date_hierarchy = "created_at"
    fields = ("created_at", "kind", "template", "snapshot", "actor", "told")
    readonly_fields = fields
    actions = ("export_csv",)
    csv_columns = ("public_id", "created_at", "kind", "template", "actor", "told")

    @display(description="details")
    def told(self, entry: TemplateAudit) -> str:
        return json.dumps(entry.detail, ensure_ascii=False, sort_keys=True)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "template__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(Signature)
class SignatureAdmin(ReadOnlyAdmin):
    """What people signed; each page checks its signature anew."""

    list_display = ("signed_at", "printed_name", "typed", "decision", "meaning", "role", "subject")
    list_filter = ("decision", "meaning", "role")
    list_select_related = ("action__stage__request",)
    search_fields = ("printed_name", "typed", "subject_digest")
    date_hierarchy = "signed_at"
    fields = (
        "verdict",
        "subject",
        "signer",
        "printed_name",
        "typed",
        "decision",
        "meaning",
        "role",
        "clock",
        "zone",
        "subject_digest",
        "snapshot_digest",
        "chain_sequence",
        "chain_head",
        "key_id",
        "seal",
        "canonical",
    )
    readonly_fields = fields
    actions = ("export_csv",)
    csv_columns = ("signed_at", "printed_name", "typed", "decision", "meaning", "role", "subject_digest", "canonical")

    @display(description="subject")
    def subject(self, signature: Signature) -> str:
        return str(signature.action.stage.request)

    @display(description="signed, on the signer's clock")
    def clock(self, signature: Signature) -> str:
        return signature.local_time

    @display(description="verification")
    def verdict(self, signature: Signature) -> str:
        return " ".join(verify_signature(signature)) or "It holds: record, seal and timeline agree."
