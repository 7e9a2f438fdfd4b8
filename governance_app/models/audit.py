"""Reviews of audit trails: who read which part of a session's timeline and put their name under it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models

from biolab.accounts.models import User
from biolab.kernel.ids import Identified
from biolab.kernel.signed import SignedRow
from sessions_app.models import LabSession


class AuditReviewQuerySet(models.QuerySet["AuditReview"]):
    """Reviews, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the sessions the person sees."""
        return self.filter(session__in=LabSession.objects.visible_to(person))


AuditReviewManager = models.Manager.from_queryset(AuditReviewQuerySet)


class AuditReview(SignedRow, Identified):
    """An auditor's signature under the events ``first_sequence`` to ``last_sequence`` of a session.

    The signed text holds the range's first and last hashes, and so, by the chain, all between them.
    """

    id_prefix = "rev"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="audit_reviews")
    first_sequence = models.PositiveBigIntegerField()
    last_sequence = models.PositiveBigIntegerField()
    first_hash = models.CharField(max_length=64)
    last_hash = models.CharField(max_length=64)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="audit_reviews")
    meaning = models.CharField(max_length=32)
    role = models.CharField(max_length=16)
    notes = models.TextField(blank=True)

    objects = AuditReviewManager()

    class Meta:
        ordering = ["-signed_at", "-id"]
        verbose_name = "audit-trail review"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(first_sequence__gte=1) & models.Q(last_sequence__gte=models.F("first_sequence")),
                name="a_review_covers_at_least_one_event",
            ),
        ]
        indexes = [models.Index(fields=["session", "first_sequence"], name="reviews_of_a_session")]

    def __str__(self) -> str:
        return f"Events {self.first_sequence} to {self.last_sequence} of {self.session}"
