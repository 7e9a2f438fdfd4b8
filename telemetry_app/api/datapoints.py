"""Doors of `/api/v1/datapoints`: the readings of all sessions and of none, as controllers send and read them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api.forms import Numbered
from biolab.accounts.models import User
from biolab.accounts.permissions import MayPass
from biolab.accounts.policies import require_scope
from biolab.accounts.roles import Scope
from biolab.kernel.api import Door, whole_number
from biolab.kernel.api.paging import pages
from biolab.kernel.errors import Forbidden, Invalid, Missing, Refusal
from biolab.kernel.ids import find, parse_id
from biolab.kernel.times import parse_utc
from sessions_app.api.controllers import TAGS
from sessions_app.models import LabSession
from sessions_app.policies import require_room_for_more
from telemetry_app import points as reads
from telemetry_app.api import shapes
from telemetry_app.api.bodies import Body, BodyParser
from telemetry_app.api.channels import DoneOut, ReasonForm
from telemetry_app.ingest.loose import NotJSONError
from telemetry_app.ingest.points import (
    UNKNOWN_EVENT,
    WORDS,
    Points,
    decode_point,
    decode_points,
)
from telemetry_app.instants import to_us
from telemetry_app.models import Channel
from telemetry_app.services.points import NOT_ALLOWED, Taken, take_points
from telemetry_app.services.withdrawing import withdraw_readings
from telemetry_app.stores.base import Reading

POINT_IN: dict[str, Any] = {
    "type": "object",
    "required": ["event_public_id", "value"],
    "properties": {"event_public_id": {"type": "string"}, "value": shapes.NUMBER, "timestamp": shapes.TIME},
}
REJECTED_ALONE = {"description": "As of one datapoint; one that does not fit is rejected, the others are stored."}
ONE_OF_MANY = {"properties": dict.fromkeys(POINT_IN["properties"], REJECTED_ALONE)}
POINTS_IN = {
    "type": "object",
    "required": ["datapoints"],
    "properties": {"datapoints": {"type": "array", "maxItems": 10_000, "items": ONE_OF_MANY}},
}


class PointOut(serializers.Serializer[None]):
    """A reading as controllers see it."""

    public_id = serializers.CharField()
    value = serializers.FloatField()
    timestamp = serializers.DateTimeField()
    event_public_id = serializers.CharField()
    experiment_public_id = serializers.CharField(allow_null=True)


class RejectedOut(serializers.Serializer[None]):
    """A row that was not stored."""

    index = serializers.IntegerField()
    code = serializers.CharField()


class TakenOut(DoneOut):
    """How many rows were stored, and which were not."""

    accepted = serializers.IntegerField()
    rejected = serializers.ListField(child=RejectedOut())


class PointsOut(Numbered):
    """One page of readings, newest first."""

    data = PointOut(many=True)  # type: ignore[assignment]


class SeriesForm(serializers.Serializer[Any]):
    """Which channels, how far back and how fine."""

    event_public_ids = serializers.ListField(child=serializers.CharField(max_length=64), min_length=1, max_length=20)
    minutes = serializers.IntegerField(min_value=1, max_value=14_400, default=60)
    max_points = serializers.IntegerField(min_value=10, max_value=2000, default=500)


SERIES_OUT = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/PointOut"}},
}


def shown_taken(taken: Taken) -> dict[str, Any]:
    """Return what a sender of rows is told."""
    rejected = [{"index": rejection.row, "code": rejection.code} for rejection in taken.rejected]
    return {"accepted": taken.accepted, "rejected": rejected}


def _refusal(code: str) -> Refusal:
    """Return what a sender of one row is told that was not stored."""
    if code == UNKNOWN_EVENT:
        return Missing("There is no channel with this id.", code="channel_unknown")
    if code == NOT_ALLOWED:
        return Forbidden("Your role in this channel's team does not allow this.")
    pointer, detail = WORDS[code]
    return Invalid(f"This is no reading: {detail}", code=code, errors=[{"pointer": pointer, "detail": detail}])


class _PointsDoor(Door):
    """A door to the readings of every session in sight."""

    scope_area = "telemetry"
    parser_classes = (BodyParser,)

    def taken(self, decode: Callable[[bytes], Points]) -> Taken:
        read: object = self.request.data
        body = read if isinstance(read, Body) else Body(b"", hashlib.sha256(b"").hexdigest())
        try:
            points = decode(body.text)
        except NotJSONError as problem:
            raise ParseError(str(problem)) from None
        return take_points(points=points, by=self.person, at=self.now, body_sha256=body.sha256)

    def answered(self, taken: Taken) -> Response:
        noun = "datapoint" if taken.accepted == 1 else "datapoints"
        message = f"{taken.accepted} {noun} stored."
        if taken.rejected:
            message = f"{taken.accepted} {noun} stored, {len(taken.rejected)} rejected."
        return Response({"status": "success", "message": message, **shown_taken(taken)}, status=201)


class DatapointsDoor(_PointsDoor):
    """The readings, and sending one."""

    @extend_schema(
        operation_id="datapoints_list",
        tags=TAGS,
        summary="Readings, newest first",
        parameters=[
            *pages(most=reads.DEEPEST // 25),
            OpenApiParameter("event_id", str, description="Only this channel."),
            OpenApiParameter("experiment_id", str, description="Only this session."),
            *shapes.RANGE,
        ],
        responses=PointsOut,
    )
    def get(self, request: Request) -> Response:
        page = whole_number(request, "page", default=1, least=1, most=1_000_000)
        size = whole_number(request, "page_size", default=25, least=1, most=100)
        event_id, experiment_id = request.query_params.get("event_id"), request.query_params.get("experiment_id")
        channels, sessions = Channel.objects.in_use(), LabSession.objects.all()
        sight = reads.sight_of(
            self.person,
            channel=find(channels.visible_to(self.person), event_id) if event_id else None,
            session=find(sessions.visible_to(self.person), experiment_id) if experiment_id else None,
        )
        found, total = reads.newest_points(
            sight, since=self.asked_time("from"), until=self.asked_time("to"), skip=(page - 1) * size, count=size
        )
        data = [reads.shown_point(reading) for reading in found]
        return Response({"page": page, "page_size": size, "total": total, "data": data})

    @extend_schema(
        operation_id="datapoints_create",
        tags=TAGS,
        summary="Send one reading",
        request={"application/json": POINT_IN},
        responses={201: TakenOut},
    )
    def post(self, request: Request) -> Response:
        taken = self.taken(lambda body: decode_point(body, received_us=to_us(self.now)))
        for rejection in taken.rejected:
            raise _refusal(rejection.code)
        return self.answered(taken)

    def asked_time(self, name: str) -> datetime | None:
        text = self.request.query_params.get(name)
        return parse_utc(text, pointer=f"?{name}") if text else None


class DatapointsBatchDoor(_PointsDoor):
    """Sending many readings: those that are good are stored, the others named by their place."""

    @extend_schema(
        tags=TAGS,
        summary="Send many readings",
        description=(
            "Rows of unknown channels and rows that are no readings are rejected one by one, the rest is stored in one "
            "transaction. Readings of a team go to its running session that started last, or to none."
        ),
        request={"application/json": POINTS_IN},
        responses={201: TakenOut},
    )
    def post(self, request: Request) -> Response:
        most: int = settings.DATAPOINTS_MAX
        return self.answered(self.taken(lambda body: decode_points(body, received_us=to_us(self.now), most=most)))


class DatapointsLatestDoor(_PointsDoor):
    """The newest reading of each channel."""

    @extend_schema(
        operation_id="datapoints_latest",
        tags=TAGS,
        summary="The newest reading of each channel",
        responses=PointOut(many=True),
    )
    def get(self, request: Request) -> Response:
        found = reads.latest_points(reads.sight_of(self.person), at=self.now)
        return Response([reads.shown_point(reading) for reading in found])


class AsksByPost(MayPass):
    """Whoever may read: a question that is long enough to be posted changes nothing."""

    def has_permission(self, request: Request, view: Any) -> bool:
        person = request.user
        if not isinstance(person, User) or not person.is_active:
            return False
        require_scope(person, Scope.TELEMETRY_READ)
        return True


class DatapointsSeriesDoor(Door):
    """What a chart shows of some channels."""

    scope_area = "telemetry"
    permission_classes: Any = (AsksByPost,)

    @extend_schema(
        operation_id="datapoints_series",
        tags=TAGS,
        summary="Readings of the last minutes, for charts",
        description="By time; of too many, the least and the greatest of equal runs, so that every spike survives.",
        request=SeriesForm,
        responses={(200, "application/json"): SERIES_OUT},
    )
    def post(self, request: Request) -> Response:
        form = self.validated(SeriesForm)
        asked = {text: parse_id(text, Channel.id_prefix) for text in form["event_public_ids"]}
        sight = reads.sight_of(self.person).narrowed({key for key in asked.values() if key is not None})
        found = reads.point_series(
            sight,
            since=self.now - timedelta(minutes=form["minutes"]),
            until=self.now + timedelta(days=1),
            max_points=form["max_points"],
        )
        shown = {key: [reads.shown_point(reading) for reading in some] for key, some in found.items()}
        return Response({text: shown.get(key, []) if key else [] for text, key in asked.items()})


class DatapointDoor(Door):
    """One reading."""

    scope_area = "telemetry"

    def reading(self, point_id: str) -> Reading:
        found = reads.point_named(self.person, point_id)
        if found is None:
            raise Missing("There is no reading with this id.")
        return found

    @extend_schema(tags=TAGS, summary="One reading", responses=PointOut)
    def get(self, request: Request, point_id: str) -> Response:
        return self.answer(reads.shown_point(self.reading(point_id)))

    @extend_schema(
        tags=TAGS,
        summary="Withdraw a reading",
        description=(
            "Administrators only. It is shown no more and stays on the record; 409 once its session has ended. A JSON "
            "body may give the `reason`."
        ),
        responses={200: DoneOut},
    )
    def delete(self, request: Request, point_id: str) -> Response:
        reading = self.reading(point_id)
        require_room_for_more(self.person)
        session = None if reading.session_id is None else LabSession.objects.get(pk=reading.session_id)
        channel = Channel.objects.get(pk=reading.channel_id)
        form = self.validated(ReasonForm)
        withdraw_readings(session=session, channel=channel, first_us=reading.us, by=self.person, at=self.now, **form)
        return self.answer({"status": "success", "message": "Reading withdrawn; it stays on the record."})
