"""The door of a session's legal hold."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.console import ConsoleDoor
from sessions_app.api.console_schemas import ConsoleSessionSchema
from sessions_app.services.holds import lift_legal_hold, set_legal_hold
from sessions_app.wording import MAX_REASON


class LegalHoldForm(serializers.Serializer[Any]):
    """Whether the session is to be held, and why."""

    held = serializers.BooleanField()
    reason = serializers.CharField(max_length=MAX_REASON)


class LegalHoldDoor(ConsoleDoor):
    """Set and lift the legal hold of a session."""

    @extend_schema(
        operation_id="console_sessions_legal_hold",
        tags=["console"],
        summary="Set or lift a session's legal hold",
        description="Administrators only. While it stands, no archive of the session expires and nothing is removed.",
        request=LegalHoldForm,
        responses=ConsoleSessionSchema,
    )
    def put(self, request: Request, execution_id: str) -> Response:
        session = self.session(execution_id)
        form = self.validated(LegalHoldForm)
        turn = set_legal_hold if form["held"] else lift_legal_hold
        turn(session=session, reason=form["reason"], by=self.person, at=self.now)
        return self.shown(session.pk)
