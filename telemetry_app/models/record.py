"""What is kept beside the readings: bodies that hold more than readings, and what was withdrawn."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from biolab.kernel.ids import Identified
from sessions_app.models import LabSession
from telemetry_app.models.channel import Channel
from telemetry_app.models.readings import Segment


class Original(models.Model):
    """A body as it was received, kept where its readings do not say all of it (text fields, say)."""

    append_only = True

    segment = models.OneToOneField(Segment, on_delete=models.PROTECT, primary_key=True, related_name="original")
    media_type = models.CharField(max_length=100)
    body = models.BinaryField(help_text="Packed with zstd.")
    size = models.PositiveIntegerField(help_text="Bytes before packing.")

    class Meta:
        ordering = ["segment"]

    def __str__(self) -> str:
        return f"Body of {self.segment_id}"


class Withdrawal(Identified):
    """Readings of one channel that are shown and counted no more; what they were is kept here, packed."""

    append_only = True
    id_prefix = "wd"

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="withdrawals")
    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, null=True, related_name="+")
    first_at = models.BigIntegerField(help_text="Microseconds since 1970.")
    last_at = models.BigIntegerField(help_text="Microseconds since 1970.")
    count = models.PositiveIntegerField()
    times = models.BinaryField()
    values = models.BinaryField()
    reason = models.TextField(blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()

    class Meta:
        ordering = ["-withdrawn_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(first_at__lte=F("last_at")), name="withdrawal_ends_after_it_begins"),
        ]

    def __str__(self) -> str:
        return f"{self.count} readings of {self.channel}"
