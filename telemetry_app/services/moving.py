"""Moving readings from one engine to another: a session at a time, in bounded memory, compared by their seals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from sessions_app import turnstile
from telemetry_app.codec import Times, Values
from telemetry_app.models import Segment
from telemetry_app.stores.base import ReadingStore, Run, Seal, SessionKey
from telemetry_app.stores.reading import of_session
from telemetry_app.stores.segments import seal_runs

Block = tuple[Times, Values]

BLOCK_ROWS = 200_000
"""Readings that are written at once."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of one session.

    Attributes:
        position: receive order of the last batch that was there when the move began.
        copied: whether anything had to be written.
        equal: whether both engines hold the same readings, by their seals.
    """

    readings: int
    position: int
    copied: bool
    equal: bool


def sessions_with_readings() -> list[SessionKey]:
    """Return the sessions that batches came for, in order, and None where some came outside any."""
    found: set[SessionKey] = set(Segment.objects.order_by().values_list("session_id", flat=True).distinct())
    return sorted(found, key=str)


def last_position(session_id: SessionKey) -> int:
    """Return the receive order of a session's last batch, with none of an earlier one still in flight; 0 without any.

    A batch in flight that is stored later keeps its earlier place, and would wrongly give way to what is moved.
    """
    with transaction.atomic():
        turnstile.close(session_id)
        top: int | None = Segment.objects.filter(of_session(session_id)).aggregate(top=Max("position"))["top"]
    return top or 0


def move_session_readings(*, source: ReadingStore, target: ReadingStore, session_id: SessionKey) -> Moved:
    """Copy a session's readings and say whether both engines hold the same then; the source keeps its own.

    What is there already is only compared, and what was copied in part is copied again without harm. Batches that still
    wait to be tidied, which both engines show, are copied as well, so that it does not matter which of them gets them.
    """
    position = last_position(session_id)
    waiting = Segment.objects.filter(of_session(session_id), columns__isnull=False).exists()
    if not waiting and _counts(source, session_id) == _counts(target, session_id):
        before = compare_session_readings(source=source, target=target, session_id=session_id)
        if before.equal:
            return before
    seals = seal_runs(_copied(source, target, session_id, position))
    return Moved(_total(seals), position, copied=True, equal=target.seal(session_id) == seals)


def compare_session_readings(*, source: ReadingStore, target: ReadingStore, session_id: SessionKey) -> Moved:
    """Say whether both engines hold the same readings of a session; writes nothing."""
    seals = source.seal(session_id)
    return Moved(_total(seals), last_position(session_id), copied=False, equal=target.seal(session_id) == seals)


def _copied(source: ReadingStore, target: ReadingStore, session_id: SessionKey, position: int) -> Iterator[Run]:
    """Yield the source's runs, and write them to the target on the way."""
    block: dict[UUID, Block] = {}
    rows = 0
    for run in source.scan(session_id):
        if run.channel_id in block or rows >= BLOCK_ROWS:
            target.settle(session_id, block, position)
            block, rows = {}, 0
        block[run.channel_id] = run.times, run.values
        rows += run.times.size
        yield run
    target.settle(session_id, block, position)


def _counts(store: ReadingStore, session_id: SessionKey) -> dict[UUID, int]:
    return {channel: held.count for channel, held in store.summary(session_id).items()}


def _total(seals: dict[UUID, Seal]) -> int:
    return sum(seal.count for seal in seals.values())
