"""The few statements that the ORM cannot say, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from telemetry_app.instants import to_us
from telemetry_app.models import Latest, Segment
from telemetry_app.stores.base import Intake, SessionKey
from telemetry_app.stores.packing import pack_ids, pack_runs

LatestRow = tuple[UUID, int, float, str]
"""A channel's newest reading: channel, microseconds, value, standing."""

_LATEST_PER_STATEMENT = 500
_PACE = (
    "CASE WHEN excluded.at - l.at > COALESCE(l.pace_us, 0) * 7 / 8 THEN excluded.at - l.at ELSE l.pace_us * 7 / 8 END"
)
_ARRAYS = "unnest(%s::uuid[], %s::bigint[], %s::float8[], %s::varchar[]) AS u"


@dataclass(frozen=True, slots=True)
class Condition:
    """A SELECT that gives one row where something holds, else none, and its parameters."""

    statement: str
    parameters: Sequence[Any]


class Placed(NamedTuple):
    """What came of placing a batch.

    Attributes:
        held: the condition held; without it nothing was done.
        position: its place in the receive order; None where it was stored before.
        moved: for each channel that moved on, its newest time before; None where it had none.
    """

    held: bool
    position: int | None
    moved: dict[UUID, int | None]


def place(intake: Intake, rows: Sequence[LatestRow]) -> Placed:
    """Store the batch and move its channels on: :func:`insert_segment` and :func:`raise_latest`.

    Both go to PostgreSQL in one exchange.
    """
    if connection.vendor == "postgresql" and rows:
        return place_if(Condition("SELECT 1", ()), intake, rows)
    position = insert_segment(intake)
    return Placed(True, position, {} if position is None else raise_latest(intake.session_id, position, rows))


def place_if(condition: Condition, intake: Intake, rows: Sequence[LatestRow]) -> Placed:
    """Do on PostgreSQL what :func:`place` does, in one exchange that asks for the condition, too."""
    names, values = _segment_of(intake)
    moving = _raising(intake.session_id, f"SELECT %s, placed.position, u.* FROM placed, {_ARRAYS}")  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH held AS ({condition.statement}), placed AS ({_inserting(names, 'SELECT {} FROM held')}), "  # noqa: S608
            f"moved AS ({moving}) SELECT placed.position, moved.channel_id, moved.prior_at "
            "FROM held LEFT JOIN placed ON true LEFT JOIN moved ON true",
            [*condition.parameters, *values, intake.session_id, *_arrays(rows)],
        )
        found = cursor.fetchall()
    moved = {channel: prior for _, channel, prior in found if channel is not None}
    return Placed(bool(found), found[0][0] if found else None, moved)


def insert_segment(intake: Intake) -> int | None:
    """Store the batch and return its place in the receive order; None where it is already stored.

    Of a body that held no readings, text alone, the proof of receipt is stored.
    """
    names, values = _segment_of(intake)
    with connection.cursor() as cursor:
        cursor.execute(_inserting(names), values)
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _segment_of(intake: Intake) -> tuple[tuple[str, ...], list[Any]]:
    """Return the names of a new segment's columns, and what they hold."""
    batch = intake.batch
    first_us = last_us = to_us(intake.received_at)
    if batch.times.size:
        first_us, last_us = int(batch.times.min()), int(batch.times.max())
    values: dict[str, Any] = {
        "session_id": key_or_none(intake.session_id),
        "source": intake.source.key,
        "person_id": key_or_none(intake.source.person_id),
        "token_id": key_or_none(intake.source.token_id),
        "address_kind": intake.source.address_kind,
        "batch_id": intake.batch_id,
        "body_sha256": intake.body_sha256,
        "received_at": connection.ops.adapt_datetimefield_value(intake.received_at),
        "first_at": first_us,
        "last_at": last_us,
        "count": batch.times.size,
        "accepted": batch.accepted,
        "late": batch.late,
        "flagged": intake.flagged,
        "channel_ids": pack_ids(intake.channel_ids),
        "columns": pack_runs(batch.starts, batch.times, batch.values) if batch.times.size else None,
    }
    return tuple(values), list(values.values())


@cache
def _inserting(names: tuple[str, ...], source: str = "VALUES ({})") -> str:
    """Return the statement that stores a segment; ``source`` has a place for its columns."""
    table, quoted = Segment._meta.db_table, ", ".join(map(connection.ops.quote_name, names))
    row = source.format(", ".join(["%s"] * len(names)))
    return f'INSERT INTO "{table}" ({quoted}) {row} ON CONFLICT DO NOTHING RETURNING position'


def raise_latest(session_id: SessionKey, position: int, rows: Sequence[LatestRow]) -> dict[UUID, int | None]:
    """Move channels on to newer readings; return, for each that moved, its newest time before (None: it had none).

    Args:
        position: receive order of the batch; of two values for one moment the later received stays.
        rows: by channel, so that two batches lock in one order.
    """
    session = key_or_none(session_id)
    moved: dict[UUID, int | None] = {}
    for start in range(0, len(rows), _LATEST_PER_STATEMENT):
        some = rows[start : start + _LATEST_PER_STATEMENT]
        holes = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(some))
        held = [
            value
            for channel_id, us, reading, standing in some
            for value in (session, position, key_of(channel_id), us, reading, standing)
        ]
        with connection.cursor() as cursor:
            cursor.execute(_raising(session_id, f"VALUES {holes}"), held)
            moved |= {uuid_of(key): prior for key, prior in cursor.fetchall()}
    return moved


def _raising(session_id: SessionKey, source: str) -> str:
    """Return the statement that moves channels on to the rows of ``source``."""
    target = "(session_id, channel_id) WHERE session_id IS NOT NULL"
    if session_id is None:
        target = "(channel_id) WHERE session_id IS NULL"
    return (
        f'INSERT INTO "{Latest._meta.db_table}" AS l (session_id, position, channel_id, at, value, standing) {source} '
        f"ON CONFLICT {target} DO UPDATE SET prior_at = l.at, at = excluded.at, value = excluded.value, "
        f"position = excluded.position, standing = excluded.standing, pace_us = {_PACE}, "
        "steps = l.steps + CASE WHEN excluded.at > l.at THEN 1 ELSE 0 END "
        "WHERE (excluded.at, excluded.position) > (l.at, l.position) RETURNING channel_id, prior_at"
    )


def _arrays(rows: Sequence[LatestRow]) -> list[str]:
    """Return rows column by column, so that the statement is the same for any number of them."""
    return ["{" + ",".join(map(str, column)) + "}" for column in zip(*rows, strict=True)]


def empty_segments(positions: Sequence[int]) -> None:
    """Take the readings out of segments whose readings are in chunks now."""
    for start in range(0, len(positions), 500):
        Segment.objects.filter(position__in=positions[start : start + 500]).update(columns=None)


def claim_compaction(session_id: SessionKey, *, wait: bool = False) -> bool:
    """Return whether this transaction may move the session's readings; one at a time, and nobody waits unless told."""
    if connection.vendor != "postgresql":
        return True
    number = 0 if session_id is None else session_id.int & 0x7FFF_FFFF_FFFF_FFFF
    with connection.cursor() as cursor:
        ask = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
        cursor.execute(f"SELECT {ask}(%s, hashint8(%s))", [COMPACTION_LOCK, number])
        return wait or bool(cursor.fetchone()[0])


COMPACTION_LOCK = 0x62_69_6F_63


def key_or_none(value: UUID | None) -> UUID | str | None:
    """Return an id, where there is one, as this database takes it."""
    return None if value is None else key_of(value)


def key_of(value: UUID) -> UUID | str:
    """Return an id as this database takes it."""
    return value if connection.features.has_native_uuid_field else value.hex


def uuid_of(value: Any) -> UUID:
    """Return an id as this database gave it."""
    return value if isinstance(value, UUID) else UUID(str(value))
