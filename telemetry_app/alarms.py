"""Alarms as doors and pages show them."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from biolab.kernel.ids import typeid
from biolab.kernel.times import iso, iso_or_none
from sessions_app.models import LabSession
from telemetry_app.models import Alarm
from telemetry_app.models.alarm import AlarmQuerySet


def alarms_of(session: LabSession) -> AlarmQuerySet:
    """Return a session's alarms, those that nobody has answered for first, then the newest first."""
    waiting_first = F("acknowledged_at").asc(nulls_first=True)
    return Alarm.objects.filter(session=session).told().order_by(waiting_first, "-opened_at", "-id")


def alarm_shape(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm that came through ``told()``, as the wire shows it."""
    person = alarm.acknowledged_by
    return {
        "id": alarm.public_id,
        "session_id": typeid(LabSession.id_prefix, alarm.session_id),
        "channel": alarm.channel.name,
        "channel_id": alarm.channel.public_id,
        "unit": alarm.channel.unit,
        "kind": alarm.kind,
        "standing": alarm.standing or None,
        "value": alarm.value,
        "opened_at": iso(alarm.opened_at),
        "closed_at": iso_or_none(alarm.closed_at),
        "acknowledged_by": None if person is None else {"id": person.public_id, "name": person.printed_name},
        "acknowledged_at": iso_or_none(alarm.acknowledged_at),
        "comment": alarm.comment,
    }
