"""Templates as they are edited, snapshots as they were published, and where each applies."""

from __future__ import annotations

import json
from typing import Any, Self

from django.conf import settings
from django.db import models

from biolab.accounts.models import Team
from biolab.accounts.roles import Role
from biolab.kernel.canonical import sha256
from biolab.kernel.ids import Identified
from governance_app.states import TemplateStatus
from sessions_app.models import Protocol


class TemplateKeyQuerySet(models.QuerySet["TemplateKey"]):
    """Keys, and the lock that writers of their templates take."""

    def hold(self, key: str) -> TemplateKey:
        """Return the row of ``key``, made where there is none, locked until the transaction ends."""
        self.get_or_create(key=key)
        return self.select_for_update(no_key=True, of=("self",)).get(key=key)


TemplateKeyManager = models.Manager.from_queryset(TemplateKeyQuerySet)


class TemplateKey(models.Model):
    """The name that all versions of one template share; whoever changes a version holds this row first."""

    key = models.CharField(max_length=120, primary_key=True)

    objects = TemplateKeyManager()

    def __str__(self) -> str:
        return self.key


class WorkflowTemplateQuerySet(models.QuerySet["WorkflowTemplate"]):
    """Templates, narrowed."""

    def current(self) -> Self:
        """The latest version of each key, unless it is archived."""
        return self.filter(is_latest=True).exclude(status=TemplateStatus.ARCHIVED)

    def with_parts(self) -> Self:
        """With what the wire shows of them, in a fixed number of queries."""
        return self.select_related("snapshot", "forked_from", "created_by").prefetch_related(
            "stages__assignee",
            "assignments__template",
            "assignments__team",
            "assignments__protocol",
            "assignments__created_by",
        )


WorkflowTemplateManager = models.Manager.from_queryset(WorkflowTemplateQuerySet)


class WorkflowTemplate(Identified):
    """One version of the rules by which something is approved: a draft to edit, or published and fixed."""

    id_prefix = "tmpl"

    key = models.ForeignKey(TemplateKey, on_delete=models.PROTECT, related_name="versions", db_column="template_key")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=16, choices=TemplateStatus.choices, default=TemplateStatus.DRAFT)
    is_latest = models.BooleanField(default=True)
    default_stage_sla_hours = models.FloatField(
        "default SLA (hours)",
        null=True,
        blank=True,
        help_text="Hours for a stage that names none; empty means no due date.",
    )
    permitted_roles = models.JSONField(default=list, blank=True, help_text="Roles a stage may ask for; none means all.")
    allow_self_approval = models.BooleanField(default=False, help_text="The asker may sign too.")
    allow_repeat_signers = models.BooleanField(default=False, help_text="One person may sign several stages.")
    forked_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="forks")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = WorkflowTemplateManager()

    class Meta:
        ordering = ["key", "-version"]
        verbose_name = "template"
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="template_versions_are_unique"),
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(is_latest=True), name="one_latest_version_per_template_key"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=TemplateStatus.values), name="template_status_is_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(status=TemplateStatus.ARCHIVED) | models.Q(is_latest=False),
                name="an_archived_template_is_not_the_latest",
            ),
            models.CheckConstraint(
                condition=models.Q(default_stage_sla_hours__isnull=True) | models.Q(default_stage_sla_hours__gt=0),
                name="template_sla_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def published_snapshot(self) -> TemplateSnapshot | None:
        """What was frozen when this version was published; None for one that never was."""
        return getattr(self, "snapshot", None)


class TemplateStage(models.Model):
    """One stage of a template as it is edited."""

    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=255)
    required_role = models.CharField(max_length=16, choices=Role.choices)
    sla_hours = models.FloatField("SLA (hours)", null=True, blank=True)
    quorum = models.PositiveSmallIntegerField(default=1)
    meanings = models.JSONField(default=list, blank=True)
    stage_step_indexes = models.JSONField(default=list, blank=True)
    stage_gate_keys = models.JSONField(default=list, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["template", "position"]
        verbose_name = "stage"
        constraints = [
            models.UniqueConstraint(fields=["template", "position"], name="template_stages_have_one_place_each"),
            models.CheckConstraint(condition=models.Q(quorum__gte=1), name="template_stage_wants_a_signature"),
            models.CheckConstraint(
                condition=models.Q(sla_hours__isnull=True) | models.Q(sla_hours__gt=0),
                name="template_stage_sla_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.name}"


class TemplateSnapshot(Identified):
    """A template as it was published: the canonical text that was hashed, never changed."""

    append_only = True
    id_prefix = "snap"

    template = models.OneToOneField(WorkflowTemplate, on_delete=models.PROTECT, related_name="snapshot")
    key = models.CharField(max_length=120, db_column="template_key")
    version = models.PositiveIntegerField()
    status = models.CharField(max_length=16, default=TemplateStatus.PUBLISHED)
    captured_at = models.DateTimeField()
    captured_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    payload_text = models.TextField()
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-captured_at", "-id"]
        verbose_name = "snapshot"
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="snapshots_are_unique_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"

    @property
    def payload(self) -> dict[str, Any]:
        """The template as published."""
        payload: dict[str, Any] = json.loads(self.payload_text)
        return payload

    @property
    def has_drifted(self) -> bool:
        """Whether the text is no longer the one that was hashed at publication."""
        return sha256(self.payload_text.encode()) != self.digest


class TemplateAssignment(Identified):
    """Says that one version of a template governs a team or a protocol."""

    id_prefix = "asg"

    template = models.ForeignKey(WorkflowTemplate, on_delete=models.PROTECT, related_name="assignments")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="template_assignments")
    protocol = models.ForeignKey(
        Protocol, on_delete=models.PROTECT, null=True, blank=True, related_name="template_assignments"
    )
    metadata = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "assignment"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(team__isnull=False, protocol__isnull=True)
                | models.Q(team__isnull=True, protocol__isnull=False),
                name="assigned_to_a_team_or_a_protocol",
                violation_error_message="Choose either a team or a protocol.",
            ),
            models.UniqueConstraint(fields=["template", "team"], name="one_assignment_per_template_and_team"),
            models.UniqueConstraint(fields=["template", "protocol"], name="one_assignment_per_template_and_protocol"),
        ]

    def __str__(self) -> str:
        return f"{self.template} → {self.team or self.protocol}"


class TemplateAudit(Identified):
    """One entry of the templates' own history."""

    append_only = True
    id_prefix = "aud"

    template = models.ForeignKey(WorkflowTemplate, on_delete=models.PROTECT, related_name="audit_entries")
    snapshot = models.ForeignKey(
        TemplateSnapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_entries"
    )
    kind = models.CharField(max_length=64)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["template", "-created_at", "-id"], name="audit_of_a_template")]

    def __str__(self) -> str:
        return f"{self.kind} ({self.template})"
