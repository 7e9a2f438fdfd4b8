"""Time stamps of packed archives; the row is the job that gets one."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from biolab.kernel.ids import Identified
from exports_app.states import ArtifactStatus


class ArchiveStampQuerySet(models.QuerySet["ArchiveStamp"]):
    """Time stamps, narrowed."""

    def free(self, at: datetime) -> Self:
        """Those that are missing, that may be asked for now, and that nobody is asking for."""
        rested = Q(next_retry_at__isnull=True) | Q(next_retry_at__lte=at)
        return self.filter(rested, Q(lease__isnull=True) | Q(lease_until__lte=at), stamped_at__isnull=True)

    def due(self, at: datetime) -> Self:
        """Those of them whose archive is the one that is given out."""
        ready = Q(export__artifact_status=ArtifactStatus.READY, export__artifact_checksum=F("checksum"))
        return self.free(at).filter(ready)


ArchiveStampManager = models.Manager.from_queryset(ArchiveStampQuerySet)


class ArchiveStamp(Identified):
    """An authority's word that an archive was there at a time, or the wish for one."""

    id_prefix = "stamp"

    export = models.ForeignKey("NarrativeExport", on_delete=models.PROTECT, related_name="stamps")
    checksum = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the archive that is stamped.")
    stamped_at = models.DateTimeField(null=True, editable=False, help_text="By the authority's clock.")
    authority = models.CharField(max_length=255, blank=True, editable=False, help_text="As its certificate names it.")
    authority_checked = models.BooleanField(
        default=False, editable=False, help_text="Its signature was held against a certificate of the operator's."
    )
    serial_number = models.CharField(max_length=64, blank=True, editable=False)
    answer = models.BinaryField(null=True, editable=False, help_text="The authority's answer, byte for byte.")
    received_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=500, blank=True, editable=False)
    lease = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    rung_at = models.DateTimeField(null=True, editable=False)
    next_retry_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    objects = ArchiveStampManager()

    class Meta:
        ordering = ["export", "created_at", "id"]
        verbose_name = "time stamp"
        constraints = [
            models.UniqueConstraint(fields=["export", "checksum"], name="an_archive_has_one_time_stamp"),
            models.CheckConstraint(
                condition=Q(stamped_at__isnull=True, answer__isnull=True)
                | Q(stamped_at__isnull=False, answer__isnull=False, lease__isnull=True),
                name="a_time_stamp_has_its_bytes",
            ),
            models.CheckConstraint(
                condition=Q(lease__isnull=True, lease_until__isnull=True)
                | Q(lease__isnull=False, lease_until__isnull=False),
                name="a_time_stamps_lease_has_an_end",
            ),
        ]
        indexes = [models.Index(fields=["next_retry_at"], condition=Q(stamped_at=None), name="time_stamps_missing")]

    def __str__(self) -> str:
        return f"{self.export}: {self.checksum[:12]}"
