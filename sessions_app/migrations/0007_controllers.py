"""What controllers write: log entries, and experiments they hide."""

from typing import ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import biolab.kernel.ids


class Migration(migrations.Migration):
    dependencies: ClassVar = [("sessions_app", "0006_search_and_late_entries")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="labsession",
            name="hidden_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="off the controllers' lists"
            ),
        ),
        migrations.CreateModel(
            name="LogEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("content", models.CharField(max_length=500)),
                (
                    "type",
                    models.CharField(
                        choices=[("info", "Information"), ("warning", "Warning"), ("error", "Error")],
                        default="info",
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("read_at", models.DateTimeField(blank=True, null=True, verbose_name="marked as read")),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn")),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="log_entries",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "verbose_name": "log entry",
                "verbose_name_plural": "log entries",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["team", "-created_at", "-id"], name="log_of_a_team"),
                    models.Index(fields=["-created_at", "-id"], name="log_newest_first"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("type__in", ["info", "warning", "error"])), name="log_type_is_known"
                    )
                ],
            },
        ),
    ]
