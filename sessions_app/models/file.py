"""Files that people keep: rows that only grow, bytes in the artifact store."""

from __future__ import annotations

from django.db import models

from sessions_app.models.bound import BoundQuerySet, BoundRecord
from sessions_app.thumbnails import FORMATS, MOST_BYTES


class LabFileQuerySet(BoundQuerySet["LabFile"]):
    """Files, narrowed."""


LabFileManager = models.Manager.from_queryset(LabFileQuerySet)


class LabFile(BoundRecord):
    """One file as it was received; ``created_by`` sent it. Another version of it is another file."""

    append_only = True
    id_prefix = "file"

    filename = models.CharField(max_length=255)
    file_type = models.CharField(max_length=127, help_text="What its content is, whatever its name says.")
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64, verbose_name="SHA-256")
    stored_as = models.CharField(max_length=255, unique=True)
    description = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    preview = models.JSONField(default=dict, blank=True)

    objects = LabFileManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "file"
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"], name="files_of_a_team"),
            models.Index(fields=["session", "-created_at", "-id"], name="files_of_a_session"),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_picture(self) -> bool:
        """Tell whether it may be shown small."""
        return self.file_type in FORMATS and self.size <= MOST_BYTES
