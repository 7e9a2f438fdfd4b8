"""Taking in what controllers send: each row to its channel, each channel's rows to the session that runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from biolab.accounts.models import User
from biolab.accounts.policies import require_scope, teams_where
from biolab.accounts.roles import Right, Scope
from biolab.kernel.ids import parse_id
from sessions_app.errors import SessionEnded, SessionNotRunning
from sessions_app.models import LabSession
from telemetry_app.ingest.columns import Batch, settle
from telemetry_app.ingest.points import UNKNOWN_EVENT, Points
from telemetry_app.instants import to_us
from telemetry_app.models import Channel
from telemetry_app.selectors import running_session
from telemetry_app.services.ingest import ingest, ingest_outside

NOT_ALLOWED: Final = "not_allowed"


class Rejection(NamedTuple):
    """A row that was not stored, by its place, and why."""

    row: int
    code: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of some rows: how many are stored, and which are not."""

    accepted: int
    rejected: list[Rejection]


@transaction.atomic
def take_points(*, points: Points, by: User, at: datetime, body_sha256: str, address_kind: str = "http") -> Taken:
    """Store the rows that are readings of channels whose team the person runs sessions in, all together.

    Readings of a team go to its running session that started last, or to none.

    Raises:
        Forbidden: the person's token may not write readings.
    """
    require_scope(by, Scope.TELEMETRY_WRITE)
    known = _channels(points.events, by)
    allowed = set(teams_where(by, Right.RUN).values_list("pk", flat=True)) if known else set()
    targets = {team_id: _target(team_id, by) for team_id in {team_id for team_id, _ in known.values()} & allowed}
    wrong = dict(points.wrong)
    of_event = [known.get(event) for event in points.events]
    barred = {place: _objection(place, of_event, targets) for place in range(len(of_event))}
    for row, place in enumerate(points.index.tolist()):
        code = barred[place]
        if code and row not in wrong:
            wrong[row] = code
    good = np.ones(len(points), dtype=np.bool_)
    good[list(wrong)] = False
    # Two senders lock in one order, and so does who holds a team's sessions and then what comes outside any.
    for team_id, target in sorted(targets.items(), key=lambda item: (item[1].session is None, item[0])):
        ours = np.array([channel is not None and channel[0] == team_id for channel in of_event], dtype=np.bool_)
        rows = good & ours[points.index]
        if rows.any():
            batch = _batch(points, rows, [channel[1] if channel else "" for channel in of_event], to_us(at))
            _store(team_id, target, batch, by=by, at=at, body_sha256=body_sha256, address_kind=address_kind)
    return Taken(int(np.count_nonzero(good)), [Rejection(row, wrong[row]) for row in sorted(wrong)])


class _Target(NamedTuple):
    """Where a team's readings go; not ``open`` where the token in use may not put them there."""

    session: LabSession | None
    open: bool


def _channels(events: tuple[str, ...], by: User) -> dict[str, tuple[UUID, str]]:
    """Return (team, name) of the channels that the person may see, by their ids as sent."""
    keys = {event: key for event in events if (key := parse_id(event, Channel.id_prefix)) is not None}
    if not keys:
        return {}
    seen = Channel.objects.in_use().visible_to(by).filter(pk__in=set(keys.values())).order_by()
    found = {key: (team_id, name) for key, team_id, name in seen.values_list("pk", "team_id", "name")}
    return {event: found[key] for event, key in keys.items() if key in found}


def _target(team_id: UUID, by: User) -> _Target:
    session = running_session(team_id)
    if by.credential is None or not by.credential.session_ids:
        return _Target(session, open=True)
    return _Target(session, open=session is not None and session.public_id in by.credential.session_ids)


def _objection(place: int, of_event: list[tuple[UUID, str] | None], targets: dict[UUID, _Target]) -> str:
    channel = of_event[place]
    if channel is None:
        return UNKNOWN_EVENT
    target = targets.get(channel[0])
    return "" if target is not None and target.open else NOT_ALLOWED


def _batch(points: Points, rows: NDArray[np.bool_], names: list[str], received_us: int) -> Batch:
    """Return some rows as a batch; of rows without a time each channel's stand a microsecond apart, in their order."""
    used, row_of = np.unique(points.index[rows], return_inverse=True)
    chosen = [names[place] for place in used.tolist()]
    place_of = {name: place for place, name in enumerate(dict.fromkeys(chosen))}  # both forms of an id name one channel
    index = np.array([place_of[name] for name in chosen], dtype=np.int64)[row_of]
    times, timed = points.times[rows], points.timed[rows]
    bare = np.flatnonzero(~timed)
    if bare.size:
        order = bare[np.argsort(index[bare], kind="stable")]
        first = np.searchsorted(index[order], index[order], side="left")
        times[order] = received_us + np.arange(order.size) - first
    return settle(
        names=tuple(place_of),
        units=("",) * len(place_of),
        index=index,
        times=times,
        values=points.values[rows],
        received_us=received_us,
        timed=bool(timed.all()),
        batch_id=None,
    )


def _store(
    team_id: UUID, target: _Target, batch: Batch, *, by: User, at: datetime, body_sha256: str, address_kind: str
) -> None:
    """Store a team's rows in its running session; one that ends meanwhile gives way to the next, or none."""
    session, before = target.session, None
    while session is not None and session != before:
        try:
            ingest(session=session, batch=batch, by=by, at=at, body_sha256=body_sha256, address_kind=address_kind)
            return
        except (SessionEnded, SessionNotRunning):
            session, before = running_session(team_id), session
    ingest_outside(team_id=team_id, batch=batch, by=by, at=at, body_sha256=body_sha256, address_kind=address_kind)
