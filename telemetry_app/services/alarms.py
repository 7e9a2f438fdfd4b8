"""Alarms: opened and closed with the facts behind them, told to those who run the session, answered for by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.accounts.selectors import people_who_may
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category, Priority
from biolab.kernel.errors import Conflict, Invalid
from sessions_app import timeline
from sessions_app.models import LabSession
from sessions_app.policies import require_right
from telemetry_app.facts import AlarmAcknowledged
from telemetry_app.instants import from_us
from telemetry_app.models import Alarm, Channel
from telemetry_app.models.alarm import AlarmQuerySet
from telemetry_app.states import AlarmKind, Standing

if TYPE_CHECKING:
    from telemetry_app.services.watching import Move

FLUTTER = timedelta(minutes=5)
"""A channel that leaves its limits again this soon goes on with the alarm it had, unless it was acknowledged."""

MAX_COMMENT = 2000
NAMED = 10
"""Channels that one notification names; of more it says how many there are."""

_TITLES = {
    AlarmKind.LIMIT: ("{} left its limits", "{} channels left their limits"),
    AlarmKind.SILENCE: ("{} has gone silent", "{} channels have gone silent"),
}


def follow_limits(session: LabSession, moves: Sequence[Move], *, at: datetime) -> None:
    """Open, go on with or close the alarms of channels whose standing moved; the caller holds the session's row.

    Args:
        moves: of each channel in time order.
    """
    by_channel: dict[UUID, list[Move]] = {}
    for move in moves:
        by_channel.setdefault(move.channel.id, []).append(move)
    soon = from_us(min(move.us for move in moves)) - FLUTTER
    goes_on = Q(closed_at__isnull=True) | Q(closed_at__gte=soon, acknowledged_at__isnull=True)
    known = Alarm.objects.filter(goes_on, session=session, kind=AlarmKind.LIMIT, channel__in=by_channel)
    newest = {alarm.channel_id: alarm for alarm in known.order_by("opened_at", "id")}
    opened: list[Alarm] = []
    for channel_id, run in by_channel.items():
        alarm = newest.get(channel_id)
        for move in run:
            moved_at = from_us(move.us)
            if move.crossing.after is Standing.INSIDE:
                if alarm is not None:
                    alarm.closed_at = moved_at
            elif alarm is not None and _goes_on(alarm, moved_at):
                alarm.closed_at = None
            else:
                channel = Channel(pk=channel_id, name=move.channel.name, unit=move.channel.unit)
                alarm = Alarm(session=session, channel=channel, kind=AlarmKind.LIMIT, opened_at=moved_at)
                alarm.standing, alarm.value = move.crossing.after, move.value
                opened.append(alarm)
    Alarm.objects.bulk_update(newest.values(), ["closed_at"])
    open_alarms(session, opened, at=at)


def _goes_on(alarm: Alarm, at: datetime) -> bool:
    return alarm.closed_at is None or (not alarm.is_acknowledged and at - alarm.closed_at <= FLUTTER)


def open_alarms(session: LabSession, alarms: Sequence[Alarm], *, at: datetime) -> None:
    """Store new alarms of one kind and tell the members who run sessions in the team, each of them once for all.

    The caller holds the session's row and records the facts.
    """
    if not alarms:
        return
    Alarm.objects.bulk_create(alarms)
    kind = alarms[0].kind
    one, many = _TITLES[AlarmKind(kind)]
    named = [f"{alarm.channel.name} ({_detail(alarm)})" for alarm in alarms[:NAMED]]
    more = f" and {len(alarms) - NAMED} more" if len(alarms) > NAMED else ""
    notify(
        people_who_may(Right.RUN, session.team_id),
        title=one.format(alarms[0].channel.name[:100]) if len(alarms) == 1 else many.format(len(alarms)),
        message=f"Session “{session.name}”: {', '.join(named)}{more}.",
        category=Category.TELEMETRY,
        priority=Priority.HIGH if kind == AlarmKind.LIMIT else Priority.MEDIUM,
        action_url=f"/sessions/{session.public_id}",
        meta={
            "session_id": session.public_id,
            "kind": kind,
            "alarm_ids": [alarm.public_id for alarm in alarms[:NAMED]],
            "channels": [alarm.channel.name for alarm in alarms[:NAMED]],
        },
        key=f"alarm:{alarms[0].pk.hex}",
        at=at,
    )


def _detail(alarm: Alarm) -> str:
    silent = alarm.kind == AlarmKind.SILENCE
    return f"nothing since {alarm.opened_at:%H:%M:%S} UTC" if silent else alarm.told


def close_alarms(alarms: AlarmQuerySet, *, at: datetime) -> None:
    """Close those that are open when their session or channel is over; that end is the fact that says so."""
    alarms.open().update(closed_at=at)


@transaction.atomic
def acknowledge_alarm(*, alarm: Alarm, comment: str, by: User, at: datetime) -> Alarm:
    """Write down that somebody has seen an alarm and what they make of it.

    It may be over by then, and so may the session.

    Raises:
        Forbidden: the person may not run sessions of this team.
        Invalid: the comment is blank or too long.
        Conflict: it is acknowledged already.
    """
    session = LabSession.objects.hold(alarm.session_id)
    require_right(by, Right.RUN, session.team_id)
    comment = _commented(comment)
    alarm = Alarm.objects.told().get(pk=alarm.pk)
    if alarm.is_acknowledged:
        raise Conflict("This alarm is acknowledged already.", code="already_acknowledged")
    alarm.acknowledged_by, alarm.acknowledged_at, alarm.comment = by, at, comment
    alarm.save(update_fields=["acknowledged_by", "acknowledged_at", "comment"])
    fact = AlarmAcknowledged(
        alarm_id=alarm.public_id,
        alarm_kind=alarm.kind,
        channel=alarm.channel.name,
        channel_id=alarm.channel.public_id,
        opened_at=alarm.opened_at,
        comment=comment,
    )
    timeline.record(session, fact, by=by, at=at)
    return alarm


def _commented(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= MAX_COMMENT:
        detail = f"Say in 1 to {MAX_COMMENT} characters what you make of it."
        raise Invalid(detail, errors=[{"pointer": "/comment", "detail": detail}])
    return text
