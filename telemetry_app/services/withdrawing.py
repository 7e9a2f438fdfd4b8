"""Taking readings and channels away on the record: what they were, who took them and why stays."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from biolab.accounts.models import User
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Forbidden, Missing
from sessions_app import timeline
from sessions_app.models import LabSession
from sessions_app.states import ENDED_STATUSES
from telemetry_app import stores
from telemetry_app.codec import encode_times, encode_values
from telemetry_app.facts import ReadingsWithdrawn
from telemetry_app.instants import from_us
from telemetry_app.models import Alarm, Channel, Withdrawal
from telemetry_app.services.alarms import close_alarms
from telemetry_app.services.holding import hold_all_open
from telemetry_app.stores.base import Run
from telemetry_app.stores.reading import FIRST_US, LAST_US
from telemetry_app.stores.segments import seal_runs


@transaction.atomic
def withdraw_readings(
    *,
    session: LabSession | None,
    channel: Channel,
    first_us: int,
    last_us: int | None = None,
    reason: str,
    by: User,
    at: datetime,
) -> Withdrawal:
    """Take a channel's readings of a range away and return the record of what they were.

    Args:
        session: None for readings outside any session, whose withdrawal goes to the security log.
        first_us: microseconds since 1970.
        last_us: the end of the range, included; None for the one instant ``first_us``.

    Raises:
        Forbidden: the person is no administrator.
        Conflict: the session has ended, which has sealed its readings.
        Missing: there is no reading in the range.
    """
    _require_administrator(by)
    held = _hold_unsealed(session)
    run = _withdraw(held, channel, first_us, first_us if last_us is None else last_us, at=at)
    if run is None:
        raise Missing("There is no reading of this channel then.")
    return _put_on_record(held, channel, run, reason=reason, by=by, at=at)


@transaction.atomic
def withdraw_channel(*, channel: Channel, reason: str, by: User, at: datetime) -> Channel:
    """Take a channel away with its readings, so that it is shown nowhere and its name is free.

    Raises:
        Forbidden: the person is no administrator.
        Conflict: the channel has readings in a session that has ended, or is withdrawn already.
    """
    _require_administrator(by)
    sessions = hold_all_open(channel.team_id)
    taken: list[tuple[LabSession | None, Run]] = []
    for key in stores.current().sessions_of(channel.pk):
        if key not in sessions:
            raise _sealed()
        run = _withdraw(sessions[key], channel, FIRST_US, LAST_US, at=at)
        if run is not None:
            taken.append((sessions[key], run))
    if not Channel.objects.in_use().filter(pk=channel.pk).update(withdrawn_at=at):
        raise Conflict("This channel has been withdrawn already.", code="channel_withdrawn")
    channel.withdrawn_at = at
    close_alarms(Alarm.objects.filter(channel=channel), at=at)
    for held, run in taken:
        _put_on_record(held, channel, run, reason=reason, by=by, at=at)
    security.note(
        "channel.withdrawn",
        person=by,
        at=at,
        channel_id=channel.public_id,
        name=channel.name,
        reason=reason,
        readings=sum(run.times.size for _, run in taken),
    )
    return channel


def _require_administrator(by: User) -> None:
    if not by.is_admin:
        raise Forbidden("Only an administrator withdraws readings.")


def _hold_unsealed(session: LabSession | None) -> LabSession | None:
    """Return the session held as its end holds it, so that no batch is in flight."""
    if session is None:
        return None
    held = LabSession.objects.hold(session.pk, to_end=True)
    if held.status in ENDED_STATUSES:
        raise _sealed()
    return held


def _sealed() -> Conflict:
    return Conflict("The session has ended and its readings are sealed.", code="readings_sealed")


def _withdraw(session: LabSession | None, channel: Channel, first_us: int, last_us: int, *, at: datetime) -> Run | None:
    key = None if session is None else session.pk
    run = stores.current().withdraw(key, channel.pk, first_us, last_us, at=at)
    return run if run.times.size else None


def _put_on_record(
    session: LabSession | None, channel: Channel, run: Run, *, reason: str, by: User, at: datetime
) -> Withdrawal:
    """Keep what was withdrawn and say so: on the session's timeline, or in the security log."""
    seal = seal_runs(iter([run]))[channel.pk]
    record = Withdrawal.objects.create(
        channel=channel,
        session=session,
        first_at=seal.first_us,
        last_at=seal.last_us,
        count=seal.count,
        times=encode_times(run.times),
        values=encode_values(run.values),
        reason=reason,
        withdrawn_by=by,
        withdrawn_at=at,
    )
    fact = ReadingsWithdrawn(
        channel=channel.name,
        channel_id=channel.public_id,
        unit=channel.unit,
        withdrawal_id=record.public_id,
        count=seal.count,
        first=from_us(seal.first_us),
        last=from_us(seal.last_us),
        sha256=seal.sha256,
        reason=reason or "no reason given",
    )
    if session is not None:
        timeline.record(session, fact, by=by, at=at)
    else:
        security.note(
            "readings.withdrawn",
            person=by,
            at=at,
            channel_id=channel.public_id,
            withdrawal_id=record.public_id,
            count=seal.count,
            first_us=seal.first_us,
            last_us=seal.last_us,
            sha256=seal.sha256,
            reason=reason,
        )
    return record
