"""What a batch changes besides the readings: which channels are new, which crossed a limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from django.db import transaction

from biolab.accounts.models import User
from sessions_app import timeline
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.states import LIVE_STATUSES
from telemetry_app import stores
from telemetry_app.facts import ChannelsAdded, LimitCleared, LimitCrossed, LimitMoved
from telemetry_app.ingest.columns import Batch
from telemetry_app.instants import from_us
from telemetry_app.limits import Crossing, Limits, crossings, outside, standing_of
from telemetry_app.models import Channel, Latest
from telemetry_app.services.alarms import FLUTTER, follow_limits
from telemetry_app.states import Standing
from telemetry_app.stores.base import Mark, SessionKey

if TYPE_CHECKING:
    from telemetry_app.services.channels import Known

CROSSINGS_TOLD = 10
"""Changes of standing that one batch tells for a channel; of more, the first and the last."""

LEFT_OFTEN = 5
"""Times that a channel leaves its limits within ``FLUTTER`` after which nobody is told that it is back.

It stays outside until it has been quieter, so that a value which swings across a limit all night, a reading at a time,
does not fill the timeline; its alarm goes on meanwhile.
"""


@dataclass(frozen=True, slots=True)
class Move:
    """A channel's change of standing that is worth telling; ``untold`` others stand between it and the one before."""

    channel: Known | Channel
    crossing: Crossing
    us: int
    value: float
    untold: int


@dataclass(frozen=True, slots=True)
class Watch:
    """What the limits make of a batch: readings outside, where limited channels stand afterwards, what to tell."""

    flagged: int = 0
    standings: Mapping[UUID, Standing] = field(default_factory=dict)
    moves: Sequence[Move] = ()


def against_limits(session_id: SessionKey, batch: Batch, channels: Sequence[Known]) -> Watch:
    """Return what the channels' limits make of a batch.

    Only readings newer than a channel's newest can change where it stands.
    """
    limited = [(i, channel) for i, channel in enumerate(channels) if channel.limits.any]
    if not limited:
        return Watch()
    marks = stores.current().marks(session_id, [channel.id for _, channel in limited])
    flagged = 0
    standings: dict[UUID, Standing] = {}
    moves: list[Move] = []
    for i, channel in limited:
        run = batch.run(i)
        times, values = batch.times[run], batch.values[run]
        flagged += int(np.count_nonzero(outside(values, channel.limits)))
        mark = marks.get(channel.id, Mark(-(2**63), 0.0, Standing.INSIDE))
        new = int(np.searchsorted(times, mark.us, side="right"))
        found = crossings(values[new:], channel.limits, mark.standing)
        if session_id is not None and any(crossing.before is not Standing.INSIDE for crossing in found):
            last_us = int(times[new + found[-1].index])
            if _flutters(session_id, channel, by=from_us(last_us)):
                found = [crossing for crossing in found[:1] if crossing.before is Standing.INSIDE]
        standings[channel.id] = found[-1].after if found else mark.standing
        told = found if len(found) <= CROSSINGS_TOLD else [found[0], found[-1]]
        for crossing in told:
            untold = len(found) - len(told) if crossing is told[-1] else 0
            at = new + crossing.index
            moves.append(Move(channel, crossing, int(times[at]), float(values[at]), untold))
    return Watch(flagged, standings, moves)


def _flutters(session_id: UUID, channel: Known | Channel, *, by: datetime) -> bool:
    """Tell whether a channel has left its limits so often lately that it is not believed to be back."""
    left = TimelineEvent.objects.filter(
        session=session_id, kind=LimitCrossed.kind, canonical__contains=channel.public_id
    ).order_by("-sequence")
    oldest = left[LEFT_OFTEN - 1 : LEFT_OFTEN].first()
    return oldest is not None and datetime.fromisoformat(oldest.payload["timestamp"]) >= by - FLUTTER


def tell(session: LabSession, added: Sequence[Known], moves: Sequence[Move], *, by: User | None, at: datetime) -> None:
    """Record what the batch changed; most batches change nothing and do not touch the session's row."""
    if not added and not moves:
        return
    held = LabSession.objects.hold(session.pk)
    if added:
        shown = [{"id": channel.public_id, "name": channel.name, "unit": channel.unit} for channel in added]
        names = ", ".join(channel.name for channel in added[:10])
        more = f" and {len(added) - 10} more" if len(added) > 10 else ""
        timeline.record(held, ChannelsAdded(names=names + more, channels=shown), by=by, at=at)
    for move in moves:
        kind: type[LimitMoved] = LimitCleared if move.crossing.after is Standing.INSIDE else LimitCrossed
        fact = kind(
            channel=move.channel.name,
            channel_id=move.channel.public_id,
            unit=move.channel.unit,
            value=move.value,
            timestamp=from_us(move.us),
            minimum=move.channel.limits.low,
            maximum=move.channel.limits.high,
            standing=move.crossing.after.value,
            untold=move.untold,
        )
        timeline.record(held, fact, by=by, at=at)
    if moves:
        follow_limits(held, moves, at=at)


def judge_again(channel: Known, *, by: User, at: datetime) -> None:
    """Judge a channel's newest reading in each live session by its new limits, in the caller's transaction.

    What the old limits made of it does not count, not even to keep it from fluttering. Without this a channel whose
    limits are taken away would never come back inside them.
    """
    live = LabSession.objects.live().filter(pk__in=Latest.objects.filter(channel=channel.id).values("session"))
    for session in live.order_by("pk"):
        mark = stores.current().marks(session.pk, [channel.id])[channel.id]
        _stand(session, channel, mark, standing_of(mark.value, channel.limits), by=by, at=at)


def believe_the_calm(*, at: datetime) -> int:
    """Tell channels back inside that came to rest there after they had fluttered; return how many.

    One query where every channel is inside. May run twice at once: each is settled by one alone, who looks again.
    """
    live = Latest.objects.filter(session__status__in=LIVE_STATUSES, channel__withdrawn_at__isnull=True)
    away = live.exclude(standing=Standing.INSIDE).select_related("channel").order_by("session", "channel")
    return sum(
        _settle(row.session_id, row.channel, at=at)
        for row in away
        if row.session_id is not None
        and _is_back(row.value, row.channel.limits, Standing(row.standing))
        and not _flutters(row.session_id, row.channel, by=at)
    )


@transaction.atomic
def _settle(session_id: UUID, channel: Channel, *, at: datetime) -> bool:
    """Tell that a channel is back, if it still is; the session is held as its end holds it: no batch is in flight."""
    session = LabSession.objects.hold(session_id, to_end=True)
    mark = stores.current().marks(session_id, [channel.pk]).get(channel.pk)
    if session.is_ended or mark is None or not _is_back(mark.value, channel.limits, mark.standing):
        return False
    _stand(session, channel, mark, Standing.INSIDE, by=None, at=at)
    return True


def _is_back(value: float, limits: Limits, standing: Standing) -> bool:
    found = crossings(np.array([value]), limits, standing)
    return bool(found) and found[0].after is Standing.INSIDE


def _stand(
    session: LabSession, channel: Known | Channel, mark: Mark, after: Standing, *, by: User | None, at: datetime
) -> None:
    """Note and tell that a channel's newest reading stands elsewhere than was told."""
    if after is mark.standing:
        return
    Latest.objects.filter(session=session, channel=channel.id).update(standing=after)
    tell(session, (), [Move(channel, Crossing(0, mark.standing, after), mark.us, mark.value, 0)], by=by, at=at)
