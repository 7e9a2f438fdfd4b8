"""Equipment with calibrations, and what steps require."""

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import biolab.kernel.ids
from biolab.kernel.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accounts", "0003_notifications"),
        ("sessions_app", "0002_tables_that_only_grow"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Equipment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=200)),
                ("name", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True)),
                (
                    "first_due_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Empty for what needs no calibration.",
                        null=True,
                        verbose_name="first calibration due",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField(editable=False)),
                ("updated_at", models.DateTimeField(editable=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="equipment", to="accounts.team"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "equipment",
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="Calibration",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("performed_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                (
                    "reference",
                    models.CharField(blank=True, help_text="Number of the certificate, say.", max_length=255),
                ),
                ("notes", models.TextField(blank=True)),
                ("by_name", models.CharField(max_length=150)),
                ("recorded_at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "equipment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="calibrations",
                        to="sessions_app.equipment",
                    ),
                ),
            ],
            options={
                "ordering": ["equipment", "-performed_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="StepApproval",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("by_name", models.CharField(max_length=150)),
                ("role", models.CharField(max_length=16)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="sessions_app.step"
                    ),
                ),
            ],
            options={
                "ordering": ["step", "at"],
            },
        ),
        migrations.AddConstraint(
            model_name="equipment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("code", ""), _negated=True),
                fields=("team", "code"),
                name="equipment_codes_are_unique_in_a_team",
            ),
        ),
        migrations.AddIndex(
            model_name="calibration",
            index=models.Index(fields=["equipment", "-performed_at", "-id"], name="calibrations_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="calibration",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_at__gt", models.F("performed_at"))), name="calibration_due_after_it_was_done"
            ),
        ),
        migrations.AddConstraint(
            model_name="stepapproval",
            constraint=models.UniqueConstraint(fields=("step", "name"), name="steps_are_approved_once_by_name"),
        ),
        AppendOnly("Calibration"),
        AppendOnly("StepApproval"),
    ]
