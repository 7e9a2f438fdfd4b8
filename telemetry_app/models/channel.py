"""Channels: what is measured."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from biolab.accounts.models import Team, User
from biolab.kernel.ids import Identified
from sessions_app.models.scope import teams_in_sight
from telemetry_app.limits import Limits
from telemetry_app.states import ChannelType


class ChannelQuerySet(models.QuerySet["Channel"]):
    """Channels, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the person's teams; all for an administrator."""
        teams = teams_in_sight(person)
        return self if teams is None else self.filter(team__in=teams)

    def in_use(self) -> Self:
        """Those that have not been withdrawn."""
        return self.filter(withdrawn_at__isnull=True)


ChannelManager = models.Manager.from_queryset(ChannelQuerySet)


class Channel(Identified):
    """One measured quantity: its name is unique in its team, its unit holds for every reading.

    A withdrawn channel keeps its row and its readings; it is shown nowhere and its name is free.
    """

    id_prefix = "chan"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="channels")
    name = models.CharField(max_length=255)
    unit = models.CharField(max_length=64, blank=True)
    min_value = models.FloatField("minimum", null=True, blank=True)
    max_value = models.FloatField("maximum", null=True, blank=True)
    type = models.CharField(max_length=16, choices=ChannelType.choices, default=ChannelType.SENSOR)
    pinned = models.BooleanField(default=False, help_text="Its latest value goes into notes and completed steps.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ChannelManager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"], condition=Q(withdrawn_at__isnull=True), name="one_channel_per_name_and_team"
            ),
            models.CheckConstraint(
                condition=Q(min_value__isnull=True) | Q(max_value__isnull=True) | Q(min_value__lte=F("max_value")),
                name="channel_min_is_not_above_max",
            ),
            models.CheckConstraint(condition=Q(type__in=ChannelType.values), name="channel_type_is_known"),
            models.CheckConstraint(condition=~Q(name=""), name="channel_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def limits(self) -> Limits:
        return Limits(self.min_value, self.max_value)
