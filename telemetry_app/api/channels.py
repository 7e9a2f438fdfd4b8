"""Doors of `/api/v1/events`: the channels, under the name that controllers know them by."""

from __future__ import annotations

import math
import sys
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api.forms import Numbered
from biolab.accounts.models import User
from biolab.accounts.services.teams import team_for
from biolab.kernel.api import Door, etag_of
from biolab.kernel.api.paging import NUMBERED
from biolab.kernel.ids import find, typeid
from sessions_app.api.controllers import TAGS
from sessions_app.policies import require_room_for_more
from telemetry_app.ingest.shapes import BAD_NAME, BAD_UNIT, MAX_NAME, MAX_UNIT
from telemetry_app.models import Channel
from telemetry_app.services.channels import add_channel, change_channel
from telemetry_app.services.withdrawing import withdraw_channel
from telemetry_app.states import ChannelType

NO_LIMIT: Final = sys.float_info.max
OPEN_END: Final = f"Without a limit: ±{NO_LIMIT}."


def _finite(value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        raise serializers.ValidationError("Not a finite number.")


def printable(detail: str) -> Any:
    """Return a validator that refuses text with signs nobody sees, in the words of ``detail``."""

    def check(text: str) -> None:
        if not text.isprintable():
            raise serializers.ValidationError(detail)

    return check


class LimitField(serializers.FloatField):
    """An end of a range; the largest number there is stands for none, as the answers have it."""

    def run_validation(self, data: Any = empty) -> float | None:
        value: float | None = super().run_validation(data)
        return None if value is not None and abs(value) == NO_LIMIT else value


class EventForm(serializers.Serializer[Any]):
    """What a channel is made of."""

    name = serializers.CharField(max_length=MAX_NAME, validators=[printable(BAD_NAME)])
    unit = serializers.CharField(
        max_length=MAX_UNIT, allow_blank=True, required=False, validators=[printable(BAD_UNIT)]
    )
    min_value = LimitField(allow_null=True, required=False, validators=[_finite], help_text=OPEN_END)
    max_value = LimitField(allow_null=True, required=False, validators=[_finite], help_text=OPEN_END)
    type = serializers.ChoiceField(choices=ChannelType.choices, required=False)
    pinned = serializers.BooleanField(required=False)


class NewEventForm(EventForm):
    """A new channel; without ``team_id`` of the caller's only team."""

    team_id = serializers.CharField(max_length=64, required=False, allow_null=True)


class ReasonForm(serializers.Serializer[Any]):
    """Why something is withdrawn."""

    reason = serializers.CharField(max_length=2000, allow_blank=True, required=False, default="")


class EventOut(serializers.Serializer[Any]):
    """A channel as controllers see it."""

    public_id = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    min_value = serializers.FloatField(help_text=OPEN_END)
    max_value = serializers.FloatField(help_text=OPEN_END)
    type = serializers.CharField()
    pinned = serializers.BooleanField()
    user_public_id = serializers.CharField(allow_null=True)


class DoneOut(serializers.Serializer[Any]):
    """That it is done, and what was."""

    status = serializers.CharField()
    message = serializers.CharField()


class EventDone(EventOut, DoneOut):
    """That it is done, and the channel."""


class EventsOut(Numbered):
    """One page of channels."""

    data = EventOut(many=True)  # type: ignore[assignment]


def event_shape(channel: Channel) -> dict[str, Any]:
    """Return a channel as controllers see it: they take limits for numbers, so an open end is the largest one."""
    creator = channel.created_by_id
    return {
        "public_id": channel.public_id,
        "name": channel.name,
        "unit": channel.unit,
        "min_value": -NO_LIMIT if channel.min_value is None else channel.min_value,
        "max_value": NO_LIMIT if channel.max_value is None else channel.max_value,
        "type": channel.type,
        "pinned": channel.pinned,
        "user_public_id": None if creator is None else typeid(User.id_prefix, creator),
    }


def _tag(channel: Channel) -> str:
    return etag_of(*event_shape(channel).items())


class EventsDoor(Door):
    """The channels, and making one."""

    scope_area = "telemetry"

    @extend_schema(operation_id="events_list", tags=TAGS, summary="Channels", parameters=NUMBERED, responses=EventsOut)
    def get(self, request: Request) -> Response:
        channels = Channel.objects.in_use().visible_to(self.person)
        return self.numbered(channels, event_shape, order=("name", "id"))

    @extend_schema(tags=TAGS, summary="Add a channel", request=NewEventForm, responses={201: EventDone})
    def post(self, request: Request) -> Response:
        form = self.validated(NewEventForm)
        team = team_for(self.person, form.pop("team_id", None), at=self.now, controllers=True)
        channel = add_channel(channel=Channel(team=team, **form), by=self.person, at=self.now)
        told = {"status": "success", "message": "Channel added.", **event_shape(channel)}
        return self.answer(told, 201, etag=_tag(channel))


class EventDoor(Door):
    """One channel."""

    scope_area = "telemetry"

    def channel(self, event_id: str) -> Channel:
        return find(Channel.objects.in_use().visible_to(self.person), event_id)

    @extend_schema(tags=TAGS, summary="One channel", responses=EventOut)
    def get(self, request: Request, event_id: str) -> Response:
        channel = self.channel(event_id)
        return self.answer(event_shape(channel), etag=_tag(channel))

    @extend_schema(
        tags=TAGS,
        summary="Change a channel",
        description="Only what is given. A name and a unit stay once the channel has readings (409).",
        request=EventForm(partial=True),
        responses=EventDone,
    )
    def put(self, request: Request, event_id: str) -> Response:
        channel = self.channel(event_id)
        self.must_match(_tag(channel))
        changes = self.validated(EventForm, partial=True)
        channel = change_channel(channel=channel, by=self.person, at=self.now, **changes)
        told = {"status": "success", "message": "Channel changed.", **event_shape(channel)}
        return self.answer(told, etag=_tag(channel))

    @extend_schema(
        tags=TAGS,
        summary="Withdraw a channel",
        description=(
            "Administrators only. It and its readings are shown no more and stay on the record; 409 once a session "
            "that holds some has ended. A JSON body may give the `reason`."
        ),
        responses={200: DoneOut},
    )
    def delete(self, request: Request, event_id: str) -> Response:
        channel = self.channel(event_id)
        require_room_for_more(self.person)
        withdraw_channel(channel=channel, by=self.person, at=self.now, **self.validated(ReasonForm))
        return self.answer({"status": "success", "message": "Channel withdrawn; its readings stay on the record."})
