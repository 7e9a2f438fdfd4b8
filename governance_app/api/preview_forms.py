"""What the doors of previews and guardrails read."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from biolab.kernel.schema import TIME_IN
from biolab.kernel.times import iso, parse_utc
from governance_app.api.forms import SlaHours
from governance_app.rules.blueprint import MOST_STAGES, hours

LARGEST_INDEX: Final = 100_000
MOST_TEXTS: Final = 1000
Form = serializers.Serializer[Any]


def _texts(longest: int) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=longest), default=list, max_length=MOST_TEXTS)


class WholeNumber(serializers.IntegerField):
    """A place, counted from 0; no truth value stands for one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 0, "max_value": LARGEST_INDEX, **kwargs})

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class StageOverrideForm(Form):
    """What is to be otherwise in one stage; one that is out of range is passed over with a warning."""

    index = WholeNumber(min_value=-LARGEST_INDEX, help_text="Which stage, from 0.")
    sla_hours = SlaHours()
    assignee_id = serializers.CharField(max_length=64, required=False, allow_null=True)
    delegate_id = serializers.CharField(max_length=64, required=False, allow_null=True)


class PreviewForm(Form):
    """The ladder to preview, and what is to be otherwise."""

    workflow_template_snapshot_id = serializers.CharField(max_length=64)
    resource_overrides = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="Taken as given: `approvals`, `equipment_ids`, `channels`, each a list of names that steps require.",
    )
    stage_overrides = serializers.ListField(
        child=StageOverrideForm(), required=False, allow_null=True, max_length=MOST_STAGES
    )


@extend_schema_field(TIME_IN)
class MomentField(serializers.CharField):
    """A time with an offset, told in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=40, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return iso(parse_utc(super().to_internal_value(data), pointer=f"/{self.field_name}"))


class SideForm(Form):
    """One stage as one ladder has it."""

    status = serializers.CharField(max_length=32, allow_null=True)
    sla_hours = SlaHours(default=None)
    projected_due_at = MomentField(allow_null=True, default=None)
    blockers = _texts(500)
    required_actions = _texts(500)
    auto_triggers = _texts(500)

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        return {**values, "sla_hours": hours(values["sla_hours"])}


class ComparisonForm(Form):
    """One stage in both ladders."""

    index = WholeNumber(help_text="Which stage, from 0.")
    name = serializers.CharField(max_length=255)
    required_role = serializers.CharField(max_length=32)
    mapped_step_indexes = serializers.ListField(child=WholeNumber(), default=list, max_length=MOST_TEXTS)
    gate_keys = _texts(200)
    baseline = SideForm()
    simulated = SideForm()


class SimulationForm(Form):
    """A simulation to be judged: its stages, or those of the session's latest preview."""

    execution_id = serializers.CharField(max_length=64)
    comparisons = serializers.ListField(child=ComparisonForm(), required=False, allow_null=True, max_length=MOST_STAGES)
    metadata = serializers.DictField(required=False)


class WaiverForm(Form):
    """An administrator's signature under a blocked simulation."""

    signature = serializers.CharField(max_length=255)
    reason = serializers.CharField(max_length=10_000)
    password = serializers.CharField(
        max_length=1024, trim_whitespace=False, required=False, allow_blank=True, style={"input_type": "password"}
    )
    totp = serializers.CharField(max_length=16, required=False, allow_blank=True)


class SessionFilter(Form):
    """Whose rows are listed."""

    execution_id = serializers.CharField(max_length=64, required=False)
