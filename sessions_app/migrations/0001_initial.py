import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import biolab.kernel.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_places_at_the_compliance_desk"),
        ("accounts", "__first__"),
    ]

    operations = [
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
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("code", ""), _negated=True),
                        fields=("team", "code"),
                        name="equipment_codes_are_unique_in_a_team",
                    )
                ],
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
                "indexes": [
                    models.Index(fields=["equipment", "-performed_at", "-id"], name="calibrations_newest_first")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("due_at__gt", models.F("performed_at"))),
                        name="calibration_due_after_it_was_done",
                    )
                ],
            },
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
        migrations.CreateModel(
            name="Protocol",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("title", models.CharField(max_length=255)),
                ("ordered", models.BooleanField(default=False, help_text="Steps may only be done in order.")),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("retired", "Retired")], default="active", max_length=16
                    ),
                ),
                ("current_version", models.PositiveIntegerField(default=1, editable=False)),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="protocols", to="accounts.team"
                    ),
                ),
            ],
            options={
                "ordering": ["title", "id"],
            },
        ),
        migrations.CreateModel(
            name="ProtocolVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("title", models.CharField(max_length=255)),
                ("content", models.TextField()),
                ("variables", models.JSONField(default=list)),
                ("ordered", models.BooleanField(default=False)),
                ("digest", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "protocol",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="sessions_app.protocol"
                    ),
                ),
            ],
            options={
                "ordering": ["protocol", "-version"],
                "constraints": [
                    models.UniqueConstraint(fields=("protocol", "version"), name="protocol_versions_are_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="LabSession",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("completed", "Completed"),
                            ("aborted", "Aborted"),
                        ],
                        default="planned",
                        max_length=16,
                    ),
                ),
                ("parameters", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("planned_for", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("legal_hold", models.BooleanField(default=False)),
                (
                    "hidden_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="off the controllers' lists"
                    ),
                ),
                (
                    "imported_from",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="SHA-256 of the archive it was read from.",
                        max_length=64,
                        verbose_name="archive",
                    ),
                ),
                ("genesis", models.CharField(editable=False, max_length=64)),
                ("head_sequence", models.PositiveBigIntegerField(default=0, editable=False)),
                ("head_hash", models.CharField(editable=False, max_length=64)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "crew",
                    models.ManyToManyField(blank=True, related_name="crewed_sessions", to=settings.AUTH_USER_MODEL),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="sessions", to="accounts.team"
                    ),
                ),
                (
                    "protocol_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sessions",
                        to="sessions_app.protocolversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["team", "-created_at", "-id"], name="sessions_of_a_team"),
                    models.Index(fields=["-created_at", "-id"], name="sessions_newest_first"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["planned", "running", "paused", "completed", "aborted"])),
                        name="session_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", False), ("status__in", ["aborted", "completed"])),
                            models.Q(
                                models.Q(("status__in", ["aborted", "completed"]), _negated=True),
                                ("ended_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="session_ended_at_iff_ended",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportedSession",
            fields=[
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="imported",
                        serialize=False,
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "sha256",
                    models.CharField(help_text="Of the archive.", max_length=64, unique=True, verbose_name="SHA-256"),
                ),
                (
                    "stored_as",
                    models.CharField(help_text="Where the archive itself is kept.", max_length=255, unique=True),
                ),
                ("export_id", models.CharField(max_length=80)),
                ("version", models.PositiveIntegerField()),
                ("key_id", models.CharField(help_text="Of the key that the archive is signed with.", max_length=16)),
                (
                    "keys",
                    models.JSONField(
                        default=dict, help_text="Public keys behind its checkpoints, in hex, by their ids."
                    ),
                ),
                ("protocol_digest", models.CharField(blank=True, max_length=64)),
                ("imported_at", models.DateTimeField()),
                (
                    "imported_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "imported session",
                "ordering": ["-imported_at"],
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sequence", models.PositiveBigIntegerField()),
                ("canonical", models.TextField()),
                ("signature", models.CharField(max_length=128)),
                ("key_id", models.CharField(max_length=16)),
                ("created_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checkpoints",
                        to="sessions_app.labsession",
                    ),
                ),
            ],
            options={
                "ordering": ["session", "-sequence", "-created_at"],
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
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("timestamp", models.DateTimeField()),
                ("speaker", models.CharField(blank=True, max_length=255)),
                ("content", models.TextField()),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("observation", "Observation"),
                            ("command", "Command"),
                            ("system", "System"),
                            ("detail", "Detail"),
                            ("anomaly", "Anomaly"),
                            ("summary", "Summary"),
                        ],
                        default="observation",
                        max_length=16,
                    ),
                ),
                ("tags", models.JSONField(blank=True, default=list)),
                ("telemetry_snapshot", models.JSONField(blank=True, default=dict)),
                ("version", models.PositiveIntegerField(default=1)),
                ("late_entry", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(editable=False)),
                ("updated_at", models.DateTimeField(editable=False)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="sessions_app.labsession"
                    ),
                ),
            ],
            options={
                "ordering": ["timestamp", "id"],
                "indexes": [models.Index(fields=["session", "timestamp", "id"], name="notes_of_a_session")],
            },
        ),
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
                "indexes": [
                    models.Index(fields=["team", "-created_at", "-id"], name="entries_of_a_team"),
                    models.Index(fields=["session", "-created_at", "-id"], name="entries_of_a_session"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["draft", "signed", "witnessed"])),
                        name="entry_status_is_known",
                    )
                ],
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
                "constraints": [models.UniqueConstraint(fields=("entry", "version"), name="entry_versions_are_unique")],
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
                "constraints": [
                    models.UniqueConstraint(fields=("entry", "meaning"), name="an_entry_is_signed_and_witnessed_once"),
                    models.UniqueConstraint(fields=("entry", "signer"), name="nobody_witnesses_their_own_entry"),
                ],
            },
        ),
        migrations.CreateModel(
            name="NoteVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("action", models.CharField(max_length=16)),
                ("content", models.TextField()),
                ("speaker", models.CharField(blank=True, max_length=255)),
                ("type", models.CharField(max_length=16)),
                ("tags", models.JSONField(default=list)),
                ("telemetry_snapshot", models.JSONField(default=dict)),
                ("reason", models.TextField(blank=True)),
                ("by_name", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="sessions_app.note"
                    ),
                ),
            ],
            options={
                "ordering": ["note", "version"],
                "constraints": [models.UniqueConstraint(fields=("note", "version"), name="note_versions_are_unique")],
            },
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("index", models.PositiveIntegerField()),
                ("instruction", models.TextField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("in_progress", "In progress"),
                            ("completed", "Completed"),
                            ("skipped", "Skipped"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("planned_duration_s", models.PositiveIntegerField(blank=True, null=True)),
                ("values", models.JSONField(blank=True, default=dict)),
                (
                    "completed_by",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="sessions_app.labsession"
                    ),
                ),
            ],
            options={
                "ordering": ["session", "index"],
                "constraints": [
                    models.UniqueConstraint(fields=("session", "index"), name="step_indexes_are_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "in_progress", "completed", "skipped"])),
                        name="step_status_is_known",
                    ),
                ],
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
                "constraints": [
                    models.UniqueConstraint(fields=("step", "name"), name="steps_are_approved_once_by_name")
                ],
            },
        ),
        migrations.CreateModel(
            name="TimelineEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sequence", models.PositiveBigIntegerField()),
                ("kind", models.CharField(max_length=100)),
                ("occurred_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("prev_hash", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64)),
                ("canonical", models.TextField()),
                ("key", models.CharField(blank=True, max_length=200)),
                (
                    "actor",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="sessions_app.labsession"
                    ),
                ),
            ],
            options={
                "ordering": ["session", "sequence"],
                "indexes": [models.Index(fields=["session", "kind", "sequence"], name="events_by_kind")],
                "constraints": [
                    models.UniqueConstraint(fields=("session", "sequence"), name="event_sequence_is_unique"),
                    models.UniqueConstraint(
                        condition=models.Q(("key", ""), _negated=True),
                        fields=("session", "key"),
                        name="event_key_is_unique",
                    ),
                ],
            },
        ),
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
