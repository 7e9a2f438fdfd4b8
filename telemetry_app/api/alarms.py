"""Doors of a session's alarms."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.ids import find
from sessions_app.models import LabSession
from telemetry_app.alarms import alarm_shape
from telemetry_app.models import Alarm
from telemetry_app.services.alarms import MAX_COMMENT, acknowledge_alarm
from telemetry_app.states import AlarmKind, Standing

TAGS = ["telemetry"]


class AlarmFilters(serializers.Serializer[Any]):
    open = serializers.BooleanField(allow_null=True, default=None, help_text="Whether its cause goes on.")
    unacknowledged = serializers.BooleanField(
        allow_null=True, default=None, help_text="Whether nobody has answered for it."
    )


class AcknowledgeForm(serializers.Serializer[Any]):
    comment = serializers.CharField(max_length=MAX_COMMENT, help_text="What you make of it.")


class AcknowledgedBy(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()


class AlarmOut(serializers.Serializer[Any]):
    """An alarm; ``value`` is the reading that opened it (null for silence), ``closed_at`` is null while it goes on."""

    id = serializers.CharField()
    session_id = serializers.CharField()
    channel = serializers.CharField()
    channel_id = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=AlarmKind.choices)
    standing = serializers.ChoiceField(choices=Standing.choices, allow_null=True)
    value = serializers.FloatField(allow_null=True)
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = AcknowledgedBy(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    comment = serializers.CharField(allow_blank=True)


class AlarmList(serializers.Serializer[Any]):
    items = AlarmOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class AlarmsDoor(Door):
    """The alarms of a session."""

    scope_area = "sessions"

    @extend_schema(
        operation_id="alarms_list",
        summary="List alarms",
        tags=TAGS,
        parameters=[AlarmFilters, *paged()],
        responses=AlarmList,
        description="Newest first. Filters that are left out let everything through.",
    )
    def get(self, request: Request, sid: str) -> Response:
        asked = self.asked(AlarmFilters)
        alarms = find(LabSession.objects.visible_to(self.person), sid).alarms.told()
        if asked["open"] is not None:
            alarms = alarms.filter(closed_at__isnull=asked["open"])
        if asked["unacknowledged"] is not None:
            alarms = alarms.filter(acknowledged_at__isnull=asked["unacknowledged"])
        return self.items(self.page(alarms, order=("-opened_at", "-id")), alarm_shape)


class AcknowledgeDoor(Door):
    """Answering for an alarm."""

    scope_area = "sessions"

    @extend_schema(
        operation_id="alarms_acknowledge",
        summary="Acknowledge an alarm",
        tags=TAGS,
        request=AcknowledgeForm,
        responses={200: AlarmOut},
        description="Written on the timeline with its comment, once: a second time is 409.",
    )
    def post(self, request: Request, sid: str, alarm_id: str) -> Response:
        session = find(LabSession.objects.visible_to(self.person), sid)
        alarm = find(Alarm.objects.filter(session=session), alarm_id)
        form = self.validated(AcknowledgeForm)
        alarm = acknowledge_alarm(alarm=alarm, comment=form["comment"], by=self.person, at=self.now)
        return self.answer(alarm_shape(alarm))
