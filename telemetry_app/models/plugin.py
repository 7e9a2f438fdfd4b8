"""Plugins: devices as a controller drives them, and which of their channels are ours."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from biolab.accounts.models import Team, User
from biolab.kernel.ids import Identified
from sessions_app.models.scope import teams_in_sight
from telemetry_app.models.channel import Channel
from telemetry_app.states import Direction


class PluginQuerySet(models.QuerySet["Plugin"]):
    """Plugins, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the person's teams; all for an administrator."""
        teams = teams_in_sight(person)
        return self if teams is None else self.filter(team__in=teams)

    def with_mappings(self) -> Self:
        """With what they are tied to at hand."""
        return self.prefetch_related(models.Prefetch("mappings", ChannelMapping.objects.with_channels()))


PluginManager = models.Manager.from_queryset(PluginQuerySet)


class Plugin(Identified):
    """One device that a controller drives: the driver it loads, under which name and with which settings.

    The driver itself is installed beside the controller; the house knows only its name.
    """

    id_prefix = "plug"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="plugins")
    plugin_id = models.CharField("driver", max_length=100, help_text="As the controller's driver calls itself.")
    instance_name = models.CharField("name", max_length=255)
    demo_mode = models.BooleanField(default=False, help_text="The driver makes its values up.")
    enabled = models.BooleanField(default=True, help_text="Controllers load it.")
    config_json = models.TextField("settings", blank=True, help_text="A JSON object that the driver understands.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PluginManager()

    class Meta:
        ordering = ["instance_name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["team", "instance_name"], name="one_plugin_per_name_and_team"),
        ]

    def __str__(self) -> str:
        return self.instance_name


class ChannelMappingQuerySet(models.QuerySet["ChannelMapping"]):
    """Mappings, narrowed."""

    def with_channels(self) -> Self:
        """With our channels at hand, in order."""
        return self.select_related("channel").order_by("channel_id_of_device", "id")


ChannelMappingManager = models.Manager.from_queryset(ChannelMappingQuerySet)


class ChannelMapping(Identified):
    """One channel of a plugin's device, and the channel of ours that its values belong to, if any."""

    id_prefix = "map"

    plugin = models.ForeignKey(Plugin, on_delete=models.CASCADE, related_name="mappings")
    channel_id_of_device = models.CharField("channel of the device", max_length=100)
    channel_name = models.CharField("its name", max_length=255)
    direction = models.CharField(max_length=16, choices=Direction.choices, default=Direction.INPUT)
    unit = models.CharField(max_length=64, blank=True)
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, null=True, blank=True, related_name="mappings", verbose_name="our channel"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ChannelMappingManager()

    class Meta:
        ordering = ["channel_id_of_device", "id"]
        verbose_name = "channel mapping"
        constraints = [
            models.UniqueConstraint(
                fields=["plugin", "channel_id_of_device"], name="one_mapping_per_channel_of_a_device"
            ),
            models.CheckConstraint(condition=Q(direction__in=Direction.values), name="mapping_direction_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.plugin}: {self.channel_id_of_device}"

    @property
    def tied(self) -> Channel | None:
        """Our channel, as long as it is in use."""
        return self.channel if self.channel is not None and self.channel.withdrawn_at is None else None
