"""Take figures of a session's readings as evidence: what a window comes to, and how it stands against the limits."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.kernel.errors import Conflict
from sessions_app import timeline
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.policies import require_right
from telemetry_app import stores
from telemetry_app.facts import AnalyticsSnapshot, QcMetric
from telemetry_app.instants import from_us, iso_us
from telemetry_app.limits import outside
from telemetry_app.models import Channel
from telemetry_app.selectors import range_us
from telemetry_app.stores.base import Stats

PLACES: Final = 50
ROWS_AT_ONCE: Final = 200_000
NAMED: Final = 10


@transaction.atomic
def take_analytics(
    *,
    session: LabSession,
    by: User,
    at: datetime,
    channels: Collection[Channel] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> TimelineEvent:
    """Write down what the readings of a window come to, and return the event.

    Args:
        channels: None for all that have readings.

    Raises:
        Forbidden: the person may not run sessions of this team.
        Conflict: the window holds no readings.
    """
    session = LabSession.objects.hold(session.pk)
    require_right(by, Right.RUN, session.team_id)
    found = _statistics(session, channels, since, until)
    if not found:
        raise Conflict("There are no readings in this window.", code="no_readings")
    return _write_analytics(session, found, since, until, by=by, at=at)


@transaction.atomic
def check_quality(
    *,
    session: LabSession,
    by: User,
    at: datetime,
    channels: Collection[Channel] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[TimelineEvent]:
    """Hold the readings of a window against the limits, and return an event for each channel that has some.

    Raises:
        Forbidden: the person may not run sessions of this team.
        Conflict: no channel of the window has limits.
    """
    session = LabSession.objects.hold(session.pk)
    require_right(by, Right.RUN, session.team_id)
    found = _statistics(session, channels, since, until)
    events = _write_quality(session, found, since, until, by=by, at=at)
    if not events:
        raise Conflict("No channel with readings in this window has limits.", code="no_limits")
    return events


def note_figures(*, session: LabSession, at: datetime) -> None:
    """Take both of a session that ends; the caller holds its row. One without readings has none to take."""
    found = _statistics(session, None, None, None)
    if found:
        _write_analytics(session, found, None, None, by=None, at=at)
        _write_quality(session, found, None, None, by=None, at=at)


def _statistics(
    session: LabSession, channels: Collection[Channel] | None, since: datetime | None, until: datetime | None
) -> list[tuple[Channel, Stats]]:
    ids = None if channels is None else [channel.pk for channel in channels]
    found = stores.current().summary(session.pk, ids, *range_us(since, until))
    return [(channel, found[channel.pk]) for channel in Channel.objects.filter(pk__in=found).order_by("name", "id")]


def _write_analytics(
    session: LabSession,
    found: list[tuple[Channel, Stats]],
    since: datetime | None,
    until: datetime | None,
    *,
    by: User | None,
    at: datetime,
) -> TimelineEvent:
    names = [channel.name for channel, _ in found]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    fact = AnalyticsSnapshot(
        names=", ".join(names[:NAMED]) + more,
        readings=sum(stats.count for _, stats in found),
        since=since,
        until=until,
        metrics={channel.name: _figures(channel, stats) for channel, stats in found},
    )
    return timeline.record(session, fact, by=by, at=at)


def _figures(channel: Channel, stats: Stats) -> dict[str, Any]:
    mean = stats.total / stats.count if stats.total is not None else None
    return {
        "channel_id": channel.public_id,
        "unit": channel.unit,
        "count": stats.count,
        "min": stats.minimum,
        "max": stats.maximum,
        "mean": mean,
        "first": stats.first,
        "last": stats.last,
        "first_at": from_us(stats.first_us),
        "last_at": from_us(stats.last_us),
    }


def _write_quality(
    session: LabSession,
    found: list[tuple[Channel, Stats]],
    since: datetime | None,
    until: datetime | None,
    *,
    by: User | None,
    at: datetime,
) -> list[TimelineEvent]:
    facts = []
    for channel, stats in found:
        if not channel.limits.any:
            continue
        beyond = _count_outside(session, channel, stats)
        facts.append(
            QcMetric(
                channel=channel.name,
                channel_id=channel.public_id,
                unit=channel.unit,
                minimum=channel.min_value,
                maximum=channel.max_value,
                since=since,
                until=until,
                count=stats.count,
                outside=beyond,
                passed=beyond == 0,
                readings=_standing_out(session.pk, channel.pk, stats),
            )
        )
    return [timeline.record(session, fact, by=by, at=at) for fact in facts]


def _count_outside(session: LabSession, channel: Channel, stats: Stats) -> int:
    """Return how many readings lie beyond the limits; read only where the least or the greatest does."""
    if not outside(np.array([stats.minimum, stats.maximum]), channel.limits).any():
        return 0
    width = stats.last_us - stats.first_us + 1
    slices = min(width, -(-stats.count // ROWS_AT_ONCE))
    edges = [stats.first_us + width * number // slices for number in range(slices + 1)]
    count = 0
    for start, stop in pairwise(edges):
        run = stores.current().window(session.pk, [channel.pk], start, stop - 1).get(channel.pk)
        if run is not None:
            count += int(outside(run.values, channel.limits).sum())
    return count


def _standing_out(session_id: UUID, channel_id: UUID, stats: Stats) -> list[dict[str, Any]]:
    shown = stores.current().decimated(session_id, [channel_id], stats.first_us, stats.last_us, max_points=2 * PLACES)
    if not shown.decimated:
        pairs = zip(shown.time.tolist(), shown.exact[channel_id].tolist(), strict=True)
        return [{"timestamp": iso_us(us), "value": value} for us, value in pairs]
    shown = stores.current().decimated(session_id, [channel_id], stats.first_us, stats.last_us, max_points=PLACES)
    band = shown.bands[channel_id]
    rows = zip(shown.time.tolist(), band.minimum.tolist(), band.maximum.tolist(), strict=True)
    return [
        {"timestamp": iso_us(us), "value": value} for us, low, high in rows for value in (low, high) if value == value
    ]
