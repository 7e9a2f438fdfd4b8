import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import biolab.kernel.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "__first__"),
        ("governance_app", "0003_clocks"),
        ("sessions_app", "0003_search_in_notes"),
    ]

    operations = [
        migrations.CreateModel(
            name="FrozenObject",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("size", models.PositiveBigIntegerField()),
                ("media_type", models.CharField(max_length=100)),
                ("name", models.CharField(help_text="Where the store keeps it.", max_length=255, unique=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "frozen object",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="FixityCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                ("objects_checked", models.PositiveBigIntegerField()),
                ("objects_wrong", models.PositiveBigIntegerField()),
                (
                    "findings",
                    models.JSONField(
                        default=list, help_text="What is wrong, object by object; the first of very many."
                    ),
                ),
            ],
            options={
                "verbose_name": "fixity check",
                "ordering": ["-started_at", "-id"],
                "indexes": [models.Index(fields=["-started_at"], name="fixity_checks_newest_first")],
            },
        ),
        migrations.CreateModel(
            name="NarrativeExport",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(editable=False)),
                ("format", models.CharField(default="markdown", max_length=16)),
                (
                    "template_ref",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="Template of a row that was brought over from a time without snapshots; `migrate_exports` reads it.",
                        max_length=80,
                    ),
                ),
                ("notes", models.TextField(blank=True)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(editable=False)),
                ("updated_at", models.DateTimeField(editable=False)),
                ("generated_at", models.DateTimeField()),
                ("event_count", models.PositiveBigIntegerField()),
                (
                    "telemetry",
                    models.JSONField(default=dict, help_text="Seals of the channels, and what they rest on."),
                ),
                ("subject_digest", models.CharField(max_length=64)),
                (
                    "pdf_left_out",
                    models.CharField(blank=True, editable=False, help_text="Why there is no PDF.", max_length=200),
                ),
                ("gate", models.JSONField(default=dict, help_text="What packaging waits for.")),
                (
                    "artifact_status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("processing", "Being packed"),
                            ("ready", "Ready"),
                            ("retrying", "Waiting for another try"),
                            ("failed", "Failed"),
                            ("expired", "Expired"),
                            ("retired", "Retired"),
                        ],
                        default="queued",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("artifact_file", models.UUIDField(editable=False, null=True)),
                ("artifact_name", models.CharField(blank=True, editable=False, max_length=255)),
                ("artifact_checksum", models.CharField(blank=True, editable=False, max_length=64)),
                ("artifact_size", models.PositiveBigIntegerField(editable=False, null=True)),
                ("artifact_manifest_digest", models.CharField(blank=True, editable=False, max_length=64)),
                ("artifact_error", models.CharField(blank=True, editable=False, max_length=500)),
                ("lease", models.UUIDField(editable=False, null=True)),
                ("lease_until", models.DateTimeField(editable=False, null=True)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "tries",
                    models.PositiveSmallIntegerField(
                        default=0, editable=False, help_text="Attempts since it was last queued."
                    ),
                ),
                ("progress", models.FloatField(default=0.0, editable=False)),
                ("queued_at", models.DateTimeField(editable=False, null=True)),
                ("rung_at", models.DateTimeField(editable=False, null=True)),
                ("next_retry_at", models.DateTimeField(editable=False, null=True)),
                ("failed_at", models.DateTimeField(editable=False, null=True)),
                ("packaged_at", models.DateTimeField(editable=False, null=True)),
                ("retired_at", models.DateTimeField(editable=False, null=True)),
                ("retention_expires_at", models.DateTimeField(editable=False, null=True)),
                (
                    "approval",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="narrative_export",
                        to="governance_app.approvalrequest",
                    ),
                ),
                (
                    "content",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="exports_app.frozenobject"
                    ),
                ),
                (
                    "facts",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="exports_app.frozenobject"
                    ),
                ),
                (
                    "final_checkpoint",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sessions_app.checkpoint",
                    ),
                ),
                (
                    "pdf",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="exports_app.frozenobject",
                    ),
                ),
                (
                    "pictures",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="exports_app.frozenobject",
                    ),
                ),
                (
                    "readings",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="exports_app.frozenobject",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="narrative_exports",
                        to="sessions_app.labsession",
                    ),
                ),
            ],
            options={
                "verbose_name": "narrative export",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["session", "-created_at", "-id"], name="exports_of_a_session"),
                    models.Index(fields=["artifact_status", "next_retry_at"], name="exports_by_packing"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("session", "version"), name="export_versions_are_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("version__gte", 1)), name="export_versions_count_from_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "artifact_status__in",
                                ["queued", "processing", "ready", "retrying", "failed", "expired", "retired"],
                            )
                        ),
                        name="artifact_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("artifact_status", "processing"),
                                ("lease__isnull", False),
                                ("lease_until__isnull", False),
                            ),
                            models.Q(
                                models.Q(("artifact_status", "processing"), _negated=True),
                                ("lease__isnull", True),
                                ("lease_until__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="a_lease_while_packing_and_only_then",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("artifact_status", "ready"), _negated=True),
                            models.Q(
                                ("artifact_file__isnull", False),
                                models.Q(("artifact_name", ""), _negated=True),
                                models.Q(("artifact_checksum", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="a_ready_archive_is_somewhere",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportOriginal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                (
                    "folder",
                    models.CharField(
                        choices=[("raw", "Raw data"), ("audio", "Recording"), ("transcripts", "Transcript")],
                        max_length=16,
                    ),
                ),
                ("filename", models.CharField(max_length=255)),
                (
                    "frozen",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="exports_app.frozenobject"
                    ),
                ),
                (
                    "export",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="originals",
                        to="exports_app.narrativeexport",
                    ),
                ),
            ],
            options={
                "verbose_name": "original",
                "ordering": ["export", "position"],
                "constraints": [
                    models.UniqueConstraint(fields=("export", "position"), name="originals_have_one_place_each"),
                    models.CheckConstraint(
                        condition=models.Q(("folder__in", ["raw", "audio", "transcripts"])),
                        name="the_folder_of_an_original_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportAttachment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "evidence_type",
                    models.CharField(
                        choices=[
                            ("timeline_event", "Timeline event"),
                            ("file", "File"),
                            ("notebook_entry", "Notebook entry"),
                            ("analytics_snapshot", "Analytics snapshot"),
                            ("qc_metric", "QC metric"),
                            ("remediation_report", "Remediation report"),
                        ],
                        max_length=32,
                    ),
                ),
                ("reference_id", models.CharField(max_length=80)),
                ("label", models.CharField(blank=True, max_length=255)),
                ("context", models.JSONField(default=dict)),
                ("snapshot", models.JSONField(default=dict)),
                ("filename", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "frozen",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="exports_app.frozenobject"
                    ),
                ),
                (
                    "export",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attachments",
                        to="exports_app.narrativeexport",
                    ),
                ),
            ],
            options={
                "verbose_name": "attachment",
                "ordering": ["export", "position"],
                "constraints": [
                    models.UniqueConstraint(fields=("export", "position"), name="attachments_have_one_place_each"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "evidence_type__in",
                                [
                                    "timeline_event",
                                    "file",
                                    "notebook_entry",
                                    "analytics_snapshot",
                                    "qc_metric",
                                    "remediation_report",
                                ],
                            )
                        ),
                        name="evidence_type_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ArchiveStamp",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "checksum",
                    models.CharField(
                        editable=False, help_text="SHA-256 of the archive that is stamped.", max_length=64
                    ),
                ),
                ("stamped_at", models.DateTimeField(editable=False, help_text="By the authority's clock.", null=True)),
                (
                    "authority",
                    models.CharField(
                        blank=True, editable=False, help_text="As its certificate names it.", max_length=255
                    ),
                ),
                (
                    "authority_checked",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="Its signature was held against a certificate of the operator's.",
                    ),
                ),
                ("serial_number", models.CharField(blank=True, editable=False, max_length=64)),
                ("answer", models.BinaryField(help_text="The authority's answer, byte for byte.", null=True)),
                ("received_at", models.DateTimeField(editable=False, null=True)),
                ("error", models.CharField(blank=True, editable=False, max_length=500)),
                ("lease", models.UUIDField(editable=False, null=True)),
                ("lease_until", models.DateTimeField(editable=False, null=True)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("rung_at", models.DateTimeField(editable=False, null=True)),
                ("next_retry_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "export",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stamps",
                        to="exports_app.narrativeexport",
                    ),
                ),
            ],
            options={
                "verbose_name": "time stamp",
                "ordering": ["export", "created_at", "id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("stamped_at", None)), fields=["next_retry_at"], name="time_stamps_missing"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("export", "checksum"), name="an_archive_has_one_time_stamp"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer__isnull", True), ("stamped_at__isnull", True)),
                            models.Q(("answer__isnull", False), ("lease__isnull", True), ("stamped_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_time_stamp_has_its_bytes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lease__isnull", True), ("lease_until__isnull", True)),
                            models.Q(("lease__isnull", False), ("lease_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_time_stamps_lease_has_an_end",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DeckJob",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("slides", models.JSONField(editable=False)),
                ("slide_count", models.PositiveSmallIntegerField(editable=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("in_progress", "Being built"),
                            ("completed", "Ready"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("progress", models.FloatField(default=0.0, editable=False)),
                ("error", models.CharField(blank=True, editable=False, max_length=500)),
                ("stored_as", models.CharField(blank=True, editable=False, max_length=255)),
                ("sha256", models.CharField(blank=True, editable=False, max_length=64)),
                ("size", models.PositiveBigIntegerField(editable=False, null=True)),
                ("lease", models.UUIDField(editable=False, null=True)),
                ("lease_until", models.DateTimeField(editable=False, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("next_retry_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(editable=False)),
                ("finished_at", models.DateTimeField(editable=False, null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decks",
                        to="sessions_app.labsession",
                    ),
                ),
            ],
            options={
                "verbose_name": "deck",
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["status", "next_retry_at"], name="decks_by_state")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "in_progress", "completed", "failed"])),
                        name="deck_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("lease__isnull", False), ("lease_until__isnull", False), ("status", "in_progress")
                            ),
                            models.Q(
                                models.Q(("status", "in_progress"), _negated=True),
                                ("lease__isnull", True),
                                ("lease_until__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="a_deck_has_a_lease_while_it_is_built",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "completed"), _negated=True),
                            models.Q(
                                models.Q(("stored_as", ""), _negated=True), models.Q(("sha256", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="a_finished_deck_is_somewhere",
                    ),
                ],
            },
        ),
    ]
