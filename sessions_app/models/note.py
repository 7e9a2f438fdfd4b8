"""Notes and every version they ever had."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import connection, models
from django.db.models.expressions import RawSQL

from biolab.kernel.ids import Identified
from sessions_app.models.session import LabSession
from sessions_app.states import NoteType


class NoteQuerySet(models.QuerySet["Note"]):
    """Notes, narrowed."""

    def standing(self) -> Self:
        """Those that nobody has withdrawn."""
        return self.filter(withdrawn_at__isnull=True)

    def tagged(self, tag: str) -> Self:
        """Those that carry exactly this tag."""
        if connection.vendor == "postgresql":
            return self.filter(tags__contains=[tag])
        table = self.model._meta.db_table
        holds = f"EXISTS (SELECT 1 FROM json_each({table}.tags) WHERE json_each.value = %s)"  # noqa: S608
        return self.filter(RawSQL(holds, [tag], output_field=models.BooleanField()))  # noqa: S611  the tag is bound


NoteManager = models.Manager.from_queryset(NoteQuerySet)


class Note(Identified):
    """Something a person or a module wrote down during a session, as it reads now."""

    id_prefix = "note"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    timestamp = models.DateTimeField()
    speaker = models.CharField(max_length=255, blank=True)
    content = models.TextField()
    type = models.CharField(max_length=16, choices=NoteType.choices, default=NoteType.OBSERVATION)
    tags = models.JSONField(default=list, blank=True)
    telemetry_snapshot = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1)
    late_entry = models.BooleanField(default=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = NoteManager()

    class Meta:
        ordering = ["timestamp", "id"]
        indexes = [models.Index(fields=["session", "timestamp", "id"], name="notes_of_a_session")]

    def __str__(self) -> str:
        return self.content[:80]


class NoteVersion(Identified):
    """A note as it read at one version, never changed."""

    append_only = True
    id_prefix = "notev"

    note = models.ForeignKey(Note, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    action = models.CharField(max_length=16)
    content = models.TextField()
    speaker = models.CharField(max_length=255, blank=True)
    type = models.CharField(max_length=16)
    tags = models.JSONField(default=list)
    telemetry_snapshot = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["note", "version"]
        constraints = [models.UniqueConstraint(fields=["note", "version"], name="note_versions_are_unique")]

    def __str__(self) -> str:
        return f"{self.note_id} v{self.version}"
