"""The few statements that the ORM cannot say, for SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from biolab.accounts.models import Membership, ServiceToken, User
from sessions_app import turnstile
from sessions_app.models import LabSession
from telemetry_app.instants import to_us
from telemetry_app.models import Channel, Latest, Segment
from telemetry_app.stores.base import Intake, SessionKey
from telemetry_app.stores.packing import pack_ids, pack_runs

ChannelRow = tuple[UUID, str, str, float | None, float | None]
"""Of a channel: id, name, unit, minimum, maximum."""

LatestRow = tuple[UUID, int, float, str]
"""A channel's newest reading: channel, microseconds, value, standing."""

_LATEST_PER_STATEMENT = 500
_PACE = (
    "CASE WHEN excluded.at - l.at > COALESCE(l.pace_us, 0) * 7 / 8 THEN excluded.at - l.at ELSE l.pace_us * 7 / 8 END"
)
_ARRAYS = "unnest(%s::uuid[], %s::bigint[], %s::float8[], %s::varchar[]) AS u"


def hold_open(session_id: UUID, person_id: UUID) -> tuple[str | None, str | None]:
    """Return the session's status, which cannot become an ended one until the transaction is over, and a person's role.

    Many batches hold it at once, and writers of notes and steps do not wait for them; only the end of the session does.
    On SQLite the transaction excludes other writers by itself. The role in the session's team is None for a stranger.
    """
    passing, key, lock = _held_open(session_id)
    session, member = (connection.ops.quote_name(model._meta.db_table) for model in (LabSession, Membership))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.status, m.role FROM {passing}{session} s "  # noqa: S608
            f"LEFT JOIN {member} m ON m.team_id = s.team_id AND m.user_id = %s WHERE s.id = %s{lock}",
            [*key, _key(person_id), _key(session_id)],
        )
        row = cursor.fetchone()
    return (None, None) if row is None else (row[0], row[1])


@dataclass(frozen=True, slots=True)
class Admission:
    """A service token, its owner and a session at one moment; of each row only what taking in a batch reads.

    ``channels`` are those of the session's team, as ``channels_named`` returns them.
    """

    person: User
    session: LabSession
    role: str | None
    scopes: list[str]
    session_ids: list[str]
    team_id: UUID | None
    channels: list[ChannelRow]


def admit(digest: str, session_id: UUID, at: datetime, names: Sequence[str]) -> Admission | None:
    """Return who shows a token and the session held open as ``hold_open`` does; None unless both are there and good.

    Args:
        names: of the channels that are wanted with it; PostgreSQL is asked for all in one exchange.
    """
    native = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        _ask_admission(cursor, digest, session_id, at, names if native else ())
        row = cursor.fetchone()
    if row is None:
        return None
    database = connection.alias
    owner_fields = ["id", "username", "full_name", "role", "is_active"]
    person = User.from_db(database, owner_fields, [_uuid(row[5]), *row[6:9], True])
    person.credential = ServiceToken.from_db(database, ["id", "name"], [_uuid(row[0]), row[1]])
    held = LabSession.from_db(database, ["id", "team_id", "status"], [session_id, _uuid(row[9]), row[10]])
    team_id = None if row[4] is None else _uuid(row[4])
    channels = [(UUID(key), *rest) for key, *rest in row[12] or ()] if native else channels_named(held.team_id, names)
    return Admission(person, held, row[11], json.loads(row[2]), json.loads(row[3]), team_id, channels)


def _ask_admission(cursor: CursorWrapper, digest: str, session_id: UUID, at: datetime, names: Sequence[str]) -> None:
    passing, key, lock = _held_open(session_id)
    token, user, session, member, channel = (
        connection.ops.quote_name(model._meta.db_table)
        for model in (ServiceToken, User, LabSession, Membership, Channel)
    )
    channels = "NULL"
    if names:
        channels = (
            f"(SELECT json_agg(json_build_array(c.id, c.name, c.unit, c.min_value, c.max_value)) FROM {channel} c "  # noqa: S608
            "WHERE c.team_id = s.team_id AND c.withdrawn_at IS NULL AND c.name = ANY(%s))"
        )
    cursor.execute(
        "SELECT t.id, t.name, t.scopes, t.session_ids, t.team_id, u.id, u.username, u.full_name, u.role, "  # noqa: S608
        f"s.team_id, s.status, m.role, {channels} FROM {passing}{token} t JOIN {user} u ON u.id = t.owner_id "
        f"JOIN {session} s ON s.id = %s LEFT JOIN {member} m ON m.team_id = s.team_id AND m.user_id = u.id "
        "WHERE t.digest = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %s) "
        f"AND u.is_active{lock}",
        [
            *([list(names)] if names else []),
            *key,
            _key(session_id),
            digest,
            connection.ops.adapt_datetimefield_value(at),
        ],
    )


def _held_open(session_id: UUID) -> tuple[str, list[Any], str]:
    """Return what stands before the tables of a statement that holds a session open, its parameters, and its end."""
    if connection.vendor != "postgresql":
        return "", [], ""
    return f"{turnstile.PASSING} CROSS JOIN ", turnstile.key(session_id), " FOR KEY SHARE OF s"


def channels_named(team_id: UUID, names: Iterable[str]) -> list[ChannelRow]:
    """Return those of a team's channels in use that have one of these names."""
    table, wanted = connection.ops.quote_name(Channel._meta.db_table), list(names)
    native = connection.vendor == "postgresql"
    holes = "= ANY(%s)" if native else f"IN ({', '.join(['%s'] * len(wanted))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, name, unit, min_value, max_value FROM {table} WHERE team_id = %s AND withdrawn_at IS NULL "  # noqa: S608
            f"AND name {holes}",
            [_key(team_id), wanted] if native else [_key(team_id), *wanted],
        )
        return [(_uuid(key), *rest) for key, *rest in cursor.fetchall()]


def place(intake: Intake, rows: Sequence[LatestRow]) -> tuple[int | None, dict[UUID, int | None]]:
    """Store the batch and move its channels on: :func:`insert_segment` and :func:`raise_latest`.

    Both go to PostgreSQL in one exchange.
    """
    if connection.vendor != "postgresql" or not rows:
        position = insert_segment(intake)
        return position, {} if position is None else raise_latest(intake.session_id, position, rows)
    names, values = _segment_of(intake)
    moving = _raising(intake.session_id, f"SELECT %s, placed.position, u.* FROM placed, {_ARRAYS}")  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH placed AS ({_inserting(names)}), moved AS ({moving}) "  # noqa: S608
            "SELECT placed.position, moved.channel_id, moved.prior_at FROM placed LEFT JOIN moved ON true",
            [*values, intake.session_id, *_arrays(rows)],
        )
        found = cursor.fetchall()
    return (found[0][0] if found else None), {channel: prior for _, channel, prior in found if channel is not None}


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
        "session_id": _key_or_none(intake.session_id),
        "source": intake.source.key,
        "person_id": _key_or_none(intake.source.person_id),
        "token_id": _key_or_none(intake.source.token_id),
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
def _inserting(names: tuple[str, ...]) -> str:
    """Return the statement that stores a segment."""
    table, quoted = Segment._meta.db_table, ", ".join(map(connection.ops.quote_name, names))
    holes = ", ".join(["%s"] * len(names))
    return f'INSERT INTO "{table}" ({quoted}) VALUES ({holes}) ON CONFLICT DO NOTHING RETURNING position'  # noqa: S608


def raise_latest(session_id: SessionKey, position: int, rows: Sequence[LatestRow]) -> dict[UUID, int | None]:
    """Move channels on to newer readings; return, for each that moved, its newest time before (None: it had none).

    Args:
        position: receive order of the batch; of two values for one moment the later received stays.
        rows: by channel, so that two batches lock in one order.
    """
    session = _key_or_none(session_id)
    moved: dict[UUID, int | None] = {}
    for start in range(0, len(rows), _LATEST_PER_STATEMENT):
        some = rows[start : start + _LATEST_PER_STATEMENT]
        holes = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(some))
        held = [
            value
            for channel_id, us, reading, standing in some
            for value in (session, position, _key(channel_id), us, reading, standing)
        ]
        with connection.cursor() as cursor:
            cursor.execute(_raising(session_id, f"VALUES {holes}"), held)
            moved |= {_uuid(key): prior for key, prior in cursor.fetchall()}
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


def _key_or_none(value: UUID | None) -> UUID | str | None:
    return None if value is None else _key(value)


def _key(value: UUID) -> UUID | str:
    return value if connection.features.has_native_uuid_field else value.hex


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))
