"""Doors of a session's timeline."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.console import ConsoleDoor
from sessions_app.api.console_forms import EventFilters, EventPageQuery
from sessions_app.api.console_schemas import TimelineSchema, VerificationSchema
from sessions_app.api.console_shapes import event_shape, report_shape
from sessions_app.verification import verify_session


class TimelineDoor(ConsoleDoor):
    """What happened in a session."""

    @extend_schema(
        tags=["console"],
        summary="List what happened",
        description="Newest first; with `after`, oldest first from behind that sequence.",
        parameters=[EventFilters, EventPageQuery],
        responses=TimelineSchema,
    )
    def get(self, request: Request, execution_id: str) -> Response:
        asked = self.asked(EventFilters)
        events = self.session(execution_id).events.only("session_id", "sequence", "canonical", "hash")
        if "event_types" in asked:
            events = events.filter(kind__in=[kind.strip() for kind in asked["event_types"].split(",")])
        if "after" in asked:
            events = events.after(asked["after"])
        order = "sequence" if "after" in asked else "-sequence"
        return self.items(self.page(events, order=(order,), default=50, most=200), event_shape, name="events")


class TimelineVerifyDoor(ConsoleDoor):
    """Whether the timeline is the one that was written."""

    @extend_schema(
        tags=["console"],
        summary="Verify the timeline",
        description="Re-computes every hash and every signed checkpoint from what is stored.",
        responses=VerificationSchema,
    )
    def get(self, request: Request, execution_id: str) -> Response:
        return self.answer(report_shape(verify_session(self.session(execution_id).pk)))
