"""Channels that sent regularly and fell silent, and those that are heard again.

A channel of a running session that has sent six times or more is silent when nothing has arrived for ten times the
longest step lately between its readings, and for half a minute at least. The step is measured in the readings' own
time, so that an instrument that sends a batch every ten minutes is given a hundred; the waiting is measured in the
server's. Readings that were more than five minutes old when they arrived are history (an import, say), and nobody waits
for more of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery

from sessions_app import timeline
from sessions_app.models import LabSession
from sessions_app.states import LIVE_STATUSES, SessionStatus
from telemetry_app.facts import GapEnded, GapNoticed
from telemetry_app.ingest.columns import LATE_US
from telemetry_app.instants import SECOND_US, to_us
from telemetry_app.models import Alarm, Channel, Latest, Segment
from telemetry_app.services.alarms import open_alarms
from telemetry_app.states import AlarmKind
from telemetry_app.stores.withdrawal import WITHDRAWAL

REGULAR_AFTER = 5
"""Steps from one arrival to the next after which a channel counts as sending regularly."""

PATIENCE = 10
"""How many of its usual steps a channel may leave out."""

PATIENCE_AT_LEAST = timedelta(seconds=30)


class _Heard(NamedTuple):
    """What is known of one channel in one session."""

    session_id: UUID
    channel_id: UUID
    newest_us: int
    pace_us: int
    arrived_at: datetime
    silent_since: datetime | None
    moved_at: datetime


def look_for_silence(*, at: datetime, listening_since: datetime) -> int:
    """Open alarms of channels that fell silent and close those of channels heard again; return how many.

    One query where nothing has changed. May run twice at once: each session is settled by one alone, who looks again.

    Args:
        listening_since: when the house came up; what nobody heard before that is no silence of the instruments.
    """
    changed = _changed(at, listening_since)
    return sum(_settle(session_id, at, listening_since) for session_id in sorted({row.session_id for row in changed}))


@transaction.atomic
def _settle(session_id: UUID, at: datetime, listening_since: datetime) -> int:
    """Write down what has changed in a session."""
    session = LabSession.objects.hold(session_id)
    changed = _changed(at, listening_since, session_id)
    channels = Channel.objects.in_bulk([row.channel_id for row in changed])
    _notice(session, [row for row in changed if row.silent_since is None], channels, at=at)
    _end(session, [row for row in changed if row.silent_since is not None], channels, at=at)
    return len(changed)


def _notice(session: LabSession, silent: Iterable[_Heard], channels: dict[UUID, Channel], *, at: datetime) -> None:
    opened = []
    for row in silent:
        channel = channels[row.channel_id]
        opened.append(Alarm(session=session, channel=channel, kind=AlarmKind.SILENCE, opened_at=row.arrived_at))
        fact = GapNoticed(
            channel=channel.name,
            channel_id=channel.public_id,
            since=row.arrived_at,
            expected_s=row.pace_us / SECOND_US,
        )
        timeline.record(session, fact, by=None, at=at)
    open_alarms(session, opened, at=at)


def _end(session: LabSession, heard: Iterable[_Heard], channels: dict[UUID, Channel], *, at: datetime) -> None:
    until = {row.channel_id: row.arrived_at for row in heard}
    alarms = list(Alarm.objects.filter(session=session, kind=AlarmKind.SILENCE, channel__in=until).open())
    for alarm in alarms:
        channel = channels[alarm.channel_id]
        alarm.closed_at = until[alarm.channel_id]
        fact = GapEnded(
            channel=channel.name,
            channel_id=channel.public_id,
            since=alarm.opened_at,
            until=alarm.closed_at,
            seconds=(alarm.closed_at - alarm.opened_at).total_seconds(),
        )
        timeline.record(session, fact, by=None, at=at)
    Alarm.objects.bulk_update(alarms, ["closed_at"])


def _changed(at: datetime, listening_since: datetime, session_id: UUID | None = None) -> list[_Heard]:
    """Return the channels, of live sessions or of one, that are silent without an alarm or heard in spite of one."""
    batch = Segment.objects.exclude(address_kind=WITHDRAWAL).filter(position=OuterRef("position"))
    here = {"session": OuterRef("session"), "channel": OuterRef("channel")}
    silent = Alarm.objects.filter(kind=AlarmKind.SILENCE, **here).open().values("opened_at")
    quiet = Q(
        session__status=SessionStatus.RUNNING,
        channel__withdrawn_at__isnull=True,
        silent_since__isnull=True,
        arrived_at__lt=at - PATIENCE_AT_LEAST,
    )
    latest = Latest.objects.filter(session__status__in=LIVE_STATUSES, steps__gte=REGULAR_AFTER)
    if session_id is not None:
        latest = latest.filter(session=session_id)
    rows = latest.annotate(arrived_at=Subquery(batch.values("received_at")), silent_since=Subquery(silent)).filter(
        quiet | Q(silent_since__lt=F("arrived_at"))
    )
    found = map(
        _Heard._make,
        rows.order_by("session", "channel__name").values_list(
            "session_id", "channel_id", "at", "pace_us", "arrived_at", "silent_since", "session__updated_at"
        ),
    )
    return [row for row in found if row.silent_since is not None or _is_silent(row, at, listening_since)]


def _is_silent(row: _Heard, at: datetime, listening_since: datetime) -> bool:
    """Tell whether a channel that nothing has arrived from lately was expected to send."""
    if to_us(row.arrived_at) - row.newest_us > LATE_US:
        return False
    patience = max(PATIENCE_AT_LEAST, PATIENCE * timedelta(microseconds=row.pace_us))
    return at - max(row.arrived_at, row.moved_at, listening_since) > patience
