"""The door that puts two sessions side by side."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.ids import find, typeid
from biolab.kernel.times import iso_or_none
from sessions_app.api.console import ConsoleDoor
from sessions_app.api.console_words import STATUS_OF, WORD_OF
from sessions_app.comparison import PLACES, ChannelPair, Comparison, StepPair, compare_sessions, duration_s
from sessions_app.models import LabSession, Protocol, Step
from sessions_app.ports import ChannelEnvelope
from sessions_app.states import StepStatus

Schema = serializers.Serializer[Any]


class CompareQuery(Schema):
    """The other session."""

    places = serializers.IntegerField(
        min_value=1, max_value=1000, default=PLACES, help_text="At most so many intervals of each channel."
    )

    def get_fields(self) -> dict[str, Any]:
        """Add the one whose name Python keeps for itself."""
        other = serializers.CharField(max_length=64, help_text="The id of another session of the same protocol.")
        return {"with": other, **super().get_fields()}


class ComparedProtocolSchema(Schema):
    id = serializers.CharField()
    title = serializers.CharField()


class ComparedSessionSchema(Schema):
    id = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=list(STATUS_OF))
    protocol_version = serializers.IntegerField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    duration_s = serializers.FloatField(allow_null=True, help_text="Null until it has ended.")


class ComparedStepSchema(Schema):
    index = serializers.IntegerField()
    instruction = serializers.CharField()
    status = serializers.ChoiceField(choices=StepStatus.values)
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    duration_s = serializers.FloatField(allow_null=True)
    planned_duration_s = serializers.IntegerField(allow_null=True)
    values = serializers.DictField()


class StepPairSchema(Schema):
    instruction = serializers.CharField()
    first = ComparedStepSchema(allow_null=True, help_text="Null where this session has no such step.")
    second = ComparedStepSchema(allow_null=True)
    difference_s = serializers.FloatField(allow_null=True, help_text="How much longer the second session took.")


class EnvelopeSchema(Schema):
    unit = serializers.CharField()
    count = serializers.IntegerField()
    minimum = serializers.FloatField()
    maximum = serializers.FloatField()
    mean = serializers.FloatField(allow_null=True)
    elapsed_s = serializers.ListField(child=serializers.FloatField(), help_text="Seconds since the session's start.")
    low = serializers.ListField(child=serializers.FloatField())
    high = serializers.ListField(child=serializers.FloatField())


class ChannelPairSchema(Schema):
    name = serializers.CharField()
    first = EnvelopeSchema(allow_null=True, help_text="Null where this session has no readings of it.")
    second = EnvelopeSchema(allow_null=True)


class ComparisonSchema(Schema):
    protocol = ComparedProtocolSchema()
    first = ComparedSessionSchema(help_text="This session.")
    second = ComparedSessionSchema(help_text="The other one.")
    steps = StepPairSchema(many=True)
    channels = ChannelPairSchema(many=True)


class CompareDoor(ConsoleDoor):
    """Two sessions of one protocol side by side."""

    @extend_schema(
        operation_id="console_sessions_compare",
        tags=["console"],
        summary="Compare two sessions of one protocol",
        description="Steps that say the same stand together, whichever version of the protocol they come from. "
        "Channels stand together by name; each shows its least and greatest value over the time since the start.",
        parameters=[CompareQuery],
        responses=ComparisonSchema,
    )
    def get(self, request: Request, execution_id: str) -> Response:
        asked = self.asked(CompareQuery)
        sessions = self.sessions().with_protocol()
        first, second = find(sessions, execution_id), find(sessions, asked["with"])
        return self.answer(comparison_shape(compare_sessions(first, second, places=asked["places"])))


def comparison_shape(comparison: Comparison) -> dict[str, Any]:
    """Return two sessions side by side as the wire shows them."""
    version = comparison.version
    return {
        "protocol": {"id": typeid(Protocol.id_prefix, version.protocol_id), "title": version.title},
        "first": _session(comparison.first),
        "second": _session(comparison.second),
        "steps": [_pair(pair) for pair in comparison.steps],
        "channels": [_channel(pair) for pair in comparison.channels],
    }


def _session(session: LabSession) -> dict[str, Any]:
    version = session.protocol_version
    return {
        "id": session.public_id,
        "title": session.name,
        "status": WORD_OF[session.status],
        "protocol_version": version.version if version is not None else None,
        "started_at": iso_or_none(session.started_at),
        "ended_at": iso_or_none(session.ended_at),
        "duration_s": duration_s(session),
    }


def _pair(pair: StepPair) -> dict[str, Any]:
    return {
        "instruction": pair.instruction,
        "first": _step(pair.first),
        "second": _step(pair.second),
        "difference_s": pair.difference_s,
    }


def _step(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "index": step.index,
        "instruction": step.instruction,
        "status": step.status,
        "started_at": iso_or_none(step.started_at),
        "completed_at": iso_or_none(step.completed_at),
        "duration_s": duration_s(step),
        "planned_duration_s": step.planned_duration_s,
        "values": step.values,
    }


def _channel(pair: ChannelPair) -> dict[str, Any]:
    return {"name": pair.name, "first": _envelope(pair.first), "second": _envelope(pair.second)}


def _envelope(envelope: ChannelEnvelope | None) -> dict[str, Any] | None:
    if envelope is None:
        return None
    shape = asdict(envelope)
    del shape["name"]
    return shape
