"""Baselines: the approved reference runs of a protocol, what was frozen of each, and what people did with them."""

from __future__ import annotations

import json
from typing import Any, Self

from django.conf import settings
from django.db import models

from biolab.accounts.models import User
from biolab.kernel.canonical import sha256
from biolab.kernel.ids import Identified
from governance_app.models.template import TemplateSnapshot
from governance_app.states import NUMBERED_BASELINES, BaselineStatus
from sessions_app.models import LabSession, Protocol


class GovernanceBaselineQuerySet(models.QuerySet["GovernanceBaseline"]):
    """Baselines, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the sessions the person sees."""
        return self.filter(session__in=LabSession.objects.visible_to(person))

    def current(self) -> Self:
        """The one that each protocol is held to now."""
        return self.filter(is_current=True)

    def numbered(self) -> Self:
        """Those that were published once, still or again."""
        return self.filter(version_number__isnull=False)

    def with_people(self) -> Self:
        """With their session, protocol, snapshot, people and reviewers, in a fixed number of queries."""
        return self.select_related(
            "session__team",
            "protocol",
            "snapshot",
            "submitted_by",
            "reviewed_by",
            "published_by",
            "rolled_back_by",
            "rolled_back_to",
        ).prefetch_related(
            models.Prefetch("reviewer_rows", BaselineReviewer.objects.select_related("person", "assigned_by"))
        )

    def with_events(self) -> Self:
        """With their people and their own history."""
        return self.with_people().prefetch_related(
            models.Prefetch("events", GovernanceBaselineEvent.objects.select_related("actor"))
        )


GovernanceBaselineManager = models.Manager.from_queryset(GovernanceBaselineQuerySet)


class GovernanceBaseline(Identified):
    """One session proposed as the reference run of its protocol; published, it is a version of that reference.

    Whoever publishes or rolls back holds the protocol's row first, so that numbers have no gap and one is current.
    """

    id_prefix = "base"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="baselines")
    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="baselines")
    snapshot = models.ForeignKey(
        TemplateSnapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="baselines"
    )
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    labels = models.JSONField(default=list, blank=True, help_text="Each a key and a value.")
    status = models.CharField(max_length=16, choices=BaselineStatus.choices, default=BaselineStatus.SUBMITTED)
    is_current = models.BooleanField(default=False)
    version_number = models.PositiveIntegerField(null=True, blank=True)
    content_digest = models.CharField(max_length=64, editable=False)
    reviewers: models.ManyToManyField[User, BaselineReviewer] = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        through="BaselineReviewer",
        through_fields=("baseline", "person"),
        related_name="baselines_to_review",
    )
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField()
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review_notes = models.TextField(blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    published_at = models.DateTimeField(null=True, blank=True)
    publish_notes = models.TextField(blank=True)
    rolled_back_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    rolled_back_at = models.DateTimeField(null=True, blank=True)
    rollback_notes = models.TextField(blank=True)
    rolled_back_to = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The version that became current in its place.",
    )
    updated_at = models.DateTimeField()

    objects = GovernanceBaselineManager()

    class Meta:
        ordering = ["-submitted_at", "-id"]
        verbose_name = "baseline"
        indexes = [
            models.Index(fields=["-submitted_at", "-id"], name="baselines_newest_first"),
            models.Index(fields=["session", "-submitted_at", "-id"], name="baselines_of_a_session"),
            models.Index(fields=["protocol", "-submitted_at", "-id"], name="baselines_of_a_protocol"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["protocol"], condition=models.Q(is_current=True), name="one_current_baseline_per_protocol"
            ),
            models.UniqueConstraint(
                fields=["protocol", "version_number"],
                condition=models.Q(version_number__isnull=False),
                name="baseline_numbers_are_not_reused",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=BaselineStatus.values), name="baseline_status_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(is_current=False) | models.Q(status=BaselineStatus.PUBLISHED),
                name="only_a_published_baseline_is_current",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    status__in=sorted(NUMBERED_BASELINES), version_number__gte=1, published_at__isnull=False
                )
                | (
                    ~models.Q(status__in=sorted(NUMBERED_BASELINES))
                    & models.Q(version_number__isnull=True, published_at__isnull=True)
                ),
                name="baselines_are_numbered_when_published",
            ),
            models.CheckConstraint(
                condition=models.Q(status=BaselineStatus.ROLLED_BACK, rolled_back_at__isnull=False)
                | (~models.Q(status=BaselineStatus.ROLLED_BACK) & models.Q(rolled_back_at__isnull=True)),
                name="baseline_rolled_back_at_iff_rolled_back",
            ),
        ]

    def __str__(self) -> str:
        return self.name if self.version_number is None else f"{self.name} v{self.version_number}"

    @property
    def content(self) -> dict[str, Any]:
        """What was frozen when it was submitted."""
        return self.frozen.content

    @property
    def has_drifted(self) -> bool:
        """Whether the frozen text is no longer the one that was hashed when it was submitted."""
        return sha256(self.frozen.text.encode()) != self.content_digest


class BaselineContent(models.Model):
    """What was frozen of a session when it was proposed: the canonical text that was hashed, never changed."""

    append_only = True

    baseline = models.OneToOneField(
        GovernanceBaseline, on_delete=models.PROTECT, primary_key=True, related_name="frozen"
    )
    text = models.TextField()

    class Meta:
        verbose_name = "frozen content"

    def __str__(self) -> str:
        return f"Content of {self.baseline_id}"

    @property
    def content(self) -> dict[str, Any]:
        """The object that was hashed."""
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed


class BaselineReviewer(models.Model):
    """That a person was asked to review a baseline."""

    baseline = models.ForeignKey(GovernanceBaseline, on_delete=models.PROTECT, related_name="reviewer_rows")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="baseline_reviews")
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField()

    class Meta:
        ordering = ["assigned_at", "pk"]
        verbose_name = "reviewer"
        constraints = [
            models.UniqueConstraint(fields=["baseline", "person"], name="nobody_reviews_a_baseline_twice_over"),
        ]

    def __str__(self) -> str:
        return str(self.person)


class GovernanceBaselineEvent(Identified):
    """One entry of a baseline's own history; a row is never changed."""

    append_only = True
    id_prefix = "bev"

    baseline = models.ForeignKey(GovernanceBaseline, on_delete=models.PROTECT, related_name="events")
    action = models.CharField(max_length=40)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    notes = models.TextField(blank=True)
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name = "baseline event"
        indexes = [models.Index(fields=["baseline", "created_at", "id"], name="events_of_a_baseline")]

    def __str__(self) -> str:
        return f"{self.action} ({self.baseline_id})"
