"""The console's answers as the OpenAPI document describes them; the shapes beside them make them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from biolab.kernel.machine import Machine
from sessions_app.api.console_words import STATUS_OF
from sessions_app.states import SESSION_MACHINE, EntryStatus, ProtocolStatus, StepStatus

Schema = serializers.Serializer[Any]


def _moves(machine: Machine) -> list[str]:
    return [move.name for move in machine.moves]


class PersonSchema(Schema):
    id = serializers.CharField()
    name = serializers.CharField()


class ExecutionSchema(Schema):
    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    status = serializers.ChoiceField(choices=list(STATUS_OF))
    template_id = serializers.CharField(allow_null=True)
    protocol_version = serializers.IntegerField(allow_null=True)
    team_id = serializers.CharField()
    parameters = serializers.DictField()
    created_by = PersonSchema()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    planned_for = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    legal_hold = serializers.BooleanField()
    imported_from = serializers.CharField(
        allow_null=True, help_text="SHA-256 of the archive it was read from; such a session is for reading only."
    )
    head_sequence = serializers.IntegerField(help_text="The sequence of the last event.")


class ShownExecutionSchema(ExecutionSchema):
    crew = PersonSchema(many=True)
    open_moves = serializers.ListField(
        child=serializers.ChoiceField(choices=_moves(SESSION_MACHINE)),
        help_text="What the status allows and the caller may do.",
    )


class ListedProtocolSchema(Schema):
    id = serializers.CharField()
    title = serializers.CharField()
    version = serializers.IntegerField()
    ordered = serializers.BooleanField()


class ListedSessionSchema(Schema):
    execution = ExecutionSchema()
    protocol = ListedProtocolSchema(allow_null=True)


class ConsoleSessionsSchema(Schema):
    items = ListedSessionSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ProtocolVersionSchema(Schema):
    title = serializers.CharField()
    version = serializers.IntegerField()
    content = serializers.CharField(help_text="One step a line.")
    variables = serializers.ListField(child=serializers.CharField())
    ordered = serializers.BooleanField()
    digest = serializers.CharField(help_text="SHA-256 of the wording, in hex.")


class KeptProtocolVersionSchema(ProtocolVersionSchema):
    created_by = PersonSchema()
    created_at = serializers.DateTimeField()


class ProtocolVersionsSchema(Schema):
    items = KeptProtocolVersionSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RunProtocolSchema(ProtocolVersionSchema):
    id = serializers.CharField()
    status = serializers.ChoiceField(choices=ProtocolStatus.values)


class ProtocolSchema(RunProtocolSchema):
    team_id = serializers.CharField()
    created_by = PersonSchema()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ProtocolsSchema(Schema):
    items = ProtocolSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class KeptEntrySchema(Schema):
    id = serializers.CharField()
    title = serializers.CharField()
    version = serializers.IntegerField()
    status = serializers.ChoiceField(choices=EntryStatus.choices)
    author = PersonSchema()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class StepSchema(Schema):
    index = serializers.IntegerField(help_text="Counts from 0.")
    instruction = serializers.CharField()
    status = serializers.ChoiceField(choices=StepStatus.values)
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True, help_text="When it was completed or skipped.")
    completed_by = PersonSchema(allow_null=True)
    blocked_reason = serializers.CharField(allow_null=True)
    required_actions = serializers.ListField(child=serializers.CharField())
    auto_triggers = serializers.ListField(child=serializers.CharField())
    planned_duration_s = serializers.IntegerField(allow_null=True)
    values = serializers.DictField(help_text="Values given, and those of pinned channels at completion.")


class SessionChannelSchema(Schema):
    id = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField()
    pinned = serializers.BooleanField()
    count = serializers.IntegerField()
    first_at = serializers.DateTimeField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True)
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    latest = serializers.FloatField(allow_null=True)


class ActorSchema(Schema):
    id = serializers.CharField(allow_null=True, help_text="Null where the system acted.")
    name = serializers.CharField(help_text="The printed name at that moment.")
    via = serializers.CharField(help_text="The name of the service token used, if any.")


class EventSchema(Schema):
    id = serializers.CharField()
    execution_id = serializers.CharField()
    event_type = serializers.CharField()
    payload = serializers.DictField()
    actor = ActorSchema()
    sequence = serializers.IntegerField()
    occurred_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    prev_hash = serializers.CharField()
    hash = serializers.CharField(help_text="SHA-256 over 0x01, prev_hash and the RFC 8785 text without this member.")


class TimelineSchema(Schema):
    events = EventSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CheckpointSchema(Schema):
    sequence = serializers.IntegerField()
    at = serializers.DateTimeField()
    key_id = serializers.CharField()
    valid = serializers.BooleanField()


class VerificationSchema(Schema):
    valid = serializers.BooleanField()
    events = serializers.IntegerField(help_text="How many hold, from the beginning.")
    head = serializers.CharField()
    first_bad = serializers.IntegerField(required=False, help_text="0 is what the chain starts from.")
    reason = serializers.CharField(required=False)
    checkpoint = CheckpointSchema(allow_null=True, help_text="The newest signed statement over the chain.")


class AnomalySchema(Schema):
    """A stretch in which a channel was beyond its limits, or silent."""

    id = serializers.CharField()
    channel = serializers.CharField()
    channel_id = serializers.CharField()
    message = serializers.CharField()
    severity = serializers.ChoiceField(
        choices=["info", "warning", "critical"],
        help_text="`critical` while it goes on, `warning` once somebody has answered for it, `info` once it is over.",
    )
    timestamp = serializers.DateTimeField(help_text="When it began.")
    ended_at = serializers.DateTimeField(allow_null=True)
    acknowledged = serializers.BooleanField()


class AutoLogSchema(Schema):
    """What the house wrote on the timeline without a person."""

    sequence = serializers.IntegerField()
    source = serializers.CharField(help_text="The event's type.")  # type: ignore[assignment]  # a form's own attribute
    title = serializers.CharField()
    created_at = serializers.DateTimeField()


class ConsoleSessionSchema(Schema):
    execution = ShownExecutionSchema()
    protocol = RunProtocolSchema(allow_null=True)
    notebook_entries = KeptEntrySchema(many=True)
    steps = StepSchema(many=True)
    telemetry_channels = SessionChannelSchema(many=True)
    anomaly_events = AnomalySchema(
        many=True, help_text="Alarms, at most 100; first those that nobody has answered for."
    )
    auto_log_entries = AutoLogSchema(many=True, help_text="The last ten that the house wrote by itself, newest first.")
    timeline_preview = EventSchema(many=True, help_text="The last ten, newest first.")
