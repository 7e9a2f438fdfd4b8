"""Doors of `/api/experiment-console/sessions`: sessions and their moves."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.services.teams import team_for
from biolab.kernel.api import Door
from biolab.kernel.ids import find
from biolab.kernel.machine import Move
from sessions_app.api.console_forms import (
    ConsoleSessionFilters,
    ConsoleSessionForm,
    PageQuery,
    SessionMoveForm,
)
from sessions_app.api.console_schemas import ConsoleSessionSchema, ConsoleSessionsSchema
from sessions_app.api.console_shapes import listed_shape, session_shape
from sessions_app.api.console_words import STATUS_OF
from sessions_app.models import LabSession, Protocol
from sessions_app.models.session import LabSessionQuerySet
from sessions_app.services.sessions import move_session, start_session
from sessions_app.states import START


class ConsoleDoor(Door):
    """A door to sessions under the console's names."""

    scope_area = "sessions"

    def sessions(self) -> LabSessionQuerySet:
        """Return the sessions this person sees."""
        return LabSession.objects.visible_to(self.person)

    def session(self, execution_id: str) -> LabSession:
        """Return the session that the id names.

        Raises:
            Missing: unknown, malformed or not visible.
        """
        return find(self.sessions(), execution_id)

    def shown(self, pk: Any, status: int = 200) -> Response:
        """Answer the session as it stands after a change."""
        session = LabSession.objects.with_protocol().get(pk=pk)
        return self.answer(session_shape(session, self.person, at=self.now), status=status)


class ConsoleSessionsDoor(ConsoleDoor):
    """The sessions a person sees, and starting or planning one."""

    @extend_schema(
        operation_id="console_sessions_list",
        tags=["console"],
        summary="List sessions",
        description="Newest first.",
        parameters=[ConsoleSessionFilters, PageQuery],
        responses=ConsoleSessionsSchema,
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(ConsoleSessionFilters)
        sessions = self.sessions().with_protocol().defer("protocol_version__content")
        if "status" in asked:
            sessions = sessions.filter(status=STATUS_OF[asked["status"]])
        if "template_id" in asked:
            sessions = sessions.filter(protocol_version__protocol=asked["template_id"])
        if "q" in asked:
            sessions = sessions.filter(name__icontains=asked["q"])
        return self.items(self.page(sessions, order=("-created_at", "-id"), default=50), listed_shape)

    @extend_schema(
        operation_id="console_sessions_create",
        tags=["console"],
        summary="Start or plan a session of a protocol",
        description="It runs at once, unless `planned_for` says when it is due.",
        request=ConsoleSessionForm,
        responses={201: ConsoleSessionSchema},
    )
    def post(self, request: Request) -> Response:
        form = self.validated(ConsoleSessionForm)
        protocol = find(Protocol.objects.visible_to(self.person).select_related("team"), form["template_id"])
        team_id = form.get("team_id")
        session = start_session(
            team=team_for(self.person, team_id, at=self.now) if team_id else protocol.team,
            by=self.person,
            at=self.now,
            name=form.get("title", protocol.title),
            protocol=protocol,
            parameters=form["parameters"],
            planned_for=form.get("planned_for"),
            with_notebook=form["auto_create_notebook"],
        )
        return self.shown(session.pk, status=201)


class ConsoleSessionDoor(ConsoleDoor):
    """One session, whole."""

    @extend_schema(
        operation_id="console_sessions_retrieve",
        tags=["console"],
        summary="Show a session",
        responses=ConsoleSessionSchema,
    )
    def get(self, request: Request, execution_id: str) -> Response:
        session = find(self.sessions().with_protocol(), execution_id)
        return self.answer(session_shape(session, self.person, at=self.now))


class SessionMoveDoor(ConsoleDoor):
    """One move of a session; which one, the path says."""

    move: ClassVar[Move] = START

    @extend_schema(tags=["console"], summary="Move a session", request=SessionMoveForm, responses=ConsoleSessionSchema)
    def post(self, request: Request, execution_id: str) -> Response:
        form = self.validated(SessionMoveForm)
        session = self.session(execution_id)
        move_session(session=session, move=self.move, by=self.person, at=self.now, reason=form["reason"])
        return self.shown(session.pk)
