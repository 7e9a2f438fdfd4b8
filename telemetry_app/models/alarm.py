"""Alarms: a channel beyond its limits, or gone silent, until it is back and somebody has said what they make of it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from biolab.accounts.models import User
from biolab.kernel.ids import Identified
from sessions_app.models import LabSession
from telemetry_app.models.channel import Channel
from telemetry_app.states import AlarmKind, Standing


class AlarmQuerySet(models.QuerySet["Alarm"]):
    """Alarms, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of sessions that the person may see."""
        return self.filter(session__in=LabSession.objects.visible_to(person))

    def told(self) -> Self:
        """With their channel and who acknowledged them at hand."""
        return self.select_related("channel", "acknowledged_by")

    def open(self) -> Self:
        """Those whose cause goes on."""
        return self.filter(closed_at__isnull=True)

    def unacknowledged(self) -> Self:
        """Those that nobody has answered for."""
        return self.filter(acknowledged_at__isnull=True)


AlarmManager = models.Manager.from_queryset(AlarmQuerySet)


class Alarm(Identified):
    """One stretch of a channel beyond its limits, or without readings, in one session.

    Limits are measured in the readings' own time. Silence is measured in the server's: it begins when the last reading
    arrived and ends when one arrives again.
    """

    id_prefix = "alarm"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="alarms")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="alarms")
    kind = models.CharField(max_length=8, choices=AlarmKind.choices)
    standing = models.CharField(max_length=8, choices=Standing.choices, blank=True)
    value = models.FloatField(null=True, help_text="The reading that opened it; empty for silence.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True)

    objects = AlarmManager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "channel", "kind"],
                condition=Q(closed_at__isnull=True),
                name="one_open_alarm_per_channel_and_kind",
            ),
            models.CheckConstraint(condition=Q(kind__in=AlarmKind.values), name="alarm_kind_is_known"),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True) | Q(acknowledged_by__isnull=False),
                name="alarm_is_acknowledged_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.channel}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def is_acknowledged(self) -> bool:
        return self.acknowledged_at is not None

    @property
    def told(self) -> str:
        """What it is about, in a few words after the channel's name."""
        if self.kind == AlarmKind.SILENCE:
            return "sends no readings" if self.is_open else "sent no readings"
        value = f"{self.value:g} {self.channel.unit}".rstrip()
        return f"{self.get_standing_display().lower()}: {value}"
