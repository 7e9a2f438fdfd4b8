"""What the console's doors read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sessions_app.api.console_fields import PublicId, UtcTime
from sessions_app.api.console_words import STATUS_OF
from sessions_app.states import ProtocolStatus, StepStatus
from sessions_app.wording import MAX_NAME, MAX_REASON


class ConsoleSessionForm(serializers.Serializer[Any]):
    """A session of a protocol."""

    template_id = PublicId("proto", help_text="The protocol to run.")
    title = serializers.CharField(max_length=MAX_NAME, required=False, help_text="The protocol's title by default.")
    parameters = serializers.DictField(
        default=dict, help_text="A value for each of the protocol's variables, and more."
    )
    team_id = PublicId("team", required=False, allow_null=True, help_text="The protocol's team by default.")
    planned_for = UtcTime(
        required=False, allow_null=True, help_text="When it is due; without it the session starts now."
    )
    auto_create_notebook = serializers.BooleanField(default=True, help_text="Begin a notebook entry of the session.")


class ConsoleSessionFilters(serializers.Serializer[Any]):
    """Which sessions to list."""

    status = serializers.ChoiceField(choices=list(STATUS_OF), required=False)
    template_id = PublicId("proto", required=False, help_text="Only sessions of this protocol.")
    q = serializers.CharField(max_length=MAX_NAME, required=False, help_text="Part of the title.")


class SessionMoveForm(serializers.Serializer[Any]):
    """Why a session is moved."""

    reason = serializers.CharField(max_length=MAX_REASON, default="", allow_blank=True)


class StepMoveForm(serializers.Serializer[Any]):
    """Where a step goes."""

    status = serializers.ChoiceField(choices=StepStatus.values)
    started_at = UtcTime(required=False, allow_null=True)
    completed_at = UtcTime(required=False, allow_null=True)
    reason = serializers.CharField(
        max_length=MAX_REASON, default="", allow_blank=True, help_text="Why; needed to skip a step."
    )
    values = serializers.DictField(default=dict, help_text="What was measured or set, by name.")


class EventFilters(serializers.Serializer[Any]):
    """Which events to list."""

    event_types = serializers.CharField(
        max_length=2000, required=False, help_text="Only these kinds, separated by commas."
    )
    after = serializers.IntegerField(
        min_value=0, max_value=2**53 - 1, required=False, help_text="Oldest first, from behind this sequence."
    )


@extend_schema_field(
    {
        "type": "array",
        "uniqueItems": True,
        "items": {"type": "string", "pattern": r"^\s*[^\W\d][\w.-]{0,63}\s*$"},
    }
)
class VariablesField(serializers.ListField):
    """Names of variables; the service says which are none."""

    child = serializers.CharField(max_length=64)


class ProtocolForm(serializers.Serializer[Any]):
    """A protocol."""

    title = serializers.CharField(max_length=MAX_NAME)
    content = serializers.CharField(trim_whitespace=False, help_text="One step a line; empty lines are no steps.")
    variables = VariablesField(default=list, help_text="Names that a session must give a value for.")
    ordered = serializers.BooleanField(default=False, help_text="Steps may only be done in order.")
    team_id = PublicId("team", required=False, allow_null=True, help_text="The caller's only team by default.")


class ProtocolChanges(serializers.Serializer[Any]):
    """What changes in a protocol; what is absent stays."""

    title = serializers.CharField(max_length=MAX_NAME, required=False)
    content = serializers.CharField(trim_whitespace=False, required=False)
    variables = VariablesField(required=False)
    ordered = serializers.BooleanField(required=False)
    status = serializers.ChoiceField(choices=ProtocolStatus.values, required=False)


class ProtocolFilters(serializers.Serializer[Any]):
    """Which protocols to list."""

    status = serializers.ChoiceField(choices=ProtocolStatus.values, required=False)
    q = serializers.CharField(max_length=MAX_NAME, required=False, help_text="Part of the title.")


class PageQuery(serializers.Serializer[Any]):
    """Which page of a list."""

    limit = serializers.IntegerField(min_value=1, max_value=1000, default=50)
    cursor = serializers.CharField(required=False, help_text="`next_cursor` of the page before.")


class EventPageQuery(serializers.Serializer[Any]):
    """Which page of a timeline."""

    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    cursor = serializers.CharField(required=False, help_text="`next_cursor` of the page before.")
