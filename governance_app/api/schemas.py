"""What the doors of governance answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from biolab.accounts.roles import Role
from biolab.kernel.api.paging import paged
from governance_app.states import StageStatus, TemplateStatus

PAGE: Final = paged()


def _when(*, nullable: bool = True) -> serializers.DateTimeField:
    return serializers.DateTimeField(allow_null=nullable)


class Person(serializers.Serializer[Any]):
    """Who somebody is."""

    id = serializers.CharField()
    username = serializers.CharField()
    full_name = serializers.CharField(allow_blank=True)


@extend_schema_serializer(component_name="TemplateStage")
class TemplateStageAnswer(serializers.Serializer[Any]):
    """One stage of a blueprint."""

    name = serializers.CharField()
    required_role = serializers.ChoiceField(choices=Role.choices)
    sla_hours = serializers.FloatField(allow_null=True)
    quorum = serializers.IntegerField()
    meanings = serializers.ListField(child=serializers.CharField())
    stage_step_indexes = serializers.ListField(child=serializers.IntegerField())
    stage_gate_keys = serializers.ListField(child=serializers.CharField())
    assignee_id = serializers.CharField(allow_null=True)
    metadata = serializers.DictField()


class Assignment(serializers.Serializer[Any]):
    """Where a version governs."""

    id = serializers.CharField()
    template_id = serializers.CharField()
    team_id = serializers.CharField(allow_null=True)
    protocol_template_id = serializers.CharField(allow_null=True)
    metadata = serializers.DictField()
    created_by_id = serializers.CharField()
    created_at = _when(nullable=False)


class Template(serializers.Serializer[Any]):
    """One version of a template."""

    id = serializers.CharField()
    template_key = serializers.CharField()
    version = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=TemplateStatus.choices)
    is_latest = serializers.BooleanField()
    default_stage_sla_hours = serializers.FloatField(allow_null=True)
    permitted_roles = serializers.ListField(child=serializers.CharField())
    stage_blueprint = TemplateStageAnswer(many=True)
    allow_self_approval = serializers.BooleanField()
    allow_repeat_signers = serializers.BooleanField()
    forked_from_id = serializers.CharField(allow_null=True)
    created_by_id = serializers.CharField()
    created_at = _when(nullable=False)
    updated_at = _when(nullable=False)
    published_at = _when()
    archived_at = _when()
    published_snapshot_id = serializers.CharField(allow_null=True)
    assignments = Assignment(many=True)


class Snapshot(serializers.Serializer[Any]):
    """A template as it was published."""

    id = serializers.CharField()
    template_id = serializers.CharField()
    template_key = serializers.CharField()
    version = serializers.IntegerField()
    status = serializers.CharField()
    captured_at = _when(nullable=False)
    captured_by_id = serializers.CharField()
    snapshot_payload = serializers.DictField()
    digest = serializers.CharField()


class AuditEntry(serializers.Serializer[Any]):
    """One entry of a template's history."""

    id = serializers.CharField()
    template_id = serializers.CharField()
    snapshot_id = serializers.CharField(allow_null=True)
    kind = serializers.CharField()
    actor = Person(allow_null=True)
    detail = serializers.DictField()
    created_at = _when(nullable=False)


class TemplateVersion(serializers.Serializer[Any]):
    """Which version is meant."""

    id = serializers.CharField()
    template_key = serializers.CharField()
    version = serializers.IntegerField()


class FieldDifference(serializers.Serializer[Any]):
    """One field that differs."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class StageDifference(serializers.Serializer[Any]):
    """What became of the stage in one place."""

    sequence_index = serializers.IntegerField()
    change = serializers.ChoiceField(choices=["added", "removed", "changed", "unchanged"])
    before = TemplateStageAnswer(allow_null=True)
    after = TemplateStageAnswer(allow_null=True)
    fields = FieldDifference(many=True)  # type: ignore[assignment]


class TemplateDiff(serializers.Serializer[Any]):
    """Two versions side by side."""

    before = TemplateVersion()
    after = TemplateVersion()
    fields = FieldDifference(many=True)  # type: ignore[assignment]
    stages = StageDifference(many=True)


class Waiting(serializers.Serializer[Any]):
    """A stage that waits; the subject's own id stands beside it under the subject's key, such as export_id."""

    request_id = serializers.CharField()
    subject = serializers.CharField()
    title = serializers.CharField()
    path = serializers.CharField(allow_blank=True)
    execution_id = serializers.CharField()
    session_name = serializers.CharField()
    team_id = serializers.CharField()
    content_digest = serializers.CharField()
    asked_at = _when(nullable=False)
    requested_by = Person()
    stage_id = serializers.CharField()
    sequence_index = serializers.IntegerField()
    name = serializers.CharField()
    required_role = serializers.ChoiceField(choices=Role.choices)
    status = serializers.ChoiceField(choices=StageStatus.choices)
    meanings = serializers.ListField(child=serializers.CharField())
    started_at = _when()
    due_at = _when()
    overdue_notified_at = _when()
    assignee = Person(allow_null=True)
    delegated_to = Person(allow_null=True)
