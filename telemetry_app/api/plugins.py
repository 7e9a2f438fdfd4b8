"""Doors of `/api/v1/plugins`: the devices that controllers drive, and which of our channels theirs are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api.forms import Done
from biolab.accounts.services.teams import team_for
from biolab.kernel.api import Door, etag_of
from biolab.kernel.api.paging import NUMBERED, paged
from biolab.kernel.ids import find
from sessions_app.api.controllers import TAGS
from telemetry_app.api import plugin_forms as forms
from telemetry_app.api.plugin_forms import mapping_shape, plugin_shape
from telemetry_app.models import Channel, ChannelMapping, Plugin
from telemetry_app.services import plugins as services


class PluginDoorBase(Door):
    """A door to the plugins in sight."""

    scope_area = "telemetry"

    def plugin(self, plugin_id: str) -> Plugin:
        return find(Plugin.objects.visible_to(self.person).select_related("team"), plugin_id)

    def told(self, plugin: Plugin, message: str, status: int = 200) -> Response:
        """Answer what was done, and the plugin."""
        shape = plugin_shape(Plugin.objects.with_mappings().get(pk=plugin.pk))
        return self.answer({"status": "success", "message": message, **shape}, status, etag=_tag(plugin))


class PluginsDoor(PluginDoorBase):
    """The plugins, and adding one."""

    @extend_schema(
        operation_id="plugins_list", tags=TAGS, summary="Plugins", parameters=NUMBERED, responses=forms.PluginsOut
    )
    def get(self, request: Request) -> Response:
        found = Plugin.objects.visible_to(self.person).with_mappings()
        return self.numbered(found, plugin_shape, order=("instance_name", "id"))

    @extend_schema(
        tags=TAGS,
        summary="Add a plugin",
        description=(
            "The channels of the drivers `simulated` and `system` are known and mapped at once, unless "
            "`auto_create_events` is false to channels of ours, which are made where the team has none of that name. "
            "The channels of other drivers are told one by one at `/channels`."
        ),
        request=forms.NewPluginForm,
        responses={201: forms.PluginDone},
    )
    def post(self, request: Request) -> Response:
        form = self.validated(forms.NewPluginForm)
        team_id, make_channels = form.pop("team_id", None), form.pop("auto_create_events")
        team = team_for(self.person, str(team_id) if team_id else None, at=self.now, controllers=True)
        plugin = services.add_plugin(
            plugin=Plugin(team=team, **_with_text(form)), by=self.person, at=self.now, make_channels=make_channels
        )
        return self.told(plugin, "Plugin added.", 201)


class PluginDoor(PluginDoorBase):
    """One plugin."""

    @extend_schema(tags=TAGS, summary="One plugin", responses=forms.PluginOut)
    def get(self, request: Request, plugin_id: str) -> Response:
        plugin = find(Plugin.objects.visible_to(self.person).with_mappings(), plugin_id)
        return self.answer(plugin_shape(plugin), etag=_tag(plugin))

    @extend_schema(
        tags=TAGS,
        summary="Change a plugin",
        description="Only what is given. Leads of the team and administrators.",
        request=forms.PluginForm(partial=True),
        responses=forms.PluginDone,
    )
    def put(self, request: Request, plugin_id: str) -> Response:
        plugin = self.plugin(plugin_id)
        self.must_match(_tag(plugin))
        form = self.validated(forms.PluginForm, partial=True)
        plugin = services.change_plugin(plugin=plugin, by=self.person, at=self.now, **_with_text(form))
        return self.told(plugin, "Plugin changed.")

    @extend_schema(
        tags=TAGS,
        summary="Remove a plugin",
        description="With its mappings. Its channels stay, and so do their readings.",
        responses={200: Done},
    )
    def delete(self, request: Request, plugin_id: str) -> Response:
        services.remove_plugin(plugin=self.plugin(plugin_id), by=self.person, at=self.now)
        return self.answer({"status": "success", "message": "Plugin removed; its channels and readings stay."})


class PluginChannelsDoor(PluginDoorBase):
    """The channels of a plugin's device, and telling of one."""

    @extend_schema(
        operation_id="plugin_channels_list",
        tags=TAGS,
        summary="Channels of a device, and ours",
        description='A bare array by channel of the device. With more than `limit`, `Link: <…>; rel="next"` leads on.',
        parameters=paged(default=services.MAX_MAPPINGS),
        responses=forms.MappingOut(many=True),
    )
    def get(self, request: Request, plugin_id: str) -> Response:
        mappings = ChannelMapping.objects.filter(plugin=self.plugin(plugin_id)).select_related("channel")
        page = self.page(mappings, order=("channel_id_of_device", "id"), default=services.MAX_MAPPINGS)
        return self.bare(page, mapping_shape)

    @extend_schema(
        tags=TAGS, summary="Add a channel of a device", request=forms.MappingForm, responses={201: forms.MappingDone}
    )
    def post(self, request: Request, plugin_id: str) -> Response:
        plugin = self.plugin(plugin_id)
        form = self.validated(forms.MappingForm)
        mapping = ChannelMapping(
            plugin=plugin,
            channel_id_of_device=form["channel_id"],
            channel_name=form["channel_name"],
            direction=form["direction"],
            unit=form["unit"],
            channel=_channel(plugin, form.get("event_public_id")),
        )
        mapping = services.add_mapping(mapping=mapping, by=self.person, at=self.now)
        return self.answer({"status": "success", "message": "Channel added.", **mapping_shape(mapping)}, 201)


class PluginChannelDoor(PluginDoorBase):
    """One channel of a plugin's device."""

    def mapping(self, plugin_id: str, mapping_id: str) -> ChannelMapping:
        mappings = ChannelMapping.objects.filter(plugin=self.plugin(plugin_id))
        return find(mappings.select_related("plugin__team", "channel"), mapping_id)

    @extend_schema(
        tags=TAGS,
        summary="Tie a channel of a device to one of ours",
        request=forms.TieForm,
        responses=forms.MappingDone,
    )
    def put(self, request: Request, plugin_id: str, mapping_id: str) -> Response:
        mapping = self.mapping(plugin_id, mapping_id)
        self.must_match(_mapping_tag(mapping))
        form = self.validated(forms.TieForm)
        if "event_public_id" in form:
            channel = _channel(mapping.plugin, form["event_public_id"])
            mapping = services.tie_channel(mapping=mapping, channel=channel, by=self.person, at=self.now)
        told = {"status": "success", "message": "Channel changed.", **mapping_shape(mapping)}
        return self.answer(told, etag=_mapping_tag(mapping))

    @extend_schema(tags=TAGS, summary="Remove a channel of a device", responses={200: Done})
    def delete(self, request: Request, plugin_id: str, mapping_id: str) -> Response:
        services.remove_mapping(mapping=self.mapping(plugin_id, mapping_id), by=self.person, at=self.now)
        return self.answer({"status": "success", "message": "Channel of the device removed; ours stays."})


def _channel(plugin: Plugin, channel_id: Any) -> Channel | None:
    """Return our channel of this id in the plugin's team; None where none is named."""
    return None if channel_id is None else find(Channel.objects.in_use().filter(team=plugin.team), channel_id)


def _with_text(form: dict[str, Any]) -> dict[str, Any]:
    """Return the form with no settings as empty text."""
    return {**form, "config_json": form["config_json"] or ""} if "config_json" in form else form


def _tag(plugin: Plugin) -> str:
    return etag_of(plugin.pk, plugin.updated_at)


def _mapping_tag(mapping: ChannelMapping) -> str:
    return etag_of(*mapping_shape(mapping).items())
