"""Overrides: what people did with recommendations, what was taken back, and the coaching notes about it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models

from biolab.accounts.models import User
from biolab.kernel.ids import Identified
from governance_app.models.baseline import GovernanceBaseline
from governance_app.states import ModerationState, OverrideKind, OverrideStatus
from sessions_app.models import LabSession


class OverrideActionQuerySet(models.QuerySet["OverrideAction"]):
    """Override actions, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the sessions the person sees."""
        return self.filter(session__in=LabSession.objects.visible_to(person))

    def standing(self) -> Self:
        """Executed and not taken back."""
        return self.filter(status=OverrideStatus.EXECUTED)

    def told(self) -> Self:
        """With the people in them, their session, baseline and reversal at hand."""
        return self.select_related("session", "baseline", "reviewer", "target_reviewer", "actor", "reversal__actor")


OverrideActionManager = models.Manager.from_queryset(OverrideActionQuerySet)


class OverrideAction(Identified):
    """What one person decided about one recommendation in one session.

    ``recommendation_id`` is the rule and the reviewer it speaks of. ``content_hash`` is of everything the person sent
    and of their decision before it, so that the same decision sent twice is one row.
    """

    id_prefix = "ovr"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="override_actions")
    recommendation_id = models.CharField(max_length=120)
    rule = models.CharField(max_length=48)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=16, choices=OverrideKind.choices)
    status = models.CharField(max_length=16, choices=OverrideStatus.choices)
    baseline = models.ForeignKey(
        GovernanceBaseline, on_delete=models.PROTECT, null=True, blank=True, related_name="override_actions"
    )
    target_reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="override_actions")
    reversible = models.BooleanField(default=False)
    notes = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    lineage = models.JSONField(null=True, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    cooldown_window_minutes = models.PositiveIntegerField(null=True, blank=True)
    cooldown_expires_at = models.DateTimeField(null=True, blank=True)
    content_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = OverrideActionManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "override"
        indexes = [
            models.Index(fields=["session", "-created_at", "-id"], name="overrides_of_a_session"),
            models.Index(fields=["session", "recommendation_id", "-created_at"], name="overrides_by_recommendation"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "recommendation_id"],
                condition=models.Q(status=OverrideStatus.EXECUTED),
                name="one_standing_override_each",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=OverrideStatus.values), name="override_status_is_known"
            ),
            models.CheckConstraint(condition=models.Q(action__in=OverrideKind.values), name="override_kind_is_known"),
            models.CheckConstraint(
                condition=models.Q(reversible=False) | models.Q(status=OverrideStatus.EXECUTED),
                name="only_executed_overrides_reverse",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} · {self.recommendation_id}"

    def is_cooling(self, at: datetime) -> bool:
        """Tell whether the window that was set with the last move is still open."""
        return self.cooldown_expires_at is not None and at < self.cooldown_expires_at


class OverrideReversal(Identified):
    """That an executed override was taken back: by whom, with what rank, and what it changed; never changed."""

    append_only = True
    id_prefix = "ovrev"

    override = models.OneToOneField(OverrideAction, on_delete=models.PROTECT, related_name="reversal")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150)
    standing = models.CharField(max_length=32, help_text="What gave the person the right.")
    rank = models.PositiveSmallIntegerField()
    notes = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    diffs = models.JSONField(default=list, help_text="Each a field, what it was before and after.")
    cooldown_minutes = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "reversal"

    def __str__(self) -> str:
        return f"Reversal of {self.override_id}"


class CoachingNoteQuerySet(models.QuerySet["CoachingNote"]):
    """Coaching notes, narrowed."""

    def told(self) -> Self:
        """With people, override, answers counted and history, in a fixed number of queries."""
        return (
            self.select_related("override__session", "author")
            .annotate(
                reply_count=models.Count(
                    "replies",
                    filter=~models.Q(
                        replies__moderation_state__in=[ModerationState.DRAFT, ModerationState.REMOVED],
                    ),
                )
            )
            .prefetch_related(models.Prefetch("moderation", CoachingNoteEvent.objects.select_related("actor")))
        )


CoachingNoteManager = models.Manager.from_queryset(CoachingNoteQuerySet)


class CoachingNote(Identified):
    """What somebody has to say about an override, as it reads now; notes answer each other in threads."""

    id_prefix = "coach"

    override = models.ForeignKey(OverrideAction, on_delete=models.PROTECT, related_name="coaching_notes")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="replies")
    thread_root = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="coaching_notes")
    body = models.TextField()
    moderation_state = models.CharField(
        max_length=16, choices=ModerationState.choices, default=ModerationState.PUBLISHED
    )
    metadata = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)

    objects = CoachingNoteManager()

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name = "coaching note"
        indexes = [models.Index(fields=["override", "created_at", "id"], name="coaching_notes_of_one")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(moderation_state__in=ModerationState.values), name="moderation_state_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True, thread_root__isnull=True)
                | models.Q(parent__isnull=False, thread_root__isnull=False),
                name="replies_have_a_thread",
            ),
        ]

    def __str__(self) -> str:
        return self.body[:80]


class CoachingNoteEvent(Identified):
    """What became of a coaching note at one version, and what it said then; a row is never changed."""

    append_only = True
    id_prefix = "coev"

    note = models.ForeignKey(CoachingNote, on_delete=models.PROTECT, related_name="moderation")
    version = models.PositiveIntegerField()
    action = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=ModerationState.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150)
    body = models.TextField()
    metadata = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True)
    occurred_at = models.DateTimeField()

    class Meta:
        ordering = ["note", "version"]
        verbose_name = "coaching note's history"
        constraints = [
            models.UniqueConstraint(fields=["note", "version"], name="coaching_note_versions_are_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.note_id} v{self.version}: {self.action}"
