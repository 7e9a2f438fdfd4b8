"""Decks that people asked for; the row is the job that builds one."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from biolab.accounts.models import User
from biolab.kernel.ids import Identified
from exports_app.states import DeckStatus
from sessions_app.models import LabSession


class DeckJobQuerySet(models.QuerySet["DeckJob"]):
    """Decks, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the sessions the person sees, and those of no session that they asked for."""
        mine = Q(session__isnull=True, asked_by=person)
        return self.filter(mine | Q(session__in=LabSession.objects.visible_to(person)))

    def held(self) -> Self:
        """Locked until the transaction ends; whoever changes a deck holds it, and nothing else meanwhile."""
        return self.select_for_update(of=("self",), no_key=True)

    def due(self, at: datetime) -> Self:
        """Those that a worker should be at: waiting, due again, or left behind by a worker that died."""
        waiting = Q(status=DeckStatus.PENDING) & (Q(next_retry_at__isnull=True) | Q(next_retry_at__lte=at))
        return self.filter(waiting | Q(status=DeckStatus.IN_PROGRESS, lease_until__lte=at))


DeckJobManager = models.Manager.from_queryset(DeckJobQuerySet)


class DeckJob(Identified):
    """One presentation: its slides as they were when it was asked for, and the file they became."""

    id_prefix = "job"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, null=True, blank=True, related_name="decks")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    slides = models.JSONField(editable=False)
    slide_count = models.PositiveSmallIntegerField(editable=False)
    status = models.CharField(max_length=16, choices=DeckStatus.choices, default=DeckStatus.PENDING, editable=False)
    progress = models.FloatField(default=0.0, editable=False)
    error = models.CharField(max_length=500, blank=True, editable=False)
    stored_as = models.CharField(max_length=255, blank=True, editable=False)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    size = models.PositiveBigIntegerField(null=True, editable=False)
    lease = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    next_retry_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    objects = DeckJobManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "deck"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=DeckStatus.values), name="deck_status_is_known"),
            models.CheckConstraint(
                condition=Q(status=DeckStatus.IN_PROGRESS, lease__isnull=False, lease_until__isnull=False)
                | (~Q(status=DeckStatus.IN_PROGRESS) & Q(lease__isnull=True, lease_until__isnull=True)),
                name="a_deck_has_a_lease_while_it_is_built",
            ),
            models.CheckConstraint(
                condition=~Q(status=DeckStatus.COMPLETED) | (~Q(stored_as="") & ~Q(sha256="")),
                name="a_finished_deck_is_somewhere",
            ),
        ]
        indexes = [models.Index(fields=["status", "next_retry_at"], name="decks_by_state")]

    def __str__(self) -> str:
        return f"Deck of {self.slide_count} slides"

    @property
    def result_url(self) -> str | None:
        """Where the finished file is fetched."""
        if self.status != DeckStatus.COMPLETED:
            return None
        return f"/api/v1/slides/download?jobId={self.public_id}"

    @property
    def filename(self) -> str:
        return f"presentation-{self.public_id}.pptx"
