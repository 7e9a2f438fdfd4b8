"""Plugins and their mappings: what devices there are, and which of our channels their values belong to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from django.db import transaction

from biolab.accounts.models import Team, User
from biolab.accounts.policies import require
from biolab.accounts.roles import Right
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Invalid, Missing
from sessions_app.policies import require_room_for_more
from telemetry_app.device_catalogue import DRIVERS, DeviceChannel
from telemetry_app.ingest.shapes import MAX_NAME
from telemetry_app.models import Channel, ChannelMapping, Plugin
from telemetry_app.services.channels import UNIT_MISMATCH
from telemetry_app.states import ChannelType, Direction
from telemetry_app.units import same_unit

MAX_MAPPINGS: Final = 1000
MAX_CONFIG: Final = 64 * 1024
TYPE_OF: Final = {
    Direction.INPUT: ChannelType.SENSOR,
    Direction.OUTPUT: ChannelType.ACTUATOR,
    Direction.BIDIRECTIONAL: ChannelType.RANGE,
}


@transaction.atomic
def add_plugin(*, plugin: Plugin, by: User, at: datetime, make_channels: bool = True) -> Plugin:
    """Store a new plugin with a mapping for every channel that its driver is known to have.

    Args:
        make_channels: tie each to our channel “<plugin> – <channel>”, which is made where the team has none.

    Raises:
        Forbidden: the person may not run sessions in the team, or their token is for certain sessions.
        Invalid: its settings are no JSON object, or a channel of ours is recorded in another unit.
        Conflict: the team has a plugin of this name.
    """
    _require_user(by, plugin.team)
    _require_settings(plugin)
    _require_free_name(plugin)
    plugin.created_by, plugin.created_at, plugin.updated_at = by, at, at
    plugin.save(force_insert=True)
    known = DRIVERS.get(plugin.plugin_id, ())
    tied = _channels_for(plugin, known, by=by, at=at) if make_channels else {}
    ChannelMapping.objects.bulk_create(
        ChannelMapping(
            plugin=plugin,
            channel_id_of_device=device.id,
            channel_name=device.name,
            direction=device.direction,
            unit=device.unit,
            channel=tied.get(device.id),
            created_at=at,
        )
        for device in known
    )
    security.note("plugin.added", person=by, at=at, plugin_id=plugin.public_id, **_told(plugin))
    return plugin


@transaction.atomic
def change_plugin(*, plugin: Plugin, by: User, at: datetime, **changes: Any) -> Plugin:
    """Store some changed fields of a plugin; the security log keeps both sides, of its settings only that they changed.

    Args:
        changes: any of ``instance_name, demo_mode, enabled, config_json``.

    Raises:
        Forbidden: the person neither leads in the team nor administers the instance.
        Invalid: its settings are no JSON object.
        Conflict: the team has a plugin of this name.
    """
    _require_steward(by, plugin.team)
    before, settings = _told(plugin), plugin.config_json
    for field, value in changes.items():
        setattr(plugin, field, value)
    _require_settings(plugin)
    _require_free_name(plugin)
    after, same = _told(plugin), plugin.config_json == settings
    if after != before or not same:
        plugin.updated_at = at
        plugin.save(update_fields=[*changes, "updated_at"])
        security.note(
            "plugin.changed",
            person=by,
            at=at,
            plugin_id=plugin.public_id,
            before=before,
            after=after,
            settings="same" if same else "changed",
        )
    return plugin


@transaction.atomic
def remove_plugin(*, plugin: Plugin, by: User, at: datetime) -> None:
    """Take a plugin away with its mappings; its channels and their readings stay, and the security log what it was.

    Raises:
        Forbidden: the person neither leads in the team nor administers the instance.
    """
    _require_steward(by, plugin.team)
    mappings = ChannelMapping.objects.filter(plugin=plugin).with_channels()
    told = {one.channel_id_of_device: None if one.channel is None else one.channel.public_id for one in mappings}
    security.note("plugin.removed", person=by, at=at, plugin_id=plugin.public_id, mappings=told, **_told(plugin))
    plugin.delete()


@transaction.atomic
def add_mapping(*, mapping: ChannelMapping, by: User, at: datetime) -> ChannelMapping:
    """Tell of one more channel of a plugin's device, tied to a channel of ours or to none yet.

    Raises:
        Forbidden: as for ``add_plugin``.
        Missing: our channel is not one of the plugin's team.
        Invalid: our channel is recorded in another unit.
        Conflict: this channel of the device is known, or there are too many.
    """
    plugin = mapping.plugin
    _require_user(by, plugin.team)
    _require_fit(mapping)
    if plugin.mappings.filter(channel_id_of_device=mapping.channel_id_of_device).exists():
        raise Conflict("This channel of the device has a mapping already.", code="mapping_exists")
    if plugin.mappings.count() >= MAX_MAPPINGS:
        raise Conflict(f"A plugin has at most {MAX_MAPPINGS} channels.", code="too_many_mappings")
    mapping.created_at = at
    mapping.save(force_insert=True)
    _note_mapping("plugin.mapping_added", mapping, by=by, at=at)
    return mapping


@transaction.atomic
def tie_channel(*, mapping: ChannelMapping, channel: Channel | None, by: User, at: datetime) -> ChannelMapping:
    """Let the values of a device's channel belong to a channel of ours, or to none.

    Raises:
        Forbidden: the person neither leads in the team nor administers the instance.
        Missing: our channel is not one of the plugin's team.
        Invalid: our channel is recorded in another unit.
    """
    _require_steward(by, mapping.plugin.team)
    before = mapping.channel
    mapping.channel = channel
    _require_fit(mapping)
    if before != channel:
        mapping.save(update_fields=["channel"])
        was = None if before is None else before.public_id
        _note_mapping("plugin.mapping_changed", mapping, by=by, at=at, before=was)
    return mapping


@transaction.atomic
def remove_mapping(*, mapping: ChannelMapping, by: User, at: datetime) -> None:
    """Forget a channel of a plugin's device; ours stays.

    Raises:
        Forbidden: the person neither leads in the team nor administers the instance.
    """
    _require_steward(by, mapping.plugin.team)
    _note_mapping("plugin.mapping_removed", mapping, by=by, at=at)
    mapping.delete()


def _channels_for(plugin: Plugin, known: Sequence[DeviceChannel], *, by: User, at: datetime) -> dict[str, Channel]:
    """Return our channel for each of the device's, by its id there; those the team does not have are made."""
    names = {device.id: _our_name(plugin, device) for device in known}
    made = [
        Channel(
            team=plugin.team,
            name=names[device.id],
            unit=device.unit,
            min_value=device.min_value,
            max_value=device.max_value,
            type=TYPE_OF[device.direction],
            created_by=by,
            created_at=at,
        )
        # By name, so that two who make the same channels wait for each other in one order.
        for device in sorted(known, key=lambda device: names[device.id])
    ]
    Channel.objects.bulk_create(made, ignore_conflicts=True)
    ours = {one.name: one for one in Channel.objects.in_use().filter(team=plugin.team, name__in=names.values())}
    for device in known:
        _require_unit(ours[names[device.id]], device.unit)
    return {device_id: ours[name] for device_id, name in names.items()}


def _our_name(plugin: Plugin, device: DeviceChannel) -> str:
    tail = f" – {device.name}"
    return plugin.instance_name[: MAX_NAME - len(tail)] + tail


def _require_fit(mapping: ChannelMapping) -> None:
    channel = mapping.channel
    if channel is None:
        return
    if channel.team_id != mapping.plugin.team_id or channel.withdrawn_at is not None:
        raise Missing("There is no channel with this id in the plugin's team.", code="channel_unknown")
    _require_unit(channel, mapping.unit)


def _require_unit(channel: Channel, unit: str) -> None:
    if unit and channel.unit and not same_unit(unit, channel.unit):
        detail = f"“{channel.name}” is recorded in {channel.unit}, not in {unit}."
        raise Invalid(detail, code=UNIT_MISMATCH, errors=[{"pointer": "/unit", "detail": detail}])


def _require_settings(plugin: Plugin) -> None:
    text = plugin.config_json
    if not text:
        return
    try:
        fits = len(text) <= MAX_CONFIG and isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        fits = False
    if not fits:
        detail = f"Settings are a JSON object of at most {MAX_CONFIG} characters."
        raise Invalid(detail, errors=[{"pointer": "/config_json", "detail": detail}])


def _require_free_name(plugin: Plugin) -> None:
    same = Plugin.objects.filter(team_id=plugin.team_id, instance_name=plugin.instance_name)
    if same.exclude(pk=plugin.pk).exists():
        raise Conflict(f"The team has a plugin “{plugin.instance_name}” already.", code="plugin_exists")


def _require_user(by: User, team: Team) -> None:
    require_room_for_more(by)
    if not by.is_admin:
        require(by, Right.RUN, team)


def _require_steward(by: User, team: Team) -> None:
    require_room_for_more(by)
    if not by.is_admin:
        require(by, Right.EDIT_PROTOCOLS, team)


def _told(plugin: Plugin) -> dict[str, Any]:
    return {
        "driver": plugin.plugin_id,
        "name": plugin.instance_name,
        "demo_mode": plugin.demo_mode,
        "enabled": plugin.enabled,
    }


def _note_mapping(kind: str, mapping: ChannelMapping, *, by: User, at: datetime, **detail: Any) -> None:
    security.note(
        kind,
        person=by,
        at=at,
        plugin_id=mapping.plugin.public_id,
        device_channel=mapping.channel_id_of_device,
        channel_id=None if mapping.channel is None else mapping.channel.public_id,
        **detail,
    )
