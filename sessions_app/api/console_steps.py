"""Doors of a session's steps."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.console import ConsoleDoor
from sessions_app.api.console_forms import StepMoveForm
from sessions_app.api.console_schemas import ConsoleSessionSchema
from sessions_app.services.steps import advance_step, move_step


class StepDoor(ConsoleDoor):
    """Move one step to a status."""

    @extend_schema(
        tags=["console"],
        summary="Move a step",
        description="Skipping needs a reason. With the last step done, the session completes.",
        request=StepMoveForm,
        responses=ConsoleSessionSchema,
    )
    def post(self, request: Request, execution_id: str, index: int) -> Response:
        form = self.validated(StepMoveForm)
        session = self.session(execution_id)
        move_step(session=session, index=index, to=form.pop("status"), by=self.person, at=self.now, **form)
        return self.shown(session.pk)


class StepAdvanceDoor(ConsoleDoor):
    """Move one step on."""

    @extend_schema(
        tags=["console"],
        summary="Advance a step",
        description="Pending → in progress → completed. A step that is done stays as it is, without an event.",
        request=None,
        responses=ConsoleSessionSchema,
    )
    def post(self, request: Request, execution_id: str, index: int) -> Response:
        session = self.session(execution_id)
        advance_step(session=session, index=index, by=self.person, at=self.now)
        return self.shown(session.pk)
