"""What came in, at the desk: batches, their bodies, readings at rest, and what was withdrawn."""

from __future__ import annotations

from typing import Any

import zstandard
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from biolab.kernel.admin import ReadOnlyAdmin, action, display
from telemetry_app.instants import iso_us
from telemetry_app.models import Chunk, Original, Segment, Withdrawal


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    """Batches as they were received: the receipt of each, and whether its readings rest in chunks now."""

    list_display = (
        "position",
        "received_at",
        "session",
        "batch_id",
        "address_kind",
        "sender",
        "accepted",
        "late",
        "flagged",
    )
    list_filter = ("address_kind", "session__team")
    list_select_related = ("session", "person", "token")
    search_fields = ("batch_id", "source")
    show_full_result_count = False
    fields = readonly_fields = (
        "position",
        "received_at",
        "session",
        "batch_id",
        "address_kind",
        "sender",
        "accepted",
        "count",
        "late",
        "flagged",
        "body_sha256",
        "first",
        "last",
        "is_folded",
        "original_body",
    )
    actions = ("export_csv",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("channel_ids", "columns")

    @display(description="sender")
    def sender(self, segment: Segment) -> str:
        person = segment.person.printed_name if segment.person is not None else segment.source
        return f"{person} by {segment.token}" if segment.token is not None else person

    @display(description="first reading")
    def first(self, segment: Segment) -> str:
        return iso_us(segment.first_at)

    @display(description="last reading")
    def last(self, segment: Segment) -> str:
        return iso_us(segment.last_at)

    @display(description="body as received")
    def original_body(self, segment: Segment) -> str:
        if not Original.objects.filter(pk=segment.pk).exists():
            return "its digest alone: the readings say all of it"
        url = reverse("admin:telemetry_app_original_change", args=[segment.pk])
        return format_html('<a class="underline" href="{}">kept</a>', url)

    @display(description="folded", boolean=True)
    def is_folded(self, segment: Segment) -> bool:
        return Segment.objects.filter(pk=segment.pk, columns__isnull=True).exists()


@admin.register(Chunk)
class ChunkAdmin(ReadOnlyAdmin):
    """Readings at rest: what each chunk holds and how small it is."""

    list_display = ("channel", "session", "first_time", "last_time", "count", "minimum", "maximum")
    list_filter = ("channel__team",)
    list_select_related = ("channel", "session")
    search_fields = ("channel__name",)
    show_full_result_count = False
    fields = readonly_fields = (
        "channel",
        "session",
        "first_time",
        "last_time",
        "count",
        "minimum",
        "maximum",
        "total",
        "first",
        "last",
        "position",
        "codec",
        "packed_bytes",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        found = super().get_queryset(request)
        is_list = request.resolver_match is not None and str(request.resolver_match.url_name).endswith("changelist")
        return found.defer("times", "values") if is_list else found

    @display(description="first reading", ordering="first_at")
    def first_time(self, chunk: Chunk) -> str:
        return iso_us(chunk.first_at)

    @display(description="last reading", ordering="last_at")
    def last_time(self, chunk: Chunk) -> str:
        return iso_us(chunk.last_at)

    @display(description="packed bytes")
    def packed_bytes(self, chunk: Chunk) -> int:
        return len(chunk.times) + len(chunk.values)


@admin.register(Original)
class OriginalAdmin(ReadOnlyAdmin):
    """Bodies as they were received, where they hold more than readings."""

    list_display = ("segment", "media_type", "size")
    list_filter = ("media_type",)
    list_select_related = ("segment",)
    search_fields = ("segment__batch_id",)
    show_full_result_count = False
    fields = readonly_fields = ("segment", "media_type", "size")
    actions_detail = ("download",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("body")

    @action(description="Download", url_path="download", permissions=["view"], reads=True)
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        original: Original = self.row(request, object_id)
        return HttpResponse(
            zstandard.ZstdDecompressor().decompress(original.body, max_output_size=original.size),
            content_type="application/octet-stream",  # whatever it says it is: a browser must not open it
            headers={"Content-Disposition": f'attachment; filename="batch-{original.pk}.bin"'},
        )


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnlyAdmin):
    """Readings that were taken away on the record."""

    list_display = ("withdrawn_at", "channel", "session", "count", "first_time", "last_time", "withdrawn_by", "reason")
    list_filter = ("channel__team",)
    list_select_related = ("channel", "session", "withdrawn_by")
    search_fields = ("channel__name", "session__name", "reason")
    date_hierarchy = "withdrawn_at"
    fields = readonly_fields = list_display
    actions = ("export_csv",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("times", "values")

    @display(description="first reading", ordering="first_at")
    def first_time(self, withdrawal: Withdrawal) -> str:
        return iso_us(withdrawal.first_at)

    @display(description="last reading", ordering="last_at")
    def last_time(self, withdrawal: Withdrawal) -> str:
        return iso_us(withdrawal.last_at)
