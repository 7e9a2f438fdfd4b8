"""Devices whose channels are tied to ours."""

from typing import ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import biolab.kernel.ids

KEY = models.UUIDField(default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("telemetry_app", "0002_tables_that_only_grow")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Plugin",
            fields=[
                ("id", KEY.clone()),
                (
                    "plugin_id",
                    models.CharField(
                        help_text="As the controller's driver calls itself.", max_length=100, verbose_name="driver"
                    ),
                ),
                ("instance_name", models.CharField(max_length=255, verbose_name="name")),
                (
                    "demo_mode",
                    models.BooleanField(default=False, help_text="The driver makes its values up."),
                ),
                ("enabled", models.BooleanField(default=True, help_text="Controllers load it.")),
                (
                    "config_json",
                    models.TextField(
                        blank=True, help_text="A JSON object that the driver understands.", verbose_name="settings"
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="plugins", to="accounts.team"
                    ),
                ),
            ],
            options={
                "ordering": ["instance_name", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=["team", "instance_name"], name="one_plugin_per_name_and_team")
                ],
            },
        ),
        migrations.CreateModel(
            name="ChannelMapping",
            fields=[
                ("id", KEY.clone()),
                ("channel_id_of_device", models.CharField(max_length=100, verbose_name="channel of the device")),
                ("channel_name", models.CharField(max_length=255, verbose_name="its name")),
                (
                    "direction",
                    models.CharField(
                        choices=[
                            ("input", "Read from the device"),
                            ("output", "Written to the device"),
                            ("bidirectional", "Both ways"),
                        ],
                        default="input",
                        max_length=16,
                    ),
                ),
                ("unit", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "channel",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mappings",
                        to="telemetry_app.channel",
                        verbose_name="our channel",
                    ),
                ),
                (
                    "plugin",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mappings",
                        to="telemetry_app.plugin",
                    ),
                ),
            ],
            options={
                "verbose_name": "channel mapping",
                "ordering": ["channel_id_of_device", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["plugin", "channel_id_of_device"], name="one_mapping_per_channel_of_a_device"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("direction__in", ["input", "output", "bidirectional"])),
                        name="mapping_direction_is_known",
                    ),
                ],
            },
        ),
    ]
