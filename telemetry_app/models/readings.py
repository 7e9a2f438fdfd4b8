"""The readings behind the channels: segments as they came, chunks as they rest, and the latest values."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q

from biolab.accounts.models import ServiceToken
from sessions_app.models import LabSession
from telemetry_app.models.channel import Channel
from telemetry_app.states import Standing


class ExactFloat(models.FloatField[float, float]):
    """A float64 that keeps the sign of zero; in a ``real`` column SQLite stores whole numbers as integers."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "blob" if connection.vendor == "sqlite" else super().db_type(connection)


class Segment(models.Model):
    """One accepted batch: who sent it, what it held and, until it is folded into chunks, its readings.

    The key is the receive order. ``columns`` becomes empty when the readings have moved to chunks; the row stays, since
    it is the proof of receipt that a repeated batch is answered from.
    """

    position = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    source = models.CharField(max_length=40, help_text="Public id of the person or service token that sent it.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    token = models.ForeignKey(ServiceToken, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    address_kind = models.CharField(max_length=16, help_text="The way in, such as http.")
    batch_id = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    first_at = models.BigIntegerField(help_text="Microseconds since 1970.")
    last_at = models.BigIntegerField(help_text="Microseconds since 1970.")
    count = models.PositiveIntegerField(help_text="Readings in it, one per channel and microsecond.")
    accepted = models.PositiveIntegerField(help_text="Rows as received.")
    late = models.PositiveIntegerField()
    flagged = models.PositiveIntegerField()
    channel_ids = models.BinaryField(help_text="16 bytes for each channel, in the order of the columns.")
    columns = models.BinaryField(null=True)

    class Meta:
        ordering = ["position"]
        verbose_name = "batch"
        verbose_name_plural = "batches"
        constraints = [
            models.UniqueConstraint(
                fields=["session", "source", "batch_id"],
                condition=Q(session__isnull=False),
                name="one_batch_per_session_source_and_id",
            ),
            models.UniqueConstraint(
                fields=["source", "batch_id"],
                condition=Q(session__isnull=True),
                name="one_batch_per_source_and_id",
            ),
        ]
        indexes = [
            models.Index(
                fields=["session", "position"], condition=Q(columns__isnull=False), name="segments_not_yet_folded"
            ),
        ]

    def __str__(self) -> str:
        return f"Batch {self.batch_id}"


class Chunk(models.Model):
    """A run of one channel's readings in one session, packed; chunks of a channel never overlap in time."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, db_index=False, related_name="chunks")
    session = models.ForeignKey(
        LabSession, on_delete=models.PROTECT, null=True, db_index=False, related_name="telemetry_chunks"
    )
    first_at = models.BigIntegerField(help_text="Microseconds since 1970.")
    last_at = models.BigIntegerField(help_text="Microseconds since 1970.")
    count = models.PositiveIntegerField()
    minimum = ExactFloat()
    maximum = ExactFloat()
    total = models.FloatField(null=True, help_text="Sum of the values; empty where it is beyond float64.")
    first = ExactFloat()
    last = ExactFloat()
    position = models.BigIntegerField(help_text="Receive order of the newest batch folded into it.")
    codec = models.PositiveSmallIntegerField()
    times = models.BinaryField()
    values = models.BinaryField()
    rollup_step = models.BigIntegerField(null=True, help_text="Microseconds that a piece of the rollup spans.")
    rollup = models.BinaryField(null=True, help_text="Count, least, greatest and mean of each piece; for charts.")

    class Meta:
        ordering = ["channel", "first_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "channel", "first_at"],
                condition=Q(session__isnull=False),
                name="one_chunk_per_session_channel_and_start",
            ),
            models.UniqueConstraint(
                fields=["channel", "first_at"],
                condition=Q(session__isnull=True),
                name="one_chunk_per_channel_and_start",
            ),
            models.CheckConstraint(condition=Q(first_at__lte=F("last_at")), name="chunk_ends_after_it_begins"),
        ]

    def __str__(self) -> str:
        return f"{self.count} readings of {self.channel}"


class Latest(models.Model):
    """The newest reading of one channel in one session; ``prior_at`` is the newest time before the last change."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, db_index=False, related_name="+")
    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    at = models.BigIntegerField(help_text="Microseconds since 1970.")
    prior_at = models.BigIntegerField(null=True)
    pace_us = models.BigIntegerField(
        null=True, help_text="Longest step lately between newest readings; each new one forgets an eighth of it."
    )
    steps = models.PositiveBigIntegerField(db_default=0, help_text="How often the newest time moved on.")
    value = ExactFloat()
    position = models.BigIntegerField(help_text="Receive order of the batch that brought it.")
    standing = models.CharField(max_length=8, choices=Standing.choices, default=Standing.INSIDE)

    class Meta:
        verbose_name = "latest reading"
        constraints = [
            models.UniqueConstraint(
                fields=["session", "channel"], condition=Q(session__isnull=False), name="one_latest_per_session"
            ),
            models.UniqueConstraint(
                fields=["channel"], condition=Q(session__isnull=True), name="one_latest_without_session"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.value}"
