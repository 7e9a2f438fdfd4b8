"""Speech and its transcripts."""

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import biolab.kernel.ids


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("sessions_app", "0004_notebook_and_files"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Transcript",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("audio_chunk_id", models.CharField(max_length=255, verbose_name="recording")),
                ("duration_seconds", models.FloatField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("processing", "Being transcribed"),
                            ("done", "Transcribed"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("transcript", models.TextField(blank=True)),
                ("error", models.TextField(blank=True)),
                (
                    "confidence",
                    models.FloatField(blank=True, help_text="0 to 1, as the engine judges itself.", null=True),
                ),
                (
                    "words",
                    models.JSONField(
                        blank=True, default=list, help_text="As the engine heard them, with times in seconds."
                    ),
                ),
                ("engine", models.CharField(max_length=16)),
                (
                    "media_type",
                    models.CharField(
                        blank=True, help_text="What its content is, whatever its name says.", max_length=32
                    ),
                ),
                ("size", models.PositiveBigIntegerField(default=0, help_text="Bytes.")),
                ("sha256", models.CharField(blank=True, max_length=64, verbose_name="SHA-256")),
                ("stored_as", models.CharField(blank=True, max_length=255)),
                ("reviewed_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease", models.UUIDField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(editable=False)),
                ("updated_at", models.DateTimeField(editable=False)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "note",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="speech",
                        to="sessions_app.note",
                    ),
                ),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transcripts",
                        to="sessions_app.labsession",
                    ),
                ),
            ],
            options={
                "verbose_name": "transcript",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["session", "-created_at", "-id"], name="speech_of_a_session"),
                    models.Index(
                        condition=models.Q(("status__in", ["pending", "processing"])),
                        fields=["created_at"],
                        name="speech_to_be_done",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("session", "audio_chunk_id"), name="recordings_of_a_session_are_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "processing", "done", "failed"])),
                        name="speech_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "done"), _negated=True),
                            models.Q(("transcript", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="done_speech_says_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reviewed_at__isnull", True), ("reviewed_by__isnull", True)),
                            models.Q(
                                ("reviewed_at__isnull", False), ("reviewed_by__isnull", False), ("status", "done")
                            ),
                            _connector="OR",
                        ),
                        name="confirmed_speech_is_done",
                    ),
                ],
            },
        ),
    ]
