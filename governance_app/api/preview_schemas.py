"""What the doors of previews and guardrails answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from biolab.accounts.roles import Role
from governance_app.api.schemas import Person
from governance_app.rules.guardrails import GuardrailState
from governance_app.rules.simulation import BLOCKED, CLEARED, READY, REGRESSED, UNCHANGED

Answer = serializers.Serializer[Any]
STATUSES = [READY, BLOCKED]


def _texts() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField())


def _numbers() -> serializers.ListField:
    return serializers.ListField(child=serializers.IntegerField())


def _hours() -> serializers.FloatField:
    return serializers.FloatField(allow_null=True)


def _id() -> serializers.CharField:
    return serializers.CharField(allow_null=True)


def _when() -> serializers.DateTimeField:
    return serializers.DateTimeField(allow_null=True)


class StageInsight(Answer):
    """What one stage would meet, beside its twin in the baseline."""

    index = serializers.IntegerField(help_text="Which stage, from 0.")
    name = serializers.CharField()
    required_role = serializers.ChoiceField(choices=Role.choices)
    status = serializers.ChoiceField(choices=STATUSES)
    sla_hours = _hours()
    projected_due_at = _when()
    blockers = _texts()
    required_actions = _texts()
    auto_triggers = _texts()
    assignee_id = _id()
    delegate_id = _id()
    mapped_step_indexes = _numbers()
    gate_keys = _texts()
    baseline_status = serializers.ChoiceField(choices=STATUSES, allow_null=True)
    baseline_sla_hours = _hours()
    baseline_projected_due_at = _when()
    baseline_blockers = _texts()
    baseline_assignee_id = _id()
    baseline_delegate_id = _id()
    delta_status = serializers.ChoiceField(choices=[CLEARED, REGRESSED, UNCHANGED], allow_null=True)
    delta_sla_hours = _hours()
    delta_projected_due_minutes = serializers.IntegerField(allow_null=True, help_text="Whole minutes, rounded down.")
    delta_new_blockers = _texts()
    delta_resolved_blockers = _texts()


class LadderPreview(Answer):
    """What a ladder would meet on a session."""

    execution_id = serializers.CharField()
    snapshot_id = serializers.CharField()
    baseline_snapshot_id = serializers.CharField()
    generated_at = serializers.DateTimeField()
    template_name = serializers.CharField()
    template_version = serializers.IntegerField()
    stage_insights = StageInsight(many=True)
    narrative_preview = serializers.CharField(help_text="Markdown.")
    resource_warnings = _texts()


class GuardrailSide(Answer):
    """One stage as one ladder has it."""

    status = serializers.CharField(allow_null=True)
    sla_hours = _hours()
    projected_due_at = _when()
    blockers = _texts()
    required_actions = _texts()
    auto_triggers = _texts()


class GuardrailComparison(Answer):
    """One stage in both ladders."""

    index = serializers.IntegerField()
    name = serializers.CharField()
    required_role = serializers.CharField()
    mapped_step_indexes = _numbers()
    gate_keys = _texts()
    baseline = GuardrailSide()
    simulated = GuardrailSide()


class GuardrailSummary(Answer):
    """What the guardrails say."""

    state = serializers.ChoiceField(choices=[state.value for state in GuardrailState])
    reasons = _texts()
    projected_delay_minutes = serializers.IntegerField()


class GuardrailWaiver(Answer):
    """An administrator's signature under a blocked simulation, with all it is bound to."""

    id = serializers.CharField()
    printed_name = serializers.CharField()
    signature = serializers.CharField()
    meaning = serializers.CharField()
    reason = serializers.CharField()
    signed_at = serializers.DateTimeField()
    zone = serializers.CharField()
    signer = Person()
    simulation_digest = serializers.CharField()
    chain_sequence = serializers.IntegerField()
    chain_head = serializers.CharField()
    key_id = serializers.CharField()
    canonical = serializers.CharField()
    seal = serializers.CharField()


class GuardrailSimulation(Answer):
    """A ladder as it would be beside the one in force, and the verdict on it."""

    id = serializers.CharField()
    execution_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = Person()
    metadata = serializers.DictField()
    comparisons = GuardrailComparison(many=True)
    summary = GuardrailSummary()
    waiver = GuardrailWaiver(allow_null=True)
