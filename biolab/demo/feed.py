"""Feeds the demo's running session from a simulated bioreactor, through the public API like any instrument."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Final

import structlog
from django.db import connection
from django.utils import timezone

from biolab.accounts.models import ServiceToken, User
from biolab.accounts.roles import Role, Scope
from biolab.accounts.services.tokens import issue_token, revoke_token
from biolab.demo.lab import RUNNING
from biolab.demo.people import DOMAIN, TEAM
from sessions_app.models import LabSession
from telemetry_app.streaming import RefusedError, stream

log = structlog.get_logger(__name__)

TOKEN_NAME: Final = "Simulated bioreactor"  # noqa: S105  a name
SPEED: Final = 60.0
RATE_HZ: Final = 2.0


class Feed:
    """A thread that measures and sends until it is stopped or the session has ended."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-feed", daemon=True)

    def start(self) -> None:
        """Begin; without a demo session that runs there is nothing to do."""
        self._thread.start()

    def stop(self) -> None:
        """End, leaving what was not sent unsent."""
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        try:
            session = LabSession.objects.live().filter(name=RUNNING, team__name=TEAM).order_by("created_at").first()
            secret = _fresh_token(session, at=timezone.now()) if session is not None else ""
        finally:
            connection.close()
        if session is None:
            return
        try:
            stream(
                url=self._url,
                token=secret,
                session=session.public_id,
                rate_hz=RATE_HZ,
                speed=SPEED,
                seed=12,
                stop=self._stop,
            )
        except RefusedError as refusal:
            log.warning("demo_feed_refused", reason=str(refusal))


def _fresh_token(session: LabSession, *, at: datetime) -> str:
    """Return a new token for this start; the one of the start before is revoked."""
    owner = User.objects.get(email=f"{Role.OPERATOR}@{DOMAIN}", is_active=True)
    for token in ServiceToken.objects.filter(owner=owner, name=TOKEN_NAME, revoked_at=None):
        revoke_token(token=token, by=owner, at=at)
    _, secret = issue_token(
        owner=owner,
        name=TOKEN_NAME,
        by=owner,
        at=at,
        scopes=[Scope.TELEMETRY_WRITE],
        session_ids=[session.public_id],
    )
    return secret
