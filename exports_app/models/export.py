"""Exports, their evidence and the frozen bytes behind both."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel.ids import Identified, typeid
from exports_app.models.stamp import ArchiveStamp
from exports_app.states import ArtifactStatus, EvidenceType
from governance_app.models import ApprovalRequest, GuardrailSimulation
from governance_app.states import LadderState
from sessions_app.models import Checkpoint, LabSession


class FrozenObject(models.Model):
    """Bytes that an export was frozen from, kept once under their own digest."""

    append_only = True

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=100)
    name = models.CharField(max_length=255, unique=True, help_text="Where the store keeps it.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "frozen object"

    def __str__(self) -> str:
        return self.sha256


class FixityCheck(models.Model):
    """One walk through everything that is stored: how much was read again, and what was not as it was packed."""

    append_only = True

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    objects_checked = models.PositiveBigIntegerField()
    objects_wrong = models.PositiveBigIntegerField()
    findings = models.JSONField(default=list, help_text="What is wrong, object by object; the first of very many.")

    class Meta:
        ordering = ["-started_at", "-id"]
        verbose_name = "fixity check"
        indexes = [models.Index(fields=["-started_at"], name="fixity_checks_newest_first")]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"


class NarrativeExportQuerySet(models.QuerySet["NarrativeExport"]):
    """Exports, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the sessions the person sees."""
        return self.filter(session__in=LabSession.objects.visible_to(person))

    def released(self) -> Self:
        """Those whose every signature is there."""
        return self.filter(approval__state=LadderState.APPROVED)

    def unheld(self) -> Self:
        """Those whose session's guardrails do not hold packaging."""
        holding = GuardrailSimulation.objects.holding().filter(session=OuterRef("session"))
        return self.filter(~models.Exists(holding))

    def due(self, at: datetime) -> Self:
        """Those that a worker should be packing now: queued, due again, or left behind by a worker that died."""
        waiting = Q(artifact_status=ArtifactStatus.QUEUED)
        waiting |= Q(artifact_status=ArtifactStatus.RETRYING, next_retry_at__lte=at)
        waiting |= Q(artifact_status=ArtifactStatus.PROCESSING, lease_until__lte=at)
        return self.released().unheld().filter(waiting)

    def outlived(self, at: datetime) -> Self:
        """Ready ones whose retention is over and that no legal hold keeps."""
        return self.filter(
            artifact_status=ArtifactStatus.READY, retention_expires_at__lte=at, session__legal_hold=False
        )

    def told(self) -> Self:
        """With all that the wire shows of them but the dossier's bytes, in a fixed number of queries."""
        ladders = ApprovalRequest.objects.with_ladder().select_related("snapshot__template")
        return self.select_related("session", "requested_by", "content").prefetch_related(
            models.Prefetch("approval", ladders),
            models.Prefetch(
                "session__guardrail_simulations",
                GuardrailSimulation.objects.told().newest(),
                to_attr="latest_simulations",
            ),
            "attachments",
            models.Prefetch("stamps", ArchiveStamp.objects.defer("answer")),
        )


NarrativeExportManager = models.Manager.from_queryset(NarrativeExportQuerySet)


class NarrativeExport(Identified):
    """One version of a session's narrative: frozen when asked for, signed on a ladder, packed once approved.

    What was frozen never changes; the packing's own columns do. The row is the packing job: whoever holds ``lease``
    until ``lease_until`` is at work, and only the holder may publish.
    """

    id_prefix = "exp"
    FILE_PREFIX: ClassVar[str] = "file"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="narrative_exports")
    version = models.PositiveIntegerField(editable=False)
    format = models.CharField(max_length=16, default="markdown")
    approval = models.OneToOneField(ApprovalRequest, on_delete=models.PROTECT, related_name="narrative_export")
    template_ref = models.CharField(
        max_length=80,
        blank=True,
        editable=False,
        help_text="Template of a row that was brought over from a time without snapshots; `migrate_exports` reads it.",
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    notes = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    # what was frozen
    generated_at = models.DateTimeField()
    event_count = models.PositiveBigIntegerField()
    content = models.ForeignKey(FrozenObject, on_delete=models.PROTECT, related_name="+")
    facts = models.ForeignKey(FrozenObject, on_delete=models.PROTECT, related_name="+")
    readings = models.ForeignKey(FrozenObject, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    telemetry = models.JSONField(default=dict, help_text="Seals of the channels, and what they rest on.")
    subject_digest = models.CharField(max_length=64)

    # what is made once and kept
    pictures = models.ForeignKey(
        FrozenObject, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    pdf = models.ForeignKey(
        FrozenObject, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    pdf_left_out = models.CharField(max_length=200, blank=True, editable=False, help_text="Why there is no PDF.")

    # the packing
    gate = models.JSONField(default=dict, help_text="What packaging waits for.")
    artifact_status = models.CharField(
        max_length=16, choices=ArtifactStatus.choices, default=ArtifactStatus.QUEUED, editable=False
    )
    artifact_file = models.UUIDField(null=True, editable=False)
    artifact_name = models.CharField(max_length=255, blank=True, editable=False)
    artifact_checksum = models.CharField(max_length=64, blank=True, editable=False)
    artifact_size = models.PositiveBigIntegerField(null=True, editable=False)
    artifact_manifest_digest = models.CharField(max_length=64, blank=True, editable=False)
    artifact_error = models.CharField(max_length=500, blank=True, editable=False)
    final_checkpoint = models.ForeignKey(
        Checkpoint, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    lease = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    tries = models.PositiveSmallIntegerField(default=0, editable=False, help_text="Attempts since it was last queued.")
    progress = models.FloatField(default=0.0, editable=False)
    queued_at = models.DateTimeField(null=True, editable=False)
    rung_at = models.DateTimeField(null=True, editable=False)
    next_retry_at = models.DateTimeField(null=True, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)
    packaged_at = models.DateTimeField(null=True, editable=False)
    retired_at = models.DateTimeField(null=True, editable=False)
    retention_expires_at = models.DateTimeField(null=True, editable=False)

    objects = NarrativeExportManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "narrative export"
        constraints = [
            models.UniqueConstraint(fields=["session", "version"], name="export_versions_are_unique"),
            models.CheckConstraint(condition=Q(version__gte=1), name="export_versions_count_from_one"),
            models.CheckConstraint(
                condition=Q(artifact_status__in=ArtifactStatus.values), name="artifact_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(artifact_status=ArtifactStatus.PROCESSING, lease__isnull=False, lease_until__isnull=False)
                | (~Q(artifact_status=ArtifactStatus.PROCESSING) & Q(lease__isnull=True, lease_until__isnull=True)),
                name="a_lease_while_packing_and_only_then",
            ),
            models.CheckConstraint(
                condition=~Q(artifact_status=ArtifactStatus.READY)
                | (Q(artifact_file__isnull=False) & ~Q(artifact_name="") & ~Q(artifact_checksum="")),
                name="a_ready_archive_is_somewhere",
            ),
        ]
        indexes = [
            models.Index(fields=["session", "-created_at", "-id"], name="exports_of_a_session"),
            models.Index(fields=["artifact_status", "next_retry_at"], name="exports_by_packing"),
        ]

    def __str__(self) -> str:
        return f"{self.session} v{self.version}"

    @property
    def artifact_file_id(self) -> str | None:
        """The archive's own id on the wire."""
        return typeid(self.FILE_PREFIX, self.artifact_file) if self.artifact_file is not None else None

    @property
    def path(self) -> str:
        """Where the API shows this export."""
        return f"/api/experiment-console/sessions/{self.session.public_id}/exports/narrative/{self.public_id}"

    @property
    def guardrail_simulation(self) -> GuardrailSimulation | None:
        """The newest simulation of the session; read exports ``told()`` to have it at hand."""
        at_hand: list[GuardrailSimulation] | None = getattr(self.session, "latest_simulations", None)
        if at_hand is None:
            return GuardrailSimulation.objects.told().newest().filter(session_id=self.session_id).first()
        return at_hand[0] if at_hand else None

    @property
    def stamp(self) -> ArchiveStamp | None:
        """The time stamp of the archive as it was packed last, or the wish for it; of exports ``told()``."""
        return next((stamp for stamp in self.stamps.all() if stamp.checksum == self.artifact_checksum), None)

    @property
    def packaging_queue_state(self) -> dict[str, Any] | None:
        return self.gate or None


class OriginalFolder(models.TextChoices):
    """Where an original lies in the archive."""

    RAW = "raw", "Raw data"
    AUDIO = "audio", "Recording"
    TRANSCRIPTS = "transcripts", "Transcript"


class ExportOriginal(models.Model):
    """An original that an export keeps byte for byte: a raw upload, a recording, a transcript; never changed."""

    append_only = True

    export = models.ForeignKey(NarrativeExport, on_delete=models.PROTECT, related_name="originals")
    position = models.PositiveIntegerField()
    folder = models.CharField(max_length=16, choices=OriginalFolder.choices)
    filename = models.CharField(max_length=255)
    frozen = models.ForeignKey(FrozenObject, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["export", "position"]
        verbose_name = "original"
        constraints = [
            models.UniqueConstraint(fields=["export", "position"], name="originals_have_one_place_each"),
            models.CheckConstraint(
                condition=Q(folder__in=OriginalFolder.values), name="the_folder_of_an_original_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.filename


class ExportAttachment(Identified):
    """One piece of evidence of an export, with the digest of its frozen bytes; never changed."""

    append_only = True
    id_prefix = "att"

    export = models.ForeignKey(NarrativeExport, on_delete=models.PROTECT, related_name="attachments")
    position = models.PositiveSmallIntegerField()
    evidence_type = models.CharField(max_length=32, choices=EvidenceType.choices)
    reference_id = models.CharField(max_length=80)
    label = models.CharField(max_length=255, blank=True)
    context = models.JSONField(default=dict)
    snapshot = models.JSONField(default=dict)
    filename = models.CharField(max_length=255)
    frozen = models.ForeignKey(FrozenObject, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["export", "position"]
        verbose_name = "attachment"
        constraints = [
            models.UniqueConstraint(fields=["export", "position"], name="attachments_have_one_place_each"),
            models.CheckConstraint(condition=Q(evidence_type__in=EvidenceType.values), name="evidence_type_is_known"),
        ]

    def __str__(self) -> str:
        return self.label or f"{self.evidence_type} {self.reference_id}"
