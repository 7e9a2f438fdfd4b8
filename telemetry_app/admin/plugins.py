"""Plugins at the desk: devices, their settings, and which of our channels theirs are."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from biolab.accounts.models import User
from biolab.kernel.admin import ReadOnlyInline, ServiceAdmin, action, confirmed
from telemetry_app.models import Channel, ChannelMapping, Plugin
from telemetry_app.services.plugins import (
    add_mapping,
    add_plugin,
    change_plugin,
    remove_mapping,
    remove_plugin,
    tie_channel,
)

SETTINGS = ("team", "plugin_id", "instance_name", "demo_mode", "enabled", "config_json")
TOLD = ("plugin", "channel_id_of_device", "channel_name", "direction", "unit")


class PluginForm(forms.ModelForm[Plugin]):
    """A plugin's settings."""

    class Meta:
        model = Plugin
        fields = SETTINGS
        widgets = {"config_json": UnfoldAdminTextareaWidget(attrs={"rows": 6})}


class MappingsInline(ReadOnlyInline):
    """The channels of the device, each with ours; a link leads to changing one."""

    model = ChannelMapping
    fields = readonly_fields = ("channel_id_of_device", "channel_name", "direction", "unit", "channel")
    show_change_link = True


@admin.register(Plugin)
class PluginAdmin(ServiceAdmin):
    """Devices that controllers drive; team and driver stay once they are given."""

    form = PluginForm
    inlines = (MappingsInline,)
    list_display = ("instance_name", "plugin_id", "team", "enabled", "demo_mode", "created_by", "updated_at")
    list_filter = ("team", "plugin_id", "enabled")
    list_select_related = ("team", "created_by")
    search_fields = ("instance_name", "plugin_id")
    autocomplete_fields = ("team",)
    actions = ("export_csv",)
    actions_detail = ("remove",)

    def get_fields(self, request: HttpRequest, obj: Plugin | None = None) -> tuple[str, ...]:
        return SETTINGS if obj is None else (*SETTINGS, "created_by", "created_at", "updated_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Plugin | None = None) -> tuple[str, ...]:
        return () if obj is None else ("team", "plugin_id", "created_by", "created_at", "updated_at")

    def save_model(self, request: HttpRequest, obj: Plugin, form: Any, change: bool) -> None:
        by, now = cast(User, request.user), timezone.now()
        if not change:
            add_plugin(plugin=obj, by=by, at=now)
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        change_plugin(plugin=Plugin.objects.select_related("team").get(pk=obj.pk), by=by, at=now, **changes)

    @action(description="Remove", url_path="remove", permissions=["view"])
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        plugin: Plugin = self.row(request, object_id)
        by, now = cast(User, request.user), timezone.now()
        return confirmed(
            self,
            request,
            plugin if request.method != "POST" else None,
            question=f"Remove {plugin}? Controllers unload it; its channels and their readings stay.",
            work=lambda: remove_plugin(plugin=plugin, by=by, at=now),
            done="The plugin is removed.",
        )


class MappingForm(forms.ModelForm[ChannelMapping]):
    """A channel of a device, and ours."""

    class Meta:
        model = ChannelMapping
        fields = (*TOLD, "channel")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "channel" not in self.fields:  # to be read
            return
        ours = Channel.objects.in_use().select_related("team")
        if not self.instance._state.adding:
            ours = ours.filter(team=self.instance.plugin.team_id)
        self.fields["channel"].queryset = ours.order_by("name", "id")  # type: ignore[attr-defined]


@admin.register(ChannelMapping)
class ChannelMappingAdmin(ServiceAdmin):
    """Channels of devices; only which of ours they are tied to may change."""

    form = MappingForm
    list_display = ("channel_id_of_device", "plugin", "channel_name", "direction", "unit", "channel")
    list_filter = ("plugin__team", "direction", ("channel", admin.EmptyFieldListFilter))
    list_select_related = ("plugin", "channel")
    search_fields = ("channel_id_of_device", "channel_name", "plugin__instance_name")
    actions = ("export_csv",)
    actions_detail = ("remove",)

    def get_fields(self, request: HttpRequest, obj: ChannelMapping | None = None) -> tuple[str, ...]:
        return (*TOLD, "channel")

    def get_readonly_fields(self, request: HttpRequest, obj: ChannelMapping | None = None) -> tuple[str, ...]:
        return () if obj is None else TOLD

    def save_model(self, request: HttpRequest, obj: ChannelMapping, form: Any, change: bool) -> None:
        by, now = cast(User, request.user), timezone.now()
        if not change:
            add_mapping(mapping=obj, by=by, at=now)
            return
        stored = ChannelMapping.objects.select_related("plugin__team", "channel").get(pk=obj.pk)
        tie_channel(mapping=stored, channel=obj.channel, by=by, at=now)

    @action(description="Remove", url_path="remove", permissions=["view"])
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        mapping: ChannelMapping = self.row(request, object_id)
        by, now = cast(User, request.user), timezone.now()
        return confirmed(
            self,
            request,
            mapping if request.method != "POST" else None,
            question=f"Remove {mapping}? Our channel and its readings stay.",
            work=lambda: remove_mapping(mapping=mapping, by=by, at=now),
            done="The channel of the device is removed.",
        )
