import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import biolab.kernel.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_places_at_the_compliance_desk"),
        ("accounts", "__first__"),
        ("sessions_app", "0003_search_in_notes"),
    ]

    operations = [
        migrations.CreateModel(
            name="TemplateKey",
            fields=[
                ("key", models.CharField(max_length=120, primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name="AuditReview",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("first_sequence", models.PositiveBigIntegerField()),
                ("last_sequence", models.PositiveBigIntegerField()),
                ("first_hash", models.CharField(max_length=64)),
                ("last_hash", models.CharField(max_length=64)),
                ("printed_name", models.CharField(max_length=150)),
                ("typed", models.CharField(max_length=255)),
                ("meaning", models.CharField(max_length=32)),
                ("role", models.CharField(max_length=16)),
                ("notes", models.TextField(blank=True)),
                ("signed_at", models.DateTimeField()),
                ("zone", models.CharField(max_length=64)),
                ("canonical", models.TextField()),
                ("key_id", models.CharField(max_length=64)),
                ("seal", models.CharField(max_length=128)),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_reviews",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_reviews",
                        to="sessions_app.labsession",
                    ),
                ),
            ],
            options={
                "verbose_name": "audit-trail review",
                "ordering": ["-signed_at", "-id"],
                "indexes": [models.Index(fields=["session", "first_sequence"], name="reviews_of_a_session")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("first_sequence__gte", 1), ("last_sequence__gte", models.F("first_sequence"))
                        ),
                        name="a_review_covers_at_least_one_event",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TeamCalendar",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("time_zone", models.CharField(max_length=64)),
                ("weekly", models.JSONField()),
                ("holidays", models.JSONField(blank=True, default=list)),
                ("updated_at", models.DateTimeField()),
                (
                    "team",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="calendar", to="accounts.team"
                    ),
                ),
                (
                    "updated_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "working hours",
                "verbose_name_plural": "working hours",
                "ordering": ["team__name"],
            },
        ),
        migrations.CreateModel(
            name="WorkflowTemplate",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("name", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True)),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("published", "Published"), ("archived", "Archived")],
                        default="draft",
                        max_length=16,
                    ),
                ),
                ("is_latest", models.BooleanField(default=True)),
                (
                    "default_stage_sla_hours",
                    models.FloatField(
                        blank=True,
                        help_text="Hours for a stage that names none; empty means no due date.",
                        null=True,
                        verbose_name="default SLA (hours)",
                    ),
                ),
                (
                    "permitted_roles",
                    models.JSONField(blank=True, default=list, help_text="Roles a stage may ask for; none means all."),
                ),
                ("allow_self_approval", models.BooleanField(default=False, help_text="The asker may sign too.")),
                (
                    "allow_repeat_signers",
                    models.BooleanField(default=False, help_text="One person may sign several stages."),
                ),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "forked_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="forks",
                        to="governance_app.workflowtemplate",
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        db_column="template_key",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="governance_app.templatekey",
                    ),
                ),
            ],
            options={
                "verbose_name": "template",
                "ordering": ["key", "-version"],
                "constraints": [
                    models.UniqueConstraint(fields=("key", "version"), name="template_versions_are_unique"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_latest", True)),
                        fields=("key",),
                        name="one_latest_version_per_template_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["draft", "published", "archived"])),
                        name="template_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "archived"), _negated=True), ("is_latest", False), _connector="OR"
                        ),
                        name="an_archived_template_is_not_the_latest",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("default_stage_sla_hours__isnull", True),
                            ("default_stage_sla_hours__gt", 0),
                            _connector="OR",
                        ),
                        name="template_sla_is_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TemplateSnapshot",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(db_column="template_key", max_length=120)),
                ("version", models.PositiveIntegerField()),
                ("status", models.CharField(default="published", max_length=16)),
                ("captured_at", models.DateTimeField()),
                ("payload_text", models.TextField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "captured_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "template",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="snapshot",
                        to="governance_app.workflowtemplate",
                    ),
                ),
            ],
            options={
                "verbose_name": "snapshot",
                "ordering": ["-captured_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("key", "version"), name="snapshots_are_unique_per_version")
                ],
            },
        ),
        migrations.CreateModel(
            name="ApprovalRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("subject_prefix", models.CharField(max_length=48)),
                ("subject_key", models.CharField(max_length=48)),
                ("subject_id", models.CharField(max_length=80)),
                ("subject_digest", models.CharField(max_length=64)),
                ("content_digest", models.CharField(max_length=64)),
                ("subject_label", models.CharField(blank=True, max_length=255)),
                ("subject_path", models.CharField(blank=True, max_length=255)),
                ("snapshot_digest", models.CharField(blank=True, max_length=64)),
                ("allow_self_approval", models.BooleanField(default=False)),
                ("allow_repeat_signers", models.BooleanField(default=False)),
                ("asked_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approval_requests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approval_requests",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="governance_app.templatesnapshot",
                    ),
                ),
            ],
            options={
                "verbose_name": "approval request",
                "ordering": ["-asked_at", "-id"],
                "indexes": [models.Index(fields=["state", "-asked_at"], name="requests_by_state")],
                "constraints": [
                    models.UniqueConstraint(fields=("subject_prefix", "subject_id"), name="one_ladder_per_subject"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "approved", "rejected", "withdrawn"])),
                        name="ladder_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "withdrawn"), ("withdrawn_at__isnull", False)),
                            models.Q(models.Q(("state", "withdrawn"), _negated=True), ("withdrawn_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="withdrawn_at_iff_withdrawn",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApprovalStage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sequence_index", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=255)),
                (
                    "required_role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("manager", "Manager"),
                            ("lead", "Lead"),
                            ("scientist", "Scientist"),
                            ("reviewer", "Reviewer"),
                            ("approver", "Approver"),
                            ("qa", "QA"),
                            ("operator", "Operator"),
                            ("observer", "Observer"),
                        ],
                        max_length=16,
                    ),
                ),
                ("quorum", models.PositiveSmallIntegerField(default=1)),
                ("meanings", models.JSONField(blank=True, default=list)),
                ("sla_hours", models.FloatField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Not reached"),
                            ("in_progress", "In progress"),
                            ("delegated", "Delegated"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("reset", "Put back"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("round", models.PositiveIntegerField(default=1, help_text="Grows each time the stage is put back.")),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("overdue_notified_at", models.DateTimeField(blank=True, null=True)),
                ("notes", models.TextField(blank=True)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "delegated_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stages",
                        to="governance_app.approvalrequest",
                    ),
                ),
            ],
            options={
                "verbose_name": "approval stage",
                "ordering": ["request", "sequence_index"],
                "indexes": [models.Index(fields=["status", "due_at"], name="stages_by_due_date")],
                "constraints": [
                    models.UniqueConstraint(fields=("request", "sequence_index"), name="stages_have_one_place_each"),
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["delegated", "in_progress"])),
                        fields=("request",),
                        name="one_open_stage_per_ladder",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sequence_index__gte", 1)), name="stages_count_from_one"
                    ),
                    models.CheckConstraint(condition=models.Q(("quorum__gte", 1)), name="a_stage_wants_a_signature"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["pending", "in_progress", "delegated", "approved", "rejected", "reset"])
                        ),
                        name="stage_status_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StageAction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("round", models.PositiveIntegerField()),
                (
                    "place",
                    models.PositiveSmallIntegerField(
                        help_text="Which of the stage's signatures this is, from 1.", null=True
                    ),
                ),
                (
                    "action_type",
                    models.CharField(
                        choices=[
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("delegated", "Delegated"),
                            ("reassigned", "Reassigned"),
                            ("reset", "Put back"),
                            ("comment", "Comment"),
                            ("escalated", "Escalated"),
                        ],
                        max_length=16,
                    ),
                ),
                ("signature", models.CharField(blank=True, max_length=255)),
                ("meaning", models.CharField(blank=True, max_length=32)),
                ("notes", models.TextField(blank=True)),
                ("metadata", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stage_actions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "delegation_target",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "stage",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="actions",
                        to="governance_app.approvalstage",
                    ),
                ),
            ],
            options={
                "verbose_name": "stage action",
                "ordering": ["stage", "created_at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("place__isnull", False)),
                        fields=("stage", "round", "actor"),
                        name="nobody_signs_a_stage_twice",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("place__isnull", False)),
                        fields=("stage", "round", "place"),
                        name="one_signature_per_place",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("action_type__in", ["approved", "rejected"]),
                                ("actor__isnull", False),
                                ("place__isnull", False),
                            ),
                            models.Q(
                                models.Q(("action_type__in", ["approved", "rejected"]), _negated=True),
                                ("place__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="decisions_take_a_place",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LadderPreview",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField(help_text="Counts the session's previews from 1.")),
                ("body", models.JSONField(help_text="The answer, and the stages as the guardrails compare them.")),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ladder_previews",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "baseline_snapshot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance_app.templatesnapshot",
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance_app.templatesnapshot",
                    ),
                ),
            ],
            options={
                "verbose_name": "preview",
                "ordering": ["-created_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("session", "number"), name="previews_of_a_session_are_numbered")
                ],
            },
        ),
        migrations.CreateModel(
            name="GuardrailSimulation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField(help_text="Counts the session's simulations from 1.")),
                ("comparisons", models.JSONField()),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("state", models.CharField(choices=[("blocked", "Blocked"), ("clear", "Clear")], max_length=16)),
                ("reasons", models.JSONField(blank=True, default=list)),
                ("projected_delay_minutes", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="guardrail_simulations",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "preview",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="simulations",
                        to="governance_app.ladderpreview",
                    ),
                ),
            ],
            options={
                "verbose_name": "guardrail simulation",
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["-created_at", "-id"], name="simulations_newest_first")],
                "constraints": [
                    models.UniqueConstraint(fields=("session", "number"), name="simulations_of_a_session_are_numbered"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["blocked", "clear"])), name="guardrail_state_is_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GuardrailWaiver",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("printed_name", models.CharField(max_length=150)),
                ("typed", models.CharField(max_length=255)),
                ("meaning", models.CharField(max_length=32)),
                ("reason", models.TextField()),
                ("simulation_digest", models.CharField(max_length=64)),
                ("chain_sequence", models.PositiveBigIntegerField()),
                ("chain_head", models.CharField(max_length=64)),
                ("signed_at", models.DateTimeField()),
                ("zone", models.CharField(max_length=64)),
                ("canonical", models.TextField()),
                ("key_id", models.CharField(max_length=64)),
                ("seal", models.CharField(max_length=128)),
                (
                    "signer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="guardrail_waivers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "simulation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waiver",
                        to="governance_app.guardrailsimulation",
                    ),
                ),
            ],
            options={
                "verbose_name": "guardrail waiver",
                "ordering": ["-signed_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Signature",
            fields=[
                (
                    "action",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="seal",
                        serialize=False,
                        to="governance_app.stageaction",
                    ),
                ),
                ("printed_name", models.CharField(max_length=150)),
                ("typed", models.CharField(max_length=255)),
                ("decision", models.CharField(max_length=16)),
                ("meaning", models.CharField(max_length=32)),
                ("role", models.CharField(max_length=16)),
                ("subject_digest", models.CharField(max_length=64)),
                ("snapshot_digest", models.CharField(blank=True, max_length=64)),
                ("chain_sequence", models.PositiveBigIntegerField()),
                ("chain_head", models.CharField(max_length=64)),
                ("signed_at", models.DateTimeField()),
                ("zone", models.CharField(max_length=64)),
                ("canonical", models.TextField()),
                ("key_id", models.CharField(max_length=64)),
                ("seal", models.CharField(max_length=128)),
                (
                    "signer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-signed_at"],
            },
        ),
        migrations.CreateModel(
            name="TemplateStage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=255)),
                (
                    "required_role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("manager", "Manager"),
                            ("lead", "Lead"),
                            ("scientist", "Scientist"),
                            ("reviewer", "Reviewer"),
                            ("approver", "Approver"),
                            ("qa", "QA"),
                            ("operator", "Operator"),
                            ("observer", "Observer"),
                        ],
                        max_length=16,
                    ),
                ),
                ("sla_hours", models.FloatField(blank=True, null=True, verbose_name="SLA (hours)")),
                ("quorum", models.PositiveSmallIntegerField(default=1)),
                ("meanings", models.JSONField(blank=True, default=list)),
                ("stage_step_indexes", models.JSONField(blank=True, default=list)),
                ("stage_gate_keys", models.JSONField(blank=True, default=list)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stages",
                        to="governance_app.workflowtemplate",
                    ),
                ),
            ],
            options={
                "verbose_name": "stage",
                "ordering": ["template", "position"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("template", "position"), name="template_stages_have_one_place_each"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("quorum__gte", 1)), name="template_stage_wants_a_signature"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sla_hours__isnull", True), ("sla_hours__gt", 0), _connector="OR"),
                        name="template_stage_sla_is_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TemplateAudit",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=64)),
                ("detail", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_entries",
                        to="governance_app.templatesnapshot",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_entries",
                        to="governance_app.workflowtemplate",
                    ),
                ),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit entries",
                "ordering": ["-created_at", "-id"],
                "indexes": [models.Index(fields=["template", "-created_at", "-id"], name="audit_of_a_template")],
            },
        ),
        migrations.CreateModel(
            name="TemplateAssignment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "protocol",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="template_assignments",
                        to="sessions_app.protocol",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="template_assignments",
                        to="accounts.team",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="governance_app.workflowtemplate",
                    ),
                ),
            ],
            options={
                "verbose_name": "assignment",
                "ordering": ["-created_at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("protocol__isnull", True), ("team__isnull", False)),
                            models.Q(("protocol__isnull", False), ("team__isnull", True)),
                            _connector="OR",
                        ),
                        name="assigned_to_a_team_or_a_protocol",
                        violation_error_message="Choose either a team or a protocol.",
                    ),
                    models.UniqueConstraint(fields=("template", "team"), name="one_assignment_per_template_and_team"),
                    models.UniqueConstraint(
                        fields=("template", "protocol"), name="one_assignment_per_template_and_protocol"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GovernanceBaseline",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True)),
                ("labels", models.JSONField(blank=True, default=list, help_text="Each a key and a value.")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("submitted", "Submitted"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("published", "Published"),
                            ("rolled_back", "Rolled back"),
                        ],
                        default="submitted",
                        max_length=16,
                    ),
                ),
                ("is_current", models.BooleanField(default=False)),
                ("version_number", models.PositiveIntegerField(blank=True, null=True)),
                ("content_digest", models.CharField(editable=False, max_length=64)),
                ("submitted_at", models.DateTimeField()),
                ("reviewed_at", models.DateTimeField(blank=True, null=True)),
                ("review_notes", models.TextField(blank=True)),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("publish_notes", models.TextField(blank=True)),
                ("rolled_back_at", models.DateTimeField(blank=True, null=True)),
                ("rollback_notes", models.TextField(blank=True)),
                ("updated_at", models.DateTimeField()),
                (
                    "protocol",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="baselines",
                        to="sessions_app.protocol",
                    ),
                ),
                (
                    "published_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                    "rolled_back_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "rolled_back_to",
                    models.ForeignKey(
                        blank=True,
                        help_text="The version that became current in its place.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance_app.governancebaseline",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="baselines",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "submitted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="baselines",
                        to="governance_app.templatesnapshot",
                    ),
                ),
            ],
            options={
                "verbose_name": "baseline",
                "ordering": ["-submitted_at", "-id"],
                "indexes": [
                    models.Index(fields=["-submitted_at", "-id"], name="baselines_newest_first"),
                    models.Index(fields=["session", "-submitted_at", "-id"], name="baselines_of_a_session"),
                    models.Index(fields=["protocol", "-submitted_at", "-id"], name="baselines_of_a_protocol"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_current", True)),
                        fields=("protocol",),
                        name="one_current_baseline_per_protocol",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("version_number__isnull", False)),
                        fields=("protocol", "version_number"),
                        name="baseline_numbers_are_not_reused",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["submitted", "approved", "rejected", "published", "rolled_back"])
                        ),
                        name="baseline_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_current", False), ("status", "published"), _connector="OR"),
                        name="only_a_published_baseline_is_current",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("published_at__isnull", False),
                                ("status__in", ["published", "rolled_back"]),
                                ("version_number__gte", 1),
                            ),
                            models.Q(
                                models.Q(("status__in", ["published", "rolled_back"]), _negated=True),
                                ("published_at__isnull", True),
                                ("version_number__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="baselines_are_numbered_when_published",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("rolled_back_at__isnull", False), ("status", "rolled_back")),
                            models.Q(
                                models.Q(("status", "rolled_back"), _negated=True), ("rolled_back_at__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="baseline_rolled_back_at_iff_rolled_back",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BaselineReviewer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("assigned_at", models.DateTimeField()),
                (
                    "assigned_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "baseline",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviewer_rows",
                        to="governance_app.governancebaseline",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="baseline_reviews",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "reviewer",
                "ordering": ["assigned_at", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("baseline", "person"), name="nobody_reviews_a_baseline_twice_over")
                ],
            },
        ),
        migrations.CreateModel(
            name="BaselineContent",
            fields=[
                (
                    "baseline",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="frozen",
                        serialize=False,
                        to="governance_app.governancebaseline",
                    ),
                ),
                ("text", models.TextField()),
            ],
            options={
                "verbose_name": "frozen content",
            },
        ),
        migrations.CreateModel(
            name="GovernanceBaselineEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("action", models.CharField(max_length=40)),
                ("notes", models.TextField(blank=True)),
                ("detail", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "baseline",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="governance_app.governancebaseline",
                    ),
                ),
            ],
            options={
                "verbose_name": "baseline event",
                "ordering": ["created_at", "id"],
                "indexes": [models.Index(fields=["baseline", "created_at", "id"], name="events_of_a_baseline")],
            },
        ),
        migrations.CreateModel(
            name="OverrideAction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("recommendation_id", models.CharField(max_length=120)),
                ("rule", models.CharField(max_length=48)),
                (
                    "action",
                    models.CharField(
                        choices=[("reassign", "Reassign"), ("cooldown", "Cool down"), ("escalate", "Escalate")],
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("executed", "Executed"),
                            ("reversed", "Reversed"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reversible", models.BooleanField(default=False)),
                ("notes", models.TextField(blank=True)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("lineage", models.JSONField(blank=True, null=True)),
                ("before", models.JSONField(blank=True, default=dict)),
                ("after", models.JSONField(blank=True, default=dict)),
                ("cooldown_window_minutes", models.PositiveIntegerField(blank=True, null=True)),
                ("cooldown_expires_at", models.DateTimeField(blank=True, null=True)),
                ("content_hash", models.CharField(editable=False, max_length=64, unique=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="override_actions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "baseline",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="override_actions",
                        to="governance_app.governancebaseline",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="override_actions",
                        to="sessions_app.labsession",
                    ),
                ),
                (
                    "target_reviewer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "override",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["session", "-created_at", "-id"], name="overrides_of_a_session"),
                    models.Index(
                        fields=["session", "recommendation_id", "-created_at"], name="overrides_by_recommendation"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "executed")),
                        fields=("session", "recommendation_id"),
                        name="one_standing_override_each",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["accepted", "declined", "executed", "reversed"])),
                        name="override_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("action__in", ["reassign", "cooldown", "escalate"])),
                        name="override_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reversible", False), ("status", "executed"), _connector="OR"),
                        name="only_executed_overrides_reverse",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CoachingNote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("body", models.TextField()),
                (
                    "moderation_state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("published", "Published"),
                            ("flagged", "Flagged"),
                            ("resolved", "Resolved"),
                            ("removed", "Removed"),
                        ],
                        default="published",
                        max_length=16,
                    ),
                ),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="coaching_notes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replies",
                        to="governance_app.coachingnote",
                    ),
                ),
                (
                    "thread_root",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance_app.coachingnote",
                    ),
                ),
                (
                    "override",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="coaching_notes",
                        to="governance_app.overrideaction",
                    ),
                ),
            ],
            options={
                "verbose_name": "coaching note",
                "ordering": ["created_at", "id"],
                "indexes": [models.Index(fields=["override", "created_at", "id"], name="coaching_notes_of_one")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("moderation_state__in", ["draft", "published", "flagged", "resolved", "removed"])
                        ),
                        name="moderation_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("parent__isnull", True), ("thread_root__isnull", True)),
                            models.Q(("parent__isnull", False), ("thread_root__isnull", False)),
                            _connector="OR",
                        ),
                        name="replies_have_a_thread",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CoachingNoteEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("action", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("published", "Published"),
                            ("flagged", "Flagged"),
                            ("resolved", "Resolved"),
                            ("removed", "Removed"),
                        ],
                        max_length=16,
                    ),
                ),
                ("actor_name", models.CharField(max_length=150)),
                ("body", models.TextField()),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("reason", models.TextField(blank=True)),
                ("occurred_at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="moderation",
                        to="governance_app.coachingnote",
                    ),
                ),
            ],
            options={
                "verbose_name": "coaching note's history",
                "ordering": ["note", "version"],
                "constraints": [
                    models.UniqueConstraint(fields=("note", "version"), name="coaching_note_versions_are_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="OverrideReversal",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=biolab.kernel.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("actor_name", models.CharField(max_length=150)),
                ("standing", models.CharField(help_text="What gave the person the right.", max_length=32)),
                ("rank", models.PositiveSmallIntegerField()),
                ("notes", models.TextField(blank=True)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("diffs", models.JSONField(default=list, help_text="Each a field, what it was before and after.")),
                ("cooldown_minutes", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "override",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversal",
                        to="governance_app.overrideaction",
                    ),
                ),
            ],
            options={
                "verbose_name": "reversal",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddField(
            model_name="governancebaseline",
            name="reviewers",
            field=models.ManyToManyField(
                related_name="baselines_to_review",
                through="governance_app.BaselineReviewer",
                through_fields=("baseline", "person"),
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
