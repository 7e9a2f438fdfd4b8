"""What the doors of plugins read and show."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from biolab.accounts.api.forms import Done, Numbered
from biolab.accounts.models import User
from biolab.kernel.ids import typeid
from biolab.kernel.times import iso
from sessions_app.api.console_fields import PublicId
from telemetry_app.api.channels import printable
from telemetry_app.ingest.shapes import BAD_NAME, BAD_UNIT, MAX_NAME, MAX_UNIT
from telemetry_app.models import ChannelMapping, Plugin
from telemetry_app.services.plugins import MAX_CONFIG
from telemetry_app.states import Direction


class PluginForm(serializers.Serializer[Any]):
    """What may be set of a plugin."""

    instance_name = serializers.CharField(max_length=MAX_NAME, validators=[printable(BAD_NAME)])
    demo_mode = serializers.BooleanField(required=False)
    enabled = serializers.BooleanField(required=False)
    config_json = serializers.CharField(
        max_length=MAX_CONFIG,
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="A JSON object, as text.",
    )


class NewPluginForm(PluginForm):
    """A plugin; without `team_id` of the caller's only team."""

    plugin_id = serializers.CharField(max_length=100, help_text="As the controller's driver calls itself.")
    auto_create_events = serializers.BooleanField(
        default=True, help_text="Of a known driver, tie every channel to one of ours."
    )
    team_id = PublicId("team", required=False, allow_null=True)


class TieForm(serializers.Serializer[Any]):
    """Which of our channels the values belong to; null for none."""

    event_public_id = PublicId("chan", required=False, allow_null=True)


class MappingForm(TieForm):
    """A channel of the device."""

    channel_id = serializers.CharField(max_length=100)
    channel_name = serializers.CharField(max_length=MAX_NAME)
    direction = serializers.ChoiceField(choices=Direction.choices)
    unit = serializers.CharField(
        max_length=MAX_UNIT, allow_blank=True, required=False, default="", validators=[printable(BAD_UNIT)]
    )


class MappingOut(serializers.Serializer[Any]):
    """A channel of the device, and ours."""

    public_id = serializers.CharField()
    channel_id = serializers.CharField()
    channel_name = serializers.CharField()
    direction = serializers.ChoiceField(choices=Direction.choices)
    unit = serializers.CharField(allow_blank=True)
    event_public_id = serializers.CharField(allow_null=True)
    created_on = serializers.DateTimeField()


class MappingDone(MappingOut, Done):
    """That it is done, and the mapping."""


class PluginOut(serializers.Serializer[Any]):
    """A plugin with its mappings."""

    public_id = serializers.CharField()
    plugin_id = serializers.CharField()
    instance_name = serializers.CharField()
    demo_mode = serializers.BooleanField()
    enabled = serializers.BooleanField()
    config_json = serializers.CharField(allow_null=True)
    created_on = serializers.DateTimeField()
    updated_on = serializers.DateTimeField()
    user_public_id = serializers.CharField()
    channel_mappings = MappingOut(many=True)


class PluginDone(PluginOut, Done):
    """That it is done, and the plugin."""


class PluginsOut(Numbered):
    """One page of plugins."""

    data = PluginOut(many=True)  # type: ignore[assignment]


def mapping_shape(mapping: ChannelMapping) -> dict[str, Any]:
    """Return a mapping as controllers see it; it comes with its channel."""
    return {
        "public_id": mapping.public_id,
        "channel_id": mapping.channel_id_of_device,
        "channel_name": mapping.channel_name,
        "direction": mapping.direction,
        "unit": mapping.unit,
        "event_public_id": None if mapping.tied is None else mapping.tied.public_id,
        "created_on": iso(mapping.created_at),
    }


def plugin_shape(plugin: Plugin) -> dict[str, Any]:
    """Return a plugin as controllers see it; it comes from ``with_mappings``."""
    return {
        "public_id": plugin.public_id,
        "plugin_id": plugin.plugin_id,
        "instance_name": plugin.instance_name,
        "demo_mode": plugin.demo_mode,
        "enabled": plugin.enabled,
        "config_json": plugin.config_json or None,
        "created_on": iso(plugin.created_at),
        "updated_on": iso(plugin.updated_at),
        "user_public_id": typeid(User.id_prefix, plugin.created_by_id),
        "channel_mappings": [mapping_shape(mapping) for mapping in plugin.mappings.all()],
    }
