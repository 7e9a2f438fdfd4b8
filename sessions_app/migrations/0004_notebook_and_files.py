"""Notebook entries with versions, and files."""

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import biolab.kernel.ids
from biolab.kernel.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accounts", "0003_notifications"),
        ("sessions_app", "0003_equipment"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="NotebookEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("late_entry", models.BooleanField(default=False, help_text="Made after the session had ended.")),
                ("created_at", models.DateTimeField(editable=False)),
                ("title", models.CharField(max_length=255)),
                ("content", models.TextField(blank=True)),
                ("version", models.PositiveIntegerField(default=1)),
                ("digest", models.CharField(editable=False, max_length=64)),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("signed", "Signed"), ("witnessed", "Witnessed")],
                        default="draft",
                        max_length=16,
                    ),
                ),
                ("updated_at", models.DateTimeField(editable=False)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
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
                        related_name="+",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.team"
                    ),
                ),
            ],
            options={
                "verbose_name": "notebook entry",
                "verbose_name_plural": "notebook entries",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="EntryVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("action", models.CharField(max_length=16)),
                ("title", models.CharField(max_length=255)),
                ("content", models.TextField(blank=True)),
                ("digest", models.CharField(max_length=64)),
                ("reason", models.TextField(blank=True)),
                ("by_name", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="sessions_app.notebookentry",
                    ),
                ),
            ],
            options={
                "verbose_name": "version of a notebook entry",
                "verbose_name_plural": "versions of notebook entries",
                "ordering": ["entry", "version"],
            },
        ),
        migrations.CreateModel(
            name="EntrySignature",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "meaning",
                    models.CharField(choices=[("authorship", "Authorship"), ("witness", "Witness")], max_length=16),
                ),
                ("printed_name", models.CharField(max_length=150)),
                ("typed", models.CharField(max_length=255)),
                ("role", models.CharField(max_length=16)),
                ("signed_at", models.DateTimeField()),
                ("zone", models.CharField(max_length=64)),
                ("canonical", models.TextField()),
                ("seal", models.CharField(max_length=128)),
                ("key_id", models.CharField(max_length=64)),
                (
                    "signer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to="sessions_app.notebookentry",
                    ),
                ),
            ],
            options={
                "verbose_name": "signature under a notebook entry",
                "verbose_name_plural": "signatures under notebook entries",
                "ordering": ["entry", "signed_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="LabFile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("late_entry", models.BooleanField(default=False, help_text="Made after the session had ended.")),
                ("created_at", models.DateTimeField(editable=False)),
                ("filename", models.CharField(max_length=255)),
                (
                    "file_type",
                    models.CharField(help_text="What its content is, whatever its name says.", max_length=127),
                ),
                ("size", models.PositiveBigIntegerField(help_text="Bytes.")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("stored_as", models.CharField(max_length=255, unique=True)),
                ("description", models.TextField(blank=True)),
                ("reason", models.TextField(blank=True)),
                ("preview", models.JSONField(blank=True, default=dict)),
                (
                    "created_by",
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
                        related_name="+",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.team"
                    ),
                ),
            ],
            options={
                "verbose_name": "file",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["team", "-created_at", "-id"], name="files_of_a_team"),
                    models.Index(fields=["session", "-created_at", "-id"], name="files_of_a_session"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="notebookentry",
            index=models.Index(fields=["team", "-created_at", "-id"], name="entries_of_a_team"),
        ),
        migrations.AddIndex(
            model_name="notebookentry",
            index=models.Index(fields=["session", "-created_at", "-id"], name="entries_of_a_session"),
        ),
        migrations.AddConstraint(
            model_name="notebookentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["draft", "signed", "witnessed"])), name="entry_status_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="entryversion",
            constraint=models.UniqueConstraint(fields=("entry", "version"), name="entry_versions_are_unique"),
        ),
        migrations.AddConstraint(
            model_name="entrysignature",
            constraint=models.UniqueConstraint(
                fields=("entry", "meaning"), name="an_entry_is_signed_and_witnessed_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="entrysignature",
            constraint=models.UniqueConstraint(fields=("entry", "signer"), name="nobody_witnesses_their_own_entry"),
        ),
        AppendOnly("EntryVersion"),
        AppendOnly("EntrySignature"),
        AppendOnly("LabFile"),
    ]
