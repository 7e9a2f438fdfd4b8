"""The door of ThingsBoard's HTTP devices, which carry their token in the path."""

from __future__ import annotations

import hashlib
from typing import Any, Final, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.auth import identify
from biolab.accounts.auth.identity import SECRET_PREFIX
from biolab.accounts.auth.rest import CHALLENGE
from biolab.accounts.models import ServiceToken, Team, User
from biolab.accounts.policies import teams_where
from biolab.accounts.roles import Right
from biolab.kernel.api import Door
from biolab.kernel.errors import Forbidden, Invalid, Unauthenticated
from biolab.kernel.ids import find
from sessions_app.models import LabSession
from sessions_app.states import SessionStatus
from telemetry_app.api.bodies import AnyBodyParser, Body
from telemetry_app.ingest.loose import NotJSONError
from telemetry_app.ingest.thingsboard import Telemetry, decode_telemetry
from telemetry_app.instants import to_us
from telemetry_app.services.ingest import ingest, ingest_outside
from telemetry_app.stores import base

MESSAGE: Final = {"type": "object", "additionalProperties": True}


class PathTokenAuth(BaseAuthentication):
    """A service token as part of the address; logs never show it."""

    def authenticate(self, request: Request) -> tuple[User, Any]:
        token = str(cast(Any, request).parser_context["kwargs"]["token"])
        if not token.startswith(SECRET_PREFIX):
            raise Unauthenticated("Only a service token is accepted here.", code="token_not_valid")
        identity = identify(token, at=timezone.now())
        return identity.person, identity.credential

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class DeviceDoor(Door):
    """Telemetry of one device.

    It goes to the session that the token is bound to; else to the running session of its team that started last; else,
    while none runs, to the team's channels alone.
    """

    scope_area = "telemetry"
    authentication_classes = (PathTokenAuth,)
    parser_classes = (AnyBodyParser,)

    def _answer_once(self, request: Request) -> None:
        """Leave repeats to the store, as every door for readings does."""

    @extend_schema(
        operation_id="thingsboard_telemetry",
        summary="Send readings as a ThingsBoard device does",
        request={"application/json": {"oneOf": [MESSAGE, {"type": "array", "items": MESSAGE}]}},
        responses={200: None},
        auth=[],
        description=(
            'ThingsBoard\'s device API: `{"key": value}`, `{"ts": milliseconds, "values": {…}}`, or an array of '
            "either. Numbers in text and booleans are converted; other values are no readings and are kept only as "
            "received. The answer is empty."
        ),
    )
    def post(self, request: Request, token: str) -> Response:
        received: object = request.data
        body = received if isinstance(received, Body) else Body(b"", hashlib.sha256(b"").hexdigest())
        try:
            sent = decode_telemetry(body.text, received_us=to_us(self.now))
        except NotJSONError as problem:
            raise ParseError(str(problem)) from None
        if sent.batch.accepted or sent.skipped:  # devices try their connection with an empty object
            self._store(sent, body)
        return Response(status=200)

    def _store(self, sent: Telemetry, body: Body) -> None:
        content = hashlib.sha256(body.text).hexdigest()
        how: dict[str, Any] = {
            "batch": sent.batch,
            "by": self.person,
            "at": self.now,
            "body_sha256": body.sha256,
            "batch_id": f"body:{content}" if sent.skipped and sent.batch.timed else None,
            "address_kind": "thingsboard",
            "original": base.Body(body.text, "application/json") if sent.skipped else None,
        }
        place = self._destination()
        if isinstance(place, LabSession):
            ingest(session=place, **how)
        else:
            ingest_outside(team_id=place.pk, **how)

    def _destination(self) -> LabSession | Team:
        person = self.person
        bound: ServiceToken = person.credential
        reachable = LabSession.objects.visible_to(person)
        if len(bound.session_ids) == 1:
            return find(reachable, bound.session_ids[0])
        teams = list(teams_where(person, Right.RUN)[:2])
        if not teams:
            raise Forbidden("The owner of this token runs no sessions in any team it reaches.")
        if len(teams) > 1:
            raise Invalid("The owner of this token is in several teams; give the token one of them, or one session.")
        running = reachable.filter(team=teams[0], status=SessionStatus.RUNNING).order_by("-started_at", "-id").first()
        if running is not None:
            return running
        if bound.session_ids:
            raise Forbidden("This token is for certain sessions, and none of them runs now.")
        return teams[0]
