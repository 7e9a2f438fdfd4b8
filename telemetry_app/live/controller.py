"""The socket on which a controller sends its readings: each batch is acknowledged once it is stored."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from biolab.accounts.models import User
from biolab.accounts.policies import require_scope
from biolab.accounts.roles import PlatformRole, Scope
from biolab.kernel.api import dump
from biolab.kernel.api.throttles import may_pass
from biolab.kernel.errors import Forbidden, Refusal, Unauthenticated
from sessions_app.live.admission import fresh_person
from sessions_app.live.mailbox import Mailbox
from sessions_app.live.socket import Receive, Send, Socket
from sessions_app.live.socket import Scope as Connection
from sessions_app.live.threads import in_thread
from telemetry_app.ingest.loose import NotJSONError
from telemetry_app.ingest.points import decode_point, decode_points
from telemetry_app.instants import to_us
from telemetry_app.services.points import Taken, take_points

POLICY_VIOLATION: Final = 1008
ACKS_WAITING: Final = 1024
"""Acknowledgements kept for a controller that does not read them now; of more, the oldest go."""


class ControllerSocket(Socket):
    """``/ws/controller/telemetry``: batches in, acknowledgements out, one after the other.

    A batch is answered after its commit, so that what is acknowledged is stored. Who sends it is asked about afresh
    for every batch, as for a request.
    """

    codes: ClassVar = {**Socket.codes, Unauthenticated.kind: POLICY_VIOLATION}
    max_text: ClassVar[int] = settings.REQUEST_MAX_BYTES

    def __init__(self, scope: Connection, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.mailbox = Mailbox(replies=ACKS_WAITING)

    async def open(self) -> None:
        await in_thread(self._sender)()

    async def ask_again(self) -> None:
        await in_thread(self._sender)()

    async def take(self, text: str) -> bool:
        if '"event_public_id"' not in text and '"datapoints"' not in text:
            return False
        try:
            taken = await in_thread(self._store)(text.encode())
        except (Unauthenticated, Forbidden):
            raise
        except Refusal as refusal:
            self.mailbox.reply(self.complaint(refusal.sentence))
        except (NotJSONError, UnicodeEncodeError):
            self.mailbox.reply(self.complaint("This frame is not understood."))
        except DatabaseError:
            self.mailbox.reply(
                self.complaint("The database does not answer now; nothing was stored. Try again shortly.")
            )
        else:
            self.mailbox.reply(_ack(taken))
        return True

    def _store(self, body: bytes) -> Taken:
        person, now = self._sender(), timezone.now()
        if not may_pass("write", person.pk):
            raise Refusal("Too many batches in this minute; nothing was stored. Try again shortly.")
        if b'"datapoints"' in body:
            points = decode_points(body, received_us=to_us(now), most=settings.DATAPOINTS_MAX)
        else:
            points = decode_point(body, received_us=to_us(now))
        digest = hashlib.sha256(body).hexdigest()
        return take_points(points=points, by=person, at=now, body_sha256=digest, address_kind="socket")

    def _sender(self) -> User:
        """Return who sends, as the database knows them now.

        Raises:
            Unauthenticated: the sign-in or the token has ended.
            Forbidden: the token may not write readings, or the person is a viewer.
        """
        person = fresh_person(self.identity) if self.identity.holds(timezone.now()) else None
        if person is None:
            raise Unauthenticated("This sign-in or token has ended.", code="token_revoked")
        require_scope(person, Scope.TELEMETRY_WRITE)
        if person.role == PlatformRole.VIEWER:
            raise Forbidden("A viewer reads and changes nothing.", code="viewer_writes_nothing")
        return person


def _ack(taken: Taken) -> str:
    rejected: list[dict[str, Any]] = [{"index": one.row, "code": one.code} for one in taken.rejected]
    return dump({"type": "ack", "accepted": taken.accepted, "rejected": rejected}).decode()
