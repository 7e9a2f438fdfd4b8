"""Doors that take figures of a session's readings as evidence."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel.errors import Invalid, Missing
from biolab.kernel.schema import TIME_IN
from biolab.kernel.times import parse_utc
from sessions_app.api.evidence import EvidenceSchema, event_as_evidence
from sessions_app.models import LabSession
from telemetry_app.api.base import SessionDoor
from telemetry_app.selectors import channels_named
from telemetry_app.services.figures import check_quality, take_analytics

TAGS = ["evidence"]
MOST_CHANNELS = 1000


@extend_schema_field(TIME_IN)
class EndField(serializers.CharField):
    """One end of a range: ISO 8601 with an offset."""


class WindowForm(serializers.Serializer[Any]):
    """Which readings: all of the session's, unless named channels or a range narrow them."""

    channels = serializers.ListField(
        child=serializers.CharField(max_length=255),
        required=False,
        allow_null=True,
        max_length=MOST_CHANNELS,
        help_text="Names; all channels without it.",
    )

    def get_fields(self) -> dict[str, Any]:
        """Name both ends of the range as the other doors do; ``from`` is no name in Python."""
        ends = {name: EndField(required=False, allow_null=True, max_length=64) for name in ("from", "to")}
        return {**super().get_fields(), **ends}


class QualitySchema(serializers.Serializer[Any]):
    """One metric for each channel that has limits."""

    items = EvidenceSchema(many=True)


class FiguresDoor(SessionDoor):
    """What the doors that take figures share."""

    def window(self, session: LabSession) -> dict[str, Any]:
        """Return what the body narrows the readings to.

        Raises:
            Missing: the team has no channel of such a name.
            Invalid: an end is no time, or the range ends before it begins.
        """
        form = self.validated(WindowForm)
        names = form.get("channels")
        channels = None
        if names is not None:
            found = channels_named(session, names)
            unknown = sorted(set(names) - {channel.name for channel in found.values()})
            if unknown:
                raise Missing(f"This team has no channel “{unknown[0]}”.", code="channel_unknown")
            channels = list(found.values())
        since, until = (
            parse_utc(form[name], pointer=f"/{name}") if form.get(name) else None for name in ("from", "to")
        )
        if since is not None and until is not None and until < since:
            detail = "The range ends before it begins."
            raise Invalid(detail, errors=[{"pointer": "/to", "detail": detail}])
        return {"channels": channels, "since": since, "until": until}


class AnalyticsDoor(FiguresDoor):
    """Statistics as evidence."""

    @extend_schema(
        operation_id="analytics_snapshot",
        tags=TAGS,
        summary="Write down what a window of readings comes to",
        description="An event `analytics.snapshot`, which an export may carry. 409 where the window holds no readings.",
        request=WindowForm,
        responses={201: EvidenceSchema},
    )
    def post(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        event = take_analytics(session=session, by=self.person, at=self.now, **self.window(session))
        return self.answer(event_as_evidence(event, "analytics_snapshot"), status=201)


class QualityDoor(FiguresDoor):
    """Readings against limits as evidence."""

    @extend_schema(
        operation_id="qc_metrics",
        tags=TAGS,
        summary="Hold a window of readings against the limits",
        description="An event `qc.metric` for each channel with limits, which an export may carry. 409 without any.",
        request=WindowForm,
        responses={201: QualitySchema},
    )
    def post(self, request: Request, sid: str) -> Response:
        session = self.session(sid)
        events = check_quality(session=session, by=self.person, at=self.now, **self.window(session))
        return self.answer({"items": [event_as_evidence(event, "qc_metric") for event in events]}, status=201)
