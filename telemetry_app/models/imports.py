"""Import jobs: files of readings on their way in."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from biolab.accounts.models import ServiceToken, User
from biolab.kernel.ids import Identified
from sessions_app.models import LabSession
from telemetry_app.states import ImportStatus


class ImportQuerySet(models.QuerySet["ImportJob"]):
    """Import jobs, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of sessions that the person may see."""
        return self.filter(session__in=LabSession.objects.visible_to(person))

    def due(self, at: datetime) -> Self:
        """Those to be worked at now: waiting, not before their time, or left by a worker whose lease ran out."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=at)
        return self.filter(free, status__in=(ImportStatus.QUEUED, ImportStatus.RUNNING))


ImportManager = models.Manager.from_queryset(ImportQuerySet)


class ImportJob(Identified):
    """One uploaded file of readings: where it lies as received, how far it is read, and what came of it.

    The row is the job; ``lease`` says which worker is at it. Without a lease, ``lease_until`` says when to try again.
    """

    id_prefix = "job"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="imports")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    token = models.ForeignKey(ServiceToken, on_delete=models.PROTECT, null=True, related_name="+")
    file_name = models.CharField(max_length=255)
    format = models.CharField(max_length=8)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    stored_as = models.CharField(max_length=255, help_text="Name of the file as received, in the artifact store.")
    mapping = models.JSONField(default=dict, help_text="Which columns hold time, channel, value and unit.")
    status = models.CharField(max_length=8, choices=ImportStatus.choices, default=ImportStatus.QUEUED)
    rows_total = models.PositiveBigIntegerField(null=True)
    rows_done = models.PositiveBigIntegerField(default=0)
    created = models.PositiveBigIntegerField(default=0)
    late = models.PositiveBigIntegerField(default=0)
    flagged = models.PositiveBigIntegerField(default=0)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    objects = ImportManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "import"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ImportStatus.values), name="import_status_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} into {self.session}"
