"""Doors of `/api/query`: short questions about one session, for scripts and agents."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.api import bad_query, whole_number
from biolab.kernel.errors import Missing
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.states import Severity
from telemetry_app import selectors
from telemetry_app.api import shapes
from telemetry_app.api.base import SessionDoor
from telemetry_app.api.prometheus_forms import read_seconds
from telemetry_app.instants import from_us
from telemetry_app.models import Channel
from telemetry_app.severity import at_least, severity_of

MAX_QUERY: Final = 200
MAX_EVENTS: Final = 500
EVERY: Final = "all"
SEVERITIES: Final = [EVERY, *Severity.values]
INSTANT: Final = "ISO 8601 with an offset, or seconds since 1970"

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
SESSION = OpenApiParameter("session", _TEXT, required=True, description="The session's id.")
OF_SESSION = OpenApiParameter("session", str, description="The session's id; left out: the one that started last.")
NAME = OpenApiParameter("name", _TEXT, required=True, description="The channel's name.")
AT = OpenApiParameter("at", str, description=f"{INSTANT}; left out: now.")
T0 = OpenApiParameter("t0", str, description=f"Not before; {INSTANT}.")
T1 = OpenApiParameter("t1", str, description=f"Not after; {INSTANT}.")
SEVERITY = OpenApiParameter("severity", str, enum=SEVERITIES, description="As grave as this, or graver.")
LIMIT = OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_EVENTS, "default": 100})
Q = OpenApiParameter(
    "q",
    {**_TEXT, "maxLength": MAX_QUERY},
    required=True,
    description="Words of the channel's name or unit, in any order.",
)
K = OpenApiParameter("k", {"type": "integer", "minimum": 1, "maximum": 100, "default": 10})


class RangeOut(serializers.Serializer[None]):
    """What a channel did in a range; ``mean`` is null where the sum is beyond float64."""

    channel = serializers.CharField()
    session_id = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    min = serializers.FloatField()
    max = serializers.FloatField()
    mean = serializers.FloatField(allow_null=True)
    last = serializers.FloatField()


class QueriedEvent(serializers.Serializer[None]):
    """An event of the timeline, with how grave it is and its sentence."""

    id = serializers.CharField()
    event_type = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    message = serializers.CharField()
    payload = serializers.DictField()
    sequence = serializers.IntegerField()
    occurred_at = serializers.DateTimeField()


class FoundChannel(serializers.Serializer[None]):
    """A channel and how well it answers, from just above 0 to 1."""

    id = serializers.CharField()
    channel = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    score = serializers.FloatField()


class _QueryDoor(SessionDoor):
    """A question whose session is named in the query."""

    def asked_text(self, name: str, *, most: int = 255) -> str:
        """Return a query value that must be there.

        Raises:
            Invalid: it is missing or too long.
        """
        text = self.request.query_params.get(name, "")
        if not text.strip() or len(text) > most:
            raise bad_query(name, f"Give 1 to {most} characters.")
        return text

    def asked_time(self, name: str) -> datetime | None:
        us = read_seconds(self.request.query_params.get(name, ""))
        return super().asked_time(name) if us is None else from_us(us)

    def asked_session(self) -> LabSession:
        return self.session(self.asked_text("session"))

    def newest_session(self) -> LabSession:
        """Return the session in sight that started last.

        Raises:
            Missing: there is none.
        """
        started = LabSession.objects.visible_to(self.person).filter(started_at__isnull=False)
        newest = started.order_by("-started_at", "-id").first()
        if newest is None:
            raise Missing("No session has started yet.", code="no_session")
        return newest

    def asked_channel(self, session: LabSession) -> Channel:
        """Return the channel that ``?name=`` names.

        Raises:
            Missing: the team has none of this name.
        """
        found = selectors.channels_named(session, [self.asked_text("name")])
        if not found:
            raise Missing("This team has no channel of this name.", code="channel_unknown")
        return next(iter(found.values()))


class ChannelAtDoor(_QueryDoor):
    """What a channel showed at a time."""

    @extend_schema(
        operation_id="query_channel",
        summary="Ask for a channel's reading at a time",
        tags=["query"],
        parameters=[SESSION, NAME, AT],
        responses=shapes.ReadingOut,
        description="The last reading up to `at`; 404 where there is none yet.",
    )
    def get(self, request: Request) -> Response:
        session = self.asked_session()
        channel = self.asked_channel(session)
        reading = selectors.reading_at(session, channel, self.asked_time("at"))
        if reading is None:
            raise Missing("This channel has no reading up to this time.", code="no_reading")
        return Response(selectors.shown_reading(reading, channel))


class RangeDoor(_QueryDoor):
    """What a channel did in a range of time."""

    @extend_schema(
        operation_id="query_range",
        summary="Ask what a range of readings comes to",
        tags=["query"],
        parameters=[SESSION, NAME, T0, T1],
        responses=RangeOut,
        description="`start` and `end` are the range's first and last reading; 404 where there is none.",
    )
    def get(self, request: Request) -> Response:
        session = self.asked_session()
        channel = self.asked_channel(session)
        since, until = self.asked_range("t0", "t1")
        shown = selectors.range_figures(session, channel, since=since, until=until)
        if shown is None:
            raise Missing("This channel has no reading in this range.", code="no_reading")
        return Response(shown)


class EventsDoor(_QueryDoor):
    """What happened in a range of time."""

    scope_area = "sessions"

    @extend_schema(
        operation_id="query_events",
        summary="Ask what happened",
        tags=["query"],
        parameters=[SESSION, T0, T1, SEVERITY, LIMIT, shapes.CURSOR],
        responses=QueriedEvent(many=True),
        description="In the order in which it was written down, as a bare array; `Link` names the next page.",
    )
    def get(self, request: Request) -> Response:
        session = self.asked_session()
        severity = request.query_params.get("severity") or EVERY
        if severity not in SEVERITIES:
            raise bad_query("severity", f"Give one of {', '.join(SEVERITIES)}.")
        events = session.events.filter(at_least(Severity.INFO if severity == EVERY else Severity(severity)))
        since, until = self.asked_range("t0", "t1")
        if since is not None:
            events = events.filter(occurred_at__gte=since)
        if until is not None:
            events = events.filter(occurred_at__lte=until)
        events = events.only("session_id", "sequence", "kind", "canonical", "hash")
        return self.bare(self.page(events, order=("sequence",), default=100, most=MAX_EVENTS), _event)


class SearchDoor(_QueryDoor):
    """The channels of a session by words."""

    @extend_schema(
        operation_id="query_search",
        summary="Find channels by words",
        tags=["query"],
        parameters=[OF_SESSION, Q, K],
        responses=FoundChannel(many=True),
        description="Best first, among the channels with readings in the session; numbers and short words count.",
    )
    def get(self, request: Request) -> Response:
        session = self.asked_session() if request.query_params.get("session") else self.newest_session()
        most = whole_number(request, "k", default=10, least=1, most=100)
        return Response(selectors.channels_like(session, self.asked_text("q", most=MAX_QUERY), most=most))


def _event(event: TimelineEvent) -> dict[str, Any]:
    return {**event.record, "hash": event.hash, "severity": severity_of(event.kind).value, "message": event.told}
