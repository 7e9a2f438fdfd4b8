"""Holding a team's sessions so that no batch of its channels is in flight."""

from __future__ import annotations

from uuid import UUID

from sessions_app import turnstile
from sessions_app.models import LabSession
from sessions_app.states import OPEN_STATUSES
from telemetry_app.stores.base import SessionKey


def hold_all_open(team_id: UUID) -> dict[SessionKey, LabSession | None]:
    """Return a team's sessions that have not ended, and none, all held, so that no batch of the team is in flight.

    Those without readings of a channel too: a batch in flight may bring its first. In one order, so that two who hold
    them never wait for each other; and before any channel, since a batch holds its session before it touches its own.
    """
    keys = LabSession.objects.filter(team_id=team_id, status__in=OPEN_STATUSES).order_by("pk")
    sessions = [LabSession.objects.hold(key, to_end=True) for key in keys.values_list("pk", flat=True)]
    turnstile.close(None)
    return {None: None} | {one.pk: one for one in sessions if one.status in OPEN_STATUSES}
