"""Taking readings in: one path behind every door — channels, limits, the store, the facts, the bell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.policies import require, require_scope
from biolab.accounts.roles import RIGHTS, PlatformRole, Right, Role, Scope
from biolab.kernel import realtime
from biolab.kernel.ids import new_uuid
from sessions_app import turnstile
from sessions_app.errors import SessionEnded, SessionNotRunning
from sessions_app.models import LabSession
from sessions_app.states import ENDED_STATUSES, LIVE_STATUSES
from telemetry_app import stores
from telemetry_app.ingest.columns import Batch
from telemetry_app.services.channels import Known, channels_at_hand, resolve_channels
from telemetry_app.services.watching import Watch, against_limits, tell
from telemetry_app.stores.admission import Admission, ChannelRow, admit, hold_open
from telemetry_app.stores.base import Body, Counts, Intake, Source

LET_IN_MAX: Final = 10_000
CHANNELS_KEPT: Final = 200
"""Of a token and session; what more there are is asked for."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a batch, with the channels it went to by name."""

    counts: Counts
    channels: Mapping[str, Known]


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a batch came: who sent it, when, by which way in, under which name and in which body."""

    by: User
    at: datetime
    body_sha256: str
    batch_id: str | None = None
    address_kind: str = "http"
    original: Body | None = None


def ingest(
    *,
    session: LabSession,
    batch: Batch,
    by: User,
    at: datetime,
    body_sha256: str,
    batch_id: str | None = None,
    address_kind: str = "http",
    original: Body | None = None,
) -> Receipt:
    """Store a batch of readings in a session and say what came of it.

    Args:
        batch_id: the batch's name where its body gives none. Without any, a batch whose rows all carry their own time
            is named after its content, so that a repeat is recognised; any other is applied every time.
        address_kind: the way in, such as ``http``, ``influx`` or ``mqtt``; at most 16 characters.
        original: the body as received, to be kept because the readings do not say all of it.

    Raises:
        Forbidden: the person's role or token does not allow it.
        SessionEnded, SessionNotRunning: the session takes no readings now.
        Invalid: a channel has another unit.
    """
    require_scope(by, Scope.TELEMETRY_WRITE)
    with transaction.atomic():
        status, role = hold_open(session.pk, by.pk)
        _require_runner(by, session.team_id, role)
        require_live(status)
        arrival = Arrival(by, at, body_sha256, batch_id, address_kind, original)
        return _take_in(session.team_id, session, batch, arrival)


def ingest_outside(
    *,
    team_id: UUID,
    batch: Batch,
    by: User,
    at: datetime,
    body_sha256: str,
    batch_id: str | None = None,
    address_kind: str = "http",
    original: Body | None = None,
) -> Receipt:
    """Store a batch of a team's channels while none of its sessions runs, and say what came of it.

    Such readings have no timeline; limits flag them and tell nobody. For the rest as :func:`ingest`.

    Raises:
        Forbidden: the person's role or token does not allow it.
        Invalid: a channel has another unit.
    """
    require_scope(by, Scope.TELEMETRY_WRITE)
    require(by, Right.RUN, team_id)
    with transaction.atomic():
        turnstile.pass_through(None)
        return _take_in(team_id, None, batch, Arrival(by, at, body_sha256, batch_id, address_kind, original))


def ingest_by_token(
    *,
    digest: str,
    session_id: UUID,
    read: Callable[[], Batch],
    pass_on: Callable[[User], bool],
    at: datetime,
    body_sha256: str,
) -> Receipt | None:
    """Store a batch that came with a service token, when everything about it is as it mostly is.

    One statement asks afresh for all that :func:`ingest` and its doors ask step by step. None, with nothing done,
    means that something is in the way; the longer path then says what.

    Args:
        digest: what is kept of the token.
        read: gives the batch; called once its sender is known, or was lately, so that strangers cost no decoding.
        pass_on: whether this person may pass now.
    """
    last = _let_in.get((digest, session_id))
    batch = read() if last else None
    if batch and last and (again := _as_before(last, batch, pass_on, at, body_sha256)):
        return again
    with transaction.atomic():
        found = admit(digest, session_id, at, batch.names if batch else ())
        if found is None or not _plainly_allowed(found) or not pass_on(found.person):
            _let_in.pop((digest, session_id), None)
            return None
        _remember(found)
        arrival = Arrival(found.person, at, body_sha256)
        rows = found.channels if batch else None
        return _take_in(found.session.team_id, found.session, batch or read(), arrival, rows)


_let_in: dict[tuple[str, UUID], Admission] = {}


def _remember(admission: Admission) -> None:
    """Keep in mind what this token, session and channels were; whether they still are is asked each time."""
    if len(_let_in) >= LET_IN_MAX:
        _let_in.clear()
    key = admission.digest, admission.session.pk
    before = _let_in[key].channels if key in _let_in else []
    channels = {row[1]: row for row in (*before, *admission.channels)}
    if len(channels) > CHANNELS_KEPT:
        channels = {row[1]: row for row in admission.channels[:CHANNELS_KEPT]}
    _let_in[key] = replace(admission, channels=list(channels.values()))


def _as_before(
    last: Admission, batch: Batch, pass_on: Callable[[User], bool], at: datetime, body_sha256: str
) -> Receipt | None:
    """Store a batch that changes nothing but readings, if all is as it was lately; None, with nothing done, if not."""
    known = channels_at_hand(last.channels, batch.names, batch.units)
    if known is None or not pass_on(last.person):
        return None
    arrival = Arrival(last.person, at, body_sha256)
    intake = _intake(last.session.pk, batch, [known[name] for name in batch.names], arrival, Watch())
    counts = stores.current().append_again(intake, last)
    if counts is None:
        return None
    if not counts.replayed:
        _ring(last.session, last.session.team_id)
    return Receipt(counts, known)


def _plainly_allowed(found: Admission) -> bool:
    """Tell whether the owner runs sessions in the team, the token reaches this one and it takes readings."""
    return (
        found.role is not None
        and Right.RUN in RIGHTS[Role(found.role)]
        and found.person.role != PlatformRole.VIEWER
        and (not found.scopes or Scope.TELEMETRY_WRITE in found.scopes)
        and (found.team_id is None or found.team_id == found.session.team_id)
        and (not found.session_ids or found.session.public_id in found.session_ids)
        and found.session.status in LIVE_STATUSES
    )


def _take_in(
    team_id: UUID,
    session: LabSession | None,
    batch: Batch,
    arrival: Arrival,
    rows: Sequence[ChannelRow] | None = None,
) -> Receipt:
    """Store a batch, in the caller's transaction, which holds the session open where there is one.

    Args:
        rows: what is known of its channels, where they were asked for already.
    """
    by, at = arrival.by, arrival.at
    known = resolve_channels(team_id=team_id, names=batch.names, units=batch.units, by=by, at=at, rows=rows)
    channels = [known[name] for name in batch.names]
    session_id = None if session is None else session.pk
    watch = against_limits(session_id, batch, channels)
    intake = _intake(session_id, batch, channels, arrival, watch)
    counts = stores.current().append(intake)
    if counts.replayed:
        transaction.set_rollback(True)  # a repeat writes nothing, not even channels or units that it alone names
        return Receipt(counts, known)
    if session is not None:
        added = [channel for channel in channels if channel.id in counts.first_seen]
        tell(session, added, watch.moves, by=by, at=at)
    _ring(session, team_id)
    return Receipt(counts, known)


def _intake(session_id: UUID | None, batch: Batch, channels: Sequence[Known], arrival: Arrival, watch: Watch) -> Intake:
    """Return a batch as the store takes it."""
    named = batch.batch_id or arrival.batch_id or (f"sha256:{batch.digest()}" if batch.timed else f"once:{new_uuid()}")
    return Intake(
        session_id=session_id,
        channel_ids=tuple(channel.id for channel in channels),
        batch=batch,
        batch_id=named,
        source=source_of(arrival.by, arrival.address_kind),
        body_sha256=arrival.body_sha256,
        received_at=arrival.at,
        flagged=watch.flagged,
        standings=watch.standings,
        original=arrival.original,
    )


def _ring(session: LabSession | None, team_id: UUID) -> None:
    """Ring for new readings once they are committed."""
    if session is not None:
        transaction.on_commit(partial(realtime.ring_for_readings, session.topic))
    transaction.on_commit(partial(realtime.ring_for_readings, readings_topic(team_id)))


def readings_topic(team_id: UUID) -> str:
    """Return the topic that is rung when a team's channels have new readings, in a session or outside any."""
    return f"readings.{team_id.hex}"


def source_of(by: User, address_kind: str) -> Source:
    """Return who sent a batch: the service token where one was used, else the person."""
    token = by.credential
    if token is not None:
        return Source(token.public_id, person_id=by.pk, token_id=token.pk, address_kind=address_kind)
    return Source(by.public_id, person_id=by.pk, address_kind=address_kind)


def _require_runner(by: User, team_id: UUID, role: str | None) -> None:
    """Let through who runs sessions in this team, by the role at hand; the policy answers everybody else."""
    if role is None or by.role == PlatformRole.VIEWER or Right.RUN not in RIGHTS[Role(role)]:
        require(by, Right.RUN, team_id)


def require_live(status: str | None) -> None:
    """Refuse unless a session of this status takes readings.

    Raises:
        SessionEnded, SessionNotRunning: it does not.
    """
    if status in LIVE_STATUSES:
        return
    if status in ENDED_STATUSES:
        raise SessionEnded("The session has ended; it takes no more readings.")
    raise SessionNotRunning("The session has not started; it takes no readings yet.")
