"""Doors of `/api/sessions`."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.services.teams import team_for
from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.ids import find
from sessions_app.api.bench_forms import (
    ENDED,
    BenchSessionChange,
    BenchSessionFilters,
    BenchSessionForm,
    BenchSessionOut,
    given,
    session_shape,
)
from sessions_app.errors import SessionEnded
from sessions_app.models import LabSession, Protocol
from sessions_app.selectors import sessions_holding, with_note_counts
from sessions_app.services.sessions import change_session, move_session, session_etag, start_session
from sessions_app.states import COMPLETE, ENDED_STATUSES


class SessionDoorBase(Door):
    """A door to sessions."""

    scope_area = "sessions"

    def visible(self) -> QuerySet[LabSession]:
        return LabSession.objects.visible_to(self.person)

    def shown(self, session: LabSession) -> Response:
        """Answer one session with its tag."""
        counted = with_note_counts(LabSession.objects.filter(pk=session.pk)).get()
        return self.answer(session_shape(counted), etag=session_etag(counted))


class SessionsDoor(SessionDoorBase):
    """The sessions a person sees, and starting one."""

    @extend_schema(
        operation_id="sessions_list",
        summary="List sessions",
        parameters=[BenchSessionFilters, *paged()],
        responses=BenchSessionOut(many=True),
        description='Newest first, as a bare array. With more than `limit`, `Link: <…>; rel="next"` leads on. '
        "`q` looks for text in names and descriptions, and for words in notes.",
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(BenchSessionFilters)
        sessions = self.visible()
        if "status" in asked:
            ended = Q(status__in=ENDED_STATUSES)
            sessions = sessions.filter(ended if asked["status"] == ENDED else ~ended)
        if asked.get("q"):
            sessions = sessions_holding(sessions, asked["q"])
        page = self.page(with_note_counts(sessions), order=("-created_at", "-id"), default=100, most=1000)
        return self.bare(page, session_shape)

    @extend_schema(
        operation_id="sessions_create",
        summary="Start a session",
        request=BenchSessionForm,
        responses={200: BenchSessionOut},
        description="Starts at once. Without `team_id` it is of the protocol's team, else of the caller's only one.",
    )
    def post(self, request: Request) -> Response:
        form = self.validated(BenchSessionForm)
        protocol, team_id = None, form.get("team_id")
        if form.get("protocol_template_id"):
            protocols = Protocol.objects.visible_to(self.person).select_related("team")
            protocol = find(protocols, form["protocol_template_id"])
        if protocol is not None and team_id is None:
            team = protocol.team
        else:
            team = team_for(self.person, str(team_id) if team_id else None, at=self.now)
        session = start_session(
            team=team,
            by=self.person,
            at=self.now,
            name=form["name"],
            description=form.get("description") or "",
            protocol=protocol,
        )
        return self.shown(session)


class SessionDoor(SessionDoorBase):
    """One session."""

    @extend_schema(operation_id="sessions_read", summary="Show a session", responses=BenchSessionOut)
    def get(self, request: Request, sid: str) -> Response:
        return self.shown(find(self.visible(), sid))

    @extend_schema(
        operation_id="sessions_change",
        summary="Rename, describe or end a session",
        request=BenchSessionChange,
        responses=BenchSessionOut,
        description='`status: "ended"` completes the session, once. `reason` is needed to describe an ended one anew.',
    )
    def patch(self, request: Request, sid: str) -> Response:
        session = find(self.visible(), sid)
        self.must_match(session_etag(session))
        read = session_etag(session) if "If-Match" in request.headers else None
        form = given(self.validated(BenchSessionChange))
        reason = form.get("reason", "")
        with transaction.atomic():
            wording = {name: form[name] for name in ("name", "description") if name in form}
            if wording or read is not None:
                session = change_session(
                    session=session, by=self.person, at=self.now, reason=reason, if_match=read, **wording
                )
            if form.get("status") == ENDED:
                session = move_session(session=session, move=COMPLETE, by=self.person, at=self.now, reason=reason)
            elif "status" in form and session.is_ended:
                raise SessionEnded("An ended session is not reopened.")
        return self.shown(session)
