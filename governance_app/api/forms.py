"""What the doors of governance read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from biolab.accounts.roles import Role
from governance_app.rules.blueprint import LARGEST_QUORUM, LONGEST_SLA_HOURS, MOST_STAGES, StageBlueprint
from governance_app.states import APPROVING_MEANINGS

KEY = r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z"


@extend_schema_field({"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_SLA_HOURS})
class SlaHours(serializers.FloatField):
    """More than nothing and less than ten years, in hours."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_value=LONGEST_SLA_HOURS, required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        value = super().to_internal_value(data)
        if not value > 0:
            raise serializers.ValidationError("Give more than 0 hours.")
        return value


class StageForm(serializers.Serializer[Any]):
    """One stage of a blueprint."""

    name = serializers.CharField(max_length=255)
    required_role = serializers.ChoiceField(choices=Role.choices)
    sla_hours = SlaHours()
    quorum = serializers.IntegerField(min_value=1, max_value=LARGEST_QUORUM, default=1)
    meanings = serializers.ListField(
        child=serializers.ChoiceField(choices=[meaning.value for meaning in APPROVING_MEANINGS]),
        default=list,
        max_length=10,
    )
    stage_step_indexes = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=100_000), default=list, max_length=1000
    )
    stage_gate_keys = serializers.ListField(child=serializers.CharField(max_length=200), default=list, max_length=1000)
    assignee_id = serializers.CharField(max_length=64, required=False, allow_null=True)
    metadata = serializers.DictField(default=dict)

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        for name in ("meanings", "stage_step_indexes", "stage_gate_keys"):
            values[name] = tuple(values[name])
        return StageBlueprint(**values)


class TemplateEdit(serializers.Serializer[Any]):
    """What may change of a draft."""

    name = serializers.CharField(max_length=255, required=False)
    description = serializers.CharField(max_length=20_000, allow_blank=True, required=False)
    default_stage_sla_hours = SlaHours()
    permitted_roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices), required=False)
    stage_blueprint = serializers.ListField(child=StageForm(), required=False, max_length=MOST_STAGES)
    allow_self_approval = serializers.BooleanField(required=False)
    allow_repeat_signers = serializers.BooleanField(required=False)


class TemplateForm(TemplateEdit):
    """A new version of a template."""

    name = serializers.CharField(max_length=255)
    template_key = serializers.RegexField(KEY, max_length=120, required=False)
    forked_from_id = serializers.CharField(max_length=64, required=False, allow_null=True)
    publish = serializers.BooleanField(default=False)


class AssignmentForm(serializers.Serializer[Any]):
    """A team or a protocol that a template is to govern."""

    team_id = serializers.CharField(max_length=64, required=False, allow_null=True)
    protocol_template_id = serializers.CharField(max_length=64, required=False, allow_null=True)
    metadata = serializers.DictField(default=dict)


class TemplateFilter(serializers.Serializer[Any]):
    """Which templates are listed."""

    include_all = serializers.BooleanField(default=False)


class DiffFilter(serializers.Serializer[Any]):
    """The version to compare with."""

    against = serializers.CharField(max_length=64)
