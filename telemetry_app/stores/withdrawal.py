"""Taking readings away: a segment that holds NaN at their times, which wins over them like any later value."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import numpy as np

from biolab.kernel.ids import new_uuid
from sessions_app import turnstile
from telemetry_app.models import Latest, Segment
from telemetry_app.stores.base import ReadingStore, Run, SessionKey
from telemetry_app.stores.packing import pack_ids, pack_runs
from telemetry_app.stores.reading import FIRST_US, LAST_US, of_session

WITHDRAWAL = "withdrawal"
"""Source and way in of the segment, where a batch names its sender."""


def withdraw(
    store: ReadingStore, session_id: SessionKey, channel_id: UUID, first_us: int, last_us: int, *, at: datetime
) -> Run:
    """Put a withdrawal over the readings of a range, let the latest fall back, and return what they were."""
    turnstile.close(session_id)
    nothing = Run(channel_id, np.zeros(0, dtype=np.int64), np.zeros(0))
    run = store.window(session_id, [channel_id], first_us, last_us).get(channel_id, nothing)
    if not run.times.size:
        return run
    segment = Segment.objects.create(
        session_id=session_id,
        source=WITHDRAWAL,
        address_kind=WITHDRAWAL,
        batch_id=str(new_uuid()),
        body_sha256="",
        received_at=at,
        first_at=int(run.times[0]),
        last_at=int(run.times[-1]),
        count=run.times.size,
        accepted=0,
        late=0,
        flagged=0,
        channel_ids=pack_ids([channel_id]),
        columns=pack_runs(np.array([0, run.times.size]), run.times, np.full(run.times.size, np.nan)),
    )
    _fall_back(store, session_id, channel_id, int(run.times[-1]), segment.position)
    return run


def _fall_back(store: ReadingStore, session_id: SessionKey, channel_id: UUID, last_us: int, position: int) -> None:
    """Let the newest reading that is left be the channel's latest, if the latest was among those withdrawn.

    Where the channel stands against its limits stays as it was told; the next reading tells whether it is back.
    """
    marks = Latest.objects.filter(of_session(session_id), channel_id=channel_id)
    if not marks.filter(at=last_us).exists():
        return
    left = store.newest(session_id, [channel_id], FIRST_US, LAST_US, limit=1)
    if left:
        marks.update(at=left[0].us, value=left[0].value, position=position)
    else:
        marks.delete()
