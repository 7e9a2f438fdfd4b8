"""The timeline of a session, and the signed checkpoints over it."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, Self

from django.conf import settings
from django.db import models

from biolab.kernel.facts import tell
from biolab.kernel.ids import Identified
from sessions_app.models.session import LabSession


class TimelineQuerySet(models.QuerySet["TimelineEvent"]):
    """Events, narrowed."""

    def after(self, sequence: int) -> Self:
        """Those behind a cursor, oldest first."""
        return self.filter(sequence__gt=sequence).order_by("sequence")


TimelineManager = models.Manager.from_queryset(TimelineQuerySet)


class TimelineEvent(Identified):
    """One fact on a session's timeline.

    ``canonical`` is the text that was hashed and the only home of the payload; the other columns repeat parts of it
    for the sake of indexes, and verification compares them with it.
    """

    append_only = True
    id_prefix = "ev"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=100)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    canonical = models.TextField()
    key = models.CharField(max_length=200, blank=True)

    objects = TimelineManager()

    class Meta:
        ordering = ["session", "sequence"]
        indexes = [models.Index(fields=["session", "kind", "sequence"], name="events_by_kind")]
        constraints = [
            models.UniqueConstraint(fields=["session", "sequence"], name="event_sequence_is_unique"),
            models.UniqueConstraint(fields=["session", "key"], condition=~models.Q(key=""), name="event_key_is_unique"),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence} {self.kind}"

    @cached_property
    def record(self) -> dict[str, Any]:
        """The object that was hashed."""
        parsed: dict[str, Any] = json.loads(self.canonical)
        return parsed

    @property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = self.record["payload"]
        return payload

    @property
    def actor_name(self) -> str:
        """The printed name as it was then."""
        return str(self.record["actor"]["name"])

    @property
    def told(self) -> str:
        """The fact in a sentence."""
        return tell(self.kind, self.payload)


class Checkpoint(Identified):
    """A signed statement of where a session's chain stood."""

    append_only = True
    id_prefix = "chk"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="checkpoints")
    sequence = models.PositiveBigIntegerField()
    canonical = models.TextField()
    signature = models.CharField(max_length=128)
    key_id = models.CharField(max_length=16)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["session", "-sequence", "-created_at"]

    def __str__(self) -> str:
        return f"{self.session_id} at {self.sequence}"
