import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import biolab.kernel.ids
import telemetry_app.models.readings


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_places_at_the_compliance_desk"),
        ("accounts", "__first__"),
        ("sessions_app", "0003_search_in_notes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("position", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "source",
                    models.CharField(help_text="Public id of the person or service token that sent it.", max_length=40),
                ),
                ("address_kind", models.CharField(help_text="The way in, such as http.", max_length=16)),
                ("batch_id", models.CharField(max_length=255)),
                ("body_sha256", models.CharField(max_length=64)),
                ("received_at", models.DateTimeField()),
                ("first_at", models.BigIntegerField(help_text="Microseconds since 1970.")),
                ("last_at", models.BigIntegerField(help_text="Microseconds since 1970.")),
                ("count", models.PositiveIntegerField(help_text="Readings in it, one per channel and microsecond.")),
                ("accepted", models.PositiveIntegerField(help_text="Rows as received.")),
                ("late", models.PositiveIntegerField()),
                ("flagged", models.PositiveIntegerField()),
                (
                    "channel_ids",
                    models.BinaryField(help_text="16 bytes for each channel, in the order of the columns."),
                ),
                ("columns", models.BinaryField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.servicetoken",
                    ),
                ),
            ],
            options={
                "verbose_name": "batch",
                "verbose_name_plural": "batches",
                "ordering": ["position"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("columns__isnull", False)),
                        fields=["session", "position"],
                        name="segments_not_yet_folded",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("session__isnull", False)),
                        fields=("session", "source", "batch_id"),
                        name="one_batch_per_session_source_and_id",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("session__isnull", True)),
                        fields=("source", "batch_id"),
                        name="one_batch_per_source_and_id",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Channel",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("unit", models.CharField(blank=True, max_length=64)),
                ("min_value", models.FloatField(blank=True, null=True, verbose_name="minimum")),
                ("max_value", models.FloatField(blank=True, null=True, verbose_name="maximum")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("sensor", "Sensor"),
                            ("actuator", "Actuator"),
                            ("range", "Range"),
                            ("cmd_button", "Command button"),
                            ("cmd_opened", "Opened command"),
                            ("cmd_closed", "Closed command"),
                        ],
                        default="sensor",
                        max_length=16,
                    ),
                ),
                (
                    "pinned",
                    models.BooleanField(
                        default=False, help_text="Its latest value goes into notes and completed steps."
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("withdrawn_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "created_by",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="channels", to="accounts.team"
                    ),
                ),
            ],
            options={
                "ordering": ["name", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("team", "name"),
                        name="one_channel_per_name_and_team",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("min_value__isnull", True),
                            ("max_value__isnull", True),
                            ("min_value__lte", models.F("max_value")),
                            _connector="OR",
                        ),
                        name="channel_min_is_not_above_max",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("type__in", ["sensor", "actuator", "range", "cmd_button", "cmd_opened", "cmd_closed"])
                        ),
                        name="channel_type_is_known",
                    ),
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="channel_has_a_name"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Alarm",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(choices=[("limit", "Beyond its limits"), ("silence", "Silent")], max_length=8),
                ),
                (
                    "standing",
                    models.CharField(
                        blank=True,
                        choices=[("inside", "Inside"), ("low", "Below minimum"), ("high", "Above maximum")],
                        max_length=8,
                    ),
                ),
                ("value", models.FloatField(help_text="The reading that opened it; empty for silence.", null=True)),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("comment", models.TextField(blank=True)),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="alarms", to="sessions_app.labsession"
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="alarms", to="telemetry_app.channel"
                    ),
                ),
            ],
            options={
                "ordering": ["-opened_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("session", "channel", "kind"),
                        name="one_open_alarm_per_channel_and_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["limit", "silence"])), name="alarm_kind_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("acknowledged_at__isnull", True), ("acknowledged_by__isnull", False), _connector="OR"
                        ),
                        name="alarm_is_acknowledged_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Chunk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_at", models.BigIntegerField(help_text="Microseconds since 1970.")),
                ("last_at", models.BigIntegerField(help_text="Microseconds since 1970.")),
                ("count", models.PositiveIntegerField()),
                ("minimum", telemetry_app.models.readings.ExactFloat()),
                ("maximum", telemetry_app.models.readings.ExactFloat()),
                (
                    "total",
                    models.FloatField(help_text="Sum of the values; empty where it is beyond float64.", null=True),
                ),
                ("first", telemetry_app.models.readings.ExactFloat()),
                ("last", telemetry_app.models.readings.ExactFloat()),
                ("position", models.BigIntegerField(help_text="Receive order of the newest batch folded into it.")),
                ("codec", models.PositiveSmallIntegerField()),
                ("times", models.BinaryField()),
                ("values", models.BinaryField()),
                (
                    "rollup_step",
                    models.BigIntegerField(help_text="Microseconds that a piece of the rollup spans.", null=True),
                ),
                (
                    "rollup",
                    models.BinaryField(
                        help_text="Count, least, greatest and mean of each piece; for charts.", null=True
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="chunks",
                        to="telemetry_app.channel",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="telemetry_chunks",
                        to="sessions_app.labsession",
                    ),
                ),
            ],
            options={
                "ordering": ["channel", "first_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("session__isnull", False)),
                        fields=("session", "channel", "first_at"),
                        name="one_chunk_per_session_channel_and_start",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("session__isnull", True)),
                        fields=("channel", "first_at"),
                        name="one_chunk_per_channel_and_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("first_at__lte", models.F("last_at"))), name="chunk_ends_after_it_begins"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportJob",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("file_name", models.CharField(max_length=255)),
                ("format", models.CharField(max_length=8)),
                ("size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "stored_as",
                    models.CharField(help_text="Name of the file as received, in the artifact store.", max_length=255),
                ),
                (
                    "mapping",
                    models.JSONField(default=dict, help_text="Which columns hold time, channel, value and unit."),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("queued", "Waiting"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("rows_total", models.PositiveBigIntegerField(null=True)),
                ("rows_done", models.PositiveBigIntegerField(default=0)),
                ("created", models.PositiveBigIntegerField(default=0)),
                ("late", models.PositiveBigIntegerField(default=0)),
                ("flagged", models.PositiveBigIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease", models.UUIDField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="imports",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.servicetoken",
                    ),
                ),
            ],
            options={
                "verbose_name": "import",
                "ordering": ["-created_at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["queued", "running", "done", "failed"])),
                        name="import_status_is_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Latest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.BigIntegerField(help_text="Microseconds since 1970.")),
                ("prior_at", models.BigIntegerField(null=True)),
                (
                    "pace_us",
                    models.BigIntegerField(
                        help_text="Longest step lately between newest readings; each new one forgets an eighth of it.",
                        null=True,
                    ),
                ),
                (
                    "steps",
                    models.PositiveBigIntegerField(db_default=0, help_text="How often the newest time moved on."),
                ),
                ("value", telemetry_app.models.readings.ExactFloat()),
                ("position", models.BigIntegerField(help_text="Receive order of the batch that brought it.")),
                (
                    "standing",
                    models.CharField(
                        choices=[("inside", "Inside"), ("low", "Below minimum"), ("high", "Above maximum")],
                        default="inside",
                        max_length=8,
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="telemetry_app.channel",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sessions_app.labsession",
                    ),
                ),
            ],
            options={
                "verbose_name": "latest reading",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("session__isnull", False)),
                        fields=("session", "channel"),
                        name="one_latest_per_session",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("session__isnull", True)),
                        fields=("channel",),
                        name="one_latest_without_session",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Original",
            fields=[
                (
                    "segment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="original",
                        serialize=False,
                        to="telemetry_app.segment",
                    ),
                ),
                ("media_type", models.CharField(max_length=100)),
                ("body", models.BinaryField(help_text="Packed with zstd.")),
                ("size", models.PositiveIntegerField(help_text="Bytes before packing.")),
            ],
            options={
                "ordering": ["segment"],
            },
        ),
        migrations.CreateModel(
            name="Plugin",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "plugin_id",
                    models.CharField(
                        help_text="As the controller's driver calls itself.", max_length=100, verbose_name="driver"
                    ),
                ),
                ("instance_name", models.CharField(max_length=255, verbose_name="name")),
                ("demo_mode", models.BooleanField(default=False, help_text="The driver makes its values up.")),
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
                    models.UniqueConstraint(fields=("team", "instance_name"), name="one_plugin_per_name_and_team")
                ],
            },
        ),
        migrations.CreateModel(
            name="ChannelMapping",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="mappings", to="telemetry_app.plugin"
                    ),
                ),
            ],
            options={
                "verbose_name": "channel mapping",
                "ordering": ["channel_id_of_device", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("plugin", "channel_id_of_device"), name="one_mapping_per_channel_of_a_device"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("direction__in", ["input", "output", "bidirectional"])),
                        name="mapping_direction_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("first_at", models.BigIntegerField(help_text="Microseconds since 1970.")),
                ("last_at", models.BigIntegerField(help_text="Microseconds since 1970.")),
                ("count", models.PositiveIntegerField()),
                ("times", models.BinaryField()),
                ("values", models.BinaryField()),
                ("reason", models.TextField(blank=True)),
                ("withdrawn_at", models.DateTimeField()),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawals",
                        to="telemetry_app.channel",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["-withdrawn_at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("first_at__lte", models.F("last_at"))),
                        name="withdrawal_ends_after_it_begins",
                    )
                ],
            },
        ),
    ]
