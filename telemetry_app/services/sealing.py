"""What happens to stored readings without anybody asking: sealed with their session, folded while it runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sessions_app import timeline
from sessions_app.models import LabSession
from telemetry_app import stores
from telemetry_app.facts import TelemetrySealed
from telemetry_app.instants import from_us
from telemetry_app.models import Channel


def seal_readings(*, session: LabSession, at: datetime) -> None:
    """Fix the session's readings on its timeline; the caller holds the row with no batch in flight.

    A session without readings has nothing to seal.
    """
    seals = stores.current().seal(session.pk)
    if not seals:
        return
    named = {channel.pk: channel for channel in Channel.objects.filter(pk__in=seals)}
    channels: dict[str, dict[str, Any]] = {
        named[channel_id].name: {
            "id": named[channel_id].public_id,
            "unit": named[channel_id].unit,
            "count": seal.count,
            "first": from_us(seal.first_us),
            "last": from_us(seal.last_us),
            "sha256": seal.sha256,
        }
        for channel_id, seal in seals.items()
    }
    fact = TelemetrySealed(readings=sum(seal.count for seal in seals.values()), channels=channels)
    timeline.record(session, fact, by=None, at=at)


def compact_readings(
    *, least: int, idle_before: datetime, told: Callable[[int, int, int], None] = lambda *_: None
) -> int:
    """Tidy the sessions where that pays and return how many readings were moved.

    Args:
        told: is told of each session, as (its number, of how many, readings moved).
    """
    store = stores.current()
    sessions = store.sessions_to_compact(idle_before=idle_before, least=least)
    moved = 0
    for number, session_id in enumerate(sessions, start=1):
        readings = store.compact(session_id)
        told(number, len(sessions), readings)
        moved += readings
    return moved


def compact_session(session: LabSession) -> int:
    """Tidy one session, whatever waits in it, and return how many readings were moved."""
    return stores.current().compact(session.pk)
