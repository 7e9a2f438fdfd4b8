"""Recordings of speech and what was made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from biolab.accounts.models import User
from biolab.kernel.api import etag_of
from biolab.kernel.canonical import canonical, sha256
from biolab.kernel.ids import Identified
from sessions_app.models.note import Note
from sessions_app.models.session import LabSession
from sessions_app.states import SpeechStatus

EXTERNAL = "external"
"""The engine of tasks that a module outside works at."""


class TranscriptQuerySet(models.QuerySet["Transcript"]):
    """Transcripts, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of sessions that the person may see."""
        return self.filter(session__in=LabSession.objects.visible_to(person))

    def told(self) -> Self:
        """With everything their doors and pages show at hand."""
        return self.select_related("session", "note", "reviewed_by", "asked_by")

    def due(self, at: datetime) -> Self:
        """Those to be transcribed here and now: free, or left by a worker whose lease ran out."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=at)
        open_statuses = (SpeechStatus.PENDING, SpeechStatus.PROCESSING)
        return self.filter(free, status__in=open_statuses).exclude(engine=EXTERNAL)

    def unverified(self) -> Self:
        """Those that say something which nobody has confirmed."""
        return self.filter(status=SpeechStatus.DONE, reviewed_by__isnull=True)


TranscriptManager = models.Manager.from_queryset(TranscriptQuerySet)


class Transcript(Identified):
    """One recording, sealed as received, and its text as it reads now.

    The row is the job; ``lease`` says which worker is at it. Without a lease, ``lease_until`` says when to try again.
    Modules outside may register recordings that they keep themselves: ``sha256`` is empty then.
    """

    id_prefix = "stt"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="transcripts")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    audio_chunk_id = models.CharField("recording", max_length=255)
    duration_seconds = models.FloatField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=SpeechStatus.choices, default=SpeechStatus.PENDING)
    transcript = models.TextField(blank=True)
    error = models.TextField(blank=True)
    confidence = models.FloatField(null=True, blank=True, help_text="0 to 1, as the engine judges itself.")
    words = models.JSONField(default=list, blank=True, help_text="As the engine heard them, with times in seconds.")
    engine = models.CharField(max_length=16)
    media_type = models.CharField(max_length=32, blank=True, help_text="What its content is, whatever its name says.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    stored_as = models.CharField(max_length=255, blank=True)
    note = models.OneToOneField(Note, on_delete=models.PROTECT, null=True, blank=True, related_name="speech")
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    objects = TranscriptManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "transcript"
        indexes = [
            models.Index(fields=["session", "-created_at", "-id"], name="speech_of_a_session"),
            models.Index(
                fields=["created_at"],
                condition=Q(status__in=[SpeechStatus.PENDING, SpeechStatus.PROCESSING]),
                name="speech_to_be_done",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["session", "audio_chunk_id"], name="recordings_of_a_session_are_unique"),
            models.CheckConstraint(condition=Q(status__in=SpeechStatus.values), name="speech_status_is_known"),
            models.CheckConstraint(
                condition=~Q(status=SpeechStatus.DONE) | ~Q(transcript=""), name="done_speech_says_something"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True, reviewed_at__isnull=True)
                | Q(reviewed_by__isnull=False, reviewed_at__isnull=False, status=SpeechStatus.DONE),
                name="confirmed_speech_is_done",
            ),
        ]

    def __str__(self) -> str:
        return self.audio_chunk_id

    @property
    def etag(self) -> str:
        """The entity tag: it changes whenever the task does."""
        return etag_of(self.pk, self.status, self.updated_at)

    @property
    def words_sha256(self) -> str:
        """The digest of the words and their times; empty where there are none."""
        return sha256(canonical(self.words)) if self.words else ""

    @property
    def is_unverified(self) -> bool:
        """Whether it says something that nobody has confirmed."""
        return self.status == SpeechStatus.DONE and self.reviewed_by_id is None
