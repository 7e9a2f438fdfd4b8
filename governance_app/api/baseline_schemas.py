"""What the doors of baselines answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from governance_app.api.schemas import Person
from governance_app.rules.comparison import INSIDE, MISSING, OUTSIDE
from governance_app.states import BASELINE_MACHINE, BaselineStatus

MOVES = [move.name.replace(" ", "_") for move in BASELINE_MACHINE.moves]


def _id(*, nullable: bool = True) -> serializers.CharField:
    return serializers.CharField(allow_null=nullable)


def _when(*, nullable: bool = True) -> serializers.DateTimeField:
    return serializers.DateTimeField(allow_null=nullable)


def _number(*, nullable: bool = True) -> serializers.FloatField:
    return serializers.FloatField(allow_null=nullable)


class BaselineLabel(serializers.Serializer[Any]):
    """A word to find it by, and its value."""

    key = serializers.CharField()
    value = serializers.CharField(allow_blank=True)


class BaselineEvent(serializers.Serializer[Any]):
    """One entry of a baseline's history."""

    id = _id(nullable=False)
    baseline_id = _id(nullable=False)
    action = serializers.CharField()
    notes = serializers.CharField(allow_null=True)
    detail = serializers.DictField()
    performed_by_id = _id()
    actor = Person(allow_null=True)
    created_at = _when(nullable=False)


class Baseline(serializers.Serializer[Any]):
    """A session proposed as its protocol's reference run; ``template_id`` is the protocol's."""

    id = _id(nullable=False)
    execution_id = _id(nullable=False)
    session_name = serializers.CharField()
    template_id = _id(nullable=False)
    template_name = serializers.CharField()
    team_id = _id(nullable=False)
    template_snapshot_id = _id()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    labels = BaselineLabel(many=True)
    status = serializers.ChoiceField(choices=BaselineStatus.choices)
    open_moves = serializers.ListField(child=serializers.ChoiceField(choices=MOVES))
    is_current = serializers.BooleanField()
    version_number = serializers.IntegerField(allow_null=True)
    content_digest = serializers.CharField()
    reviewer_ids = serializers.ListField(child=serializers.CharField())
    reviewers = Person(many=True)
    submitted_by_id = _id(nullable=False)
    submitted_at = _when(nullable=False)
    reviewed_by_id = _id()
    reviewed_at = _when()
    review_notes = serializers.CharField(allow_null=True)
    published_by_id = _id()
    published_at = _when()
    publish_notes = serializers.CharField(allow_null=True)
    rollback_of_id = _id()
    rolled_back_by_id = _id()
    rolled_back_at = _when()
    rollback_notes = serializers.CharField(allow_null=True)
    created_at = _when(nullable=False)
    updated_at = _when(nullable=False)
    events = BaselineEvent(many=True)


class FrozenStep(serializers.Serializer[Any]):
    """How a step came out."""

    index = serializers.IntegerField()
    instruction = serializers.CharField()
    status = serializers.CharField()
    started_at = _when()
    completed_at = _when()
    completed_by = serializers.CharField(allow_null=True)
    duration_s = _number()
    planned_duration_s = serializers.IntegerField(allow_null=True)
    values = serializers.DictField()
    approvals = serializers.ListField(child=serializers.DictField())


class FrozenChannel(serializers.Serializer[Any]):
    """What a channel did; ``low`` and ``high`` are as long as ``elapsed_s``, in the channel's unit."""

    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()
    minimum = _number(nullable=False)
    maximum = _number(nullable=False)
    mean = _number()
    elapsed_s = serializers.ListField(child=serializers.FloatField())
    low = serializers.ListField(child=serializers.FloatField())
    high = serializers.ListField(child=serializers.FloatField())


class FrozenContent(serializers.Serializer[Any]):
    """What was frozen of the session when it was proposed; its canonical JSON has the baseline's digest."""

    form = serializers.CharField()
    captured_at = _when(nullable=False)
    session = serializers.DictField()
    protocol = serializers.DictField(allow_null=True)
    parameters = serializers.DictField()
    steps = FrozenStep(many=True)
    channels = FrozenChannel(many=True)
    template_snapshot = serializers.DictField(allow_null=True)


class WholeBaseline(Baseline):
    """A baseline with what was frozen of its session."""

    content = FrozenContent()


class BaselinePage(serializers.Serializer[Any]):
    """Baselines, newest first."""

    items = Baseline(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class _Durations(serializers.Serializer[Any]):
    baseline_duration_s = _number()
    session_duration_s = _number()
    difference_s = _number()


class ComparedDuration(_Durations):
    """How long both took, in seconds."""


class ComparedOutcome(serializers.Serializer[Any]):
    """A step in one of them."""

    index = serializers.IntegerField()
    instruction = serializers.CharField()
    status = serializers.CharField()
    duration_s = _number()
    planned_duration_s = serializers.IntegerField(allow_null=True)


class ComparedStep(_Durations):
    """A step in both."""

    instruction = serializers.CharField()
    change = serializers.ChoiceField(choices=["same", "changed", "added", "missing"])
    baseline = ComparedOutcome(allow_null=True)
    session = ComparedOutcome(allow_null=True)


class ChannelFigures(serializers.Serializer[Any]):
    """What a channel did in one of them."""

    unit = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()
    minimum = _number(nullable=False)
    maximum = _number(nullable=False)
    mean = _number()


class AllowedRange(serializers.Serializer[Any]):
    """The baseline's least and greatest value, widened by the tolerance."""

    minimum = _number(nullable=False)
    maximum = _number(nullable=False)


class EnvelopeCounts(serializers.Serializer[Any]):
    """How many are inside, outside, missing."""

    inside = serializers.IntegerField()
    outside = serializers.IntegerField()
    missing = serializers.IntegerField()


class ComparedChannel(serializers.Serializer[Any]):
    """How a channel kept to the baseline's; ``intervals`` counts the baseline's intervals of time."""

    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    verdict = serializers.ChoiceField(choices=[INSIDE, OUTSIDE, MISSING])
    unit_differs = serializers.BooleanField()
    allowed = AllowedRange()
    baseline = ChannelFigures()
    session = ChannelFigures(allow_null=True)
    intervals = EnvelopeCounts()


class AdditionalChannel(serializers.Serializer[Any]):
    """A channel that the baseline has not."""

    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)


class ComparedParameter(serializers.Serializer[Any]):
    """A parameter that differs."""

    name = serializers.CharField()
    baseline = serializers.JSONField(allow_null=True)
    session = serializers.JSONField(allow_null=True)


class StepCounts(serializers.Serializer[Any]):
    """How many steps are the same, worded anew, added, missing."""

    same = serializers.IntegerField()
    changed = serializers.IntegerField()
    added = serializers.IntegerField()
    missing = serializers.IntegerField()


class ComparisonSummary(serializers.Serializer[Any]):
    """What came of it, in numbers."""

    steps = StepCounts()
    channels = EnvelopeCounts()


@extend_schema_serializer(component_name="BaselineComparison")
class BaselineComparison(serializers.Serializer[Any]):
    """How a session kept to a baseline."""

    baseline_id = _id(nullable=False)
    execution_id = _id(nullable=False)
    version_number = serializers.IntegerField(allow_null=True)
    generated_at = _when(nullable=False)
    tolerance_percent = _number(nullable=False)
    same_protocol_version = serializers.BooleanField()
    duration = ComparedDuration()
    steps = ComparedStep(many=True)
    channels = ComparedChannel(many=True)
    additional_channels = AdditionalChannel(many=True)
    parameters = ComparedParameter(many=True)
    summary = ComparisonSummary()
