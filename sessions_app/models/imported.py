"""Sessions that were read back from archives."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from sessions_app.models.session import LabSession


class ImportedSession(models.Model):
    """Where a read-only session came from, and what its chain needs to be verified here."""

    append_only = True

    session = models.OneToOneField(LabSession, on_delete=models.PROTECT, primary_key=True, related_name="imported")
    sha256 = models.CharField("SHA-256", max_length=64, unique=True, help_text="Of the archive.")
    stored_as = models.CharField(max_length=255, unique=True, help_text="Where the archive itself is kept.")
    export_id = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    key_id = models.CharField(max_length=16, help_text="Of the key that the archive is signed with.")
    keys = models.JSONField(default=dict, help_text="Public keys behind its checkpoints, in hex, by their ids.")
    protocol_digest = models.CharField(max_length=64, blank=True)
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField()

    class Meta:
        ordering = ["-imported_at"]
        verbose_name = "imported session"

    def __str__(self) -> str:
        return f"{self.session} from {self.sha256[:12]}"
