"""The few statements that the ORM cannot say, for SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
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

_LATEST_PER_STATEMENT = 500
_PACE = (
    "CASE WHEN excluded.at - l.at > COALESCE(l.pace_us, 0) * 7 / 8 THEN excluded.at - l.at ELSE l.pace_us * 7 / 8 END"
)
_FROM_ARRAYS = "SELECT %s, %s, u.* FROM unnest(%s::uuid[], %s::bigint[], %s::float8[], %s::varchar[]) AS u"


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
        names: of the channels that are wanted with it; both questions go to PostgreSQL in one exchange.
    """
    with connection.cursor() as first, connection.cursor() as second, _together():
        _ask_admission(first, digest, session_id, at)
        if names:
            team = connection.ops.quote_name(LabSession._meta.db_table)
            _ask_channels(second, f"(SELECT team_id FROM {team} WHERE id = %s)", session_id, names)  # noqa: S608
        row = first.fetchone()
        channels = [(_uuid(key), *rest) for key, *rest in second.fetchall()] if names and row else []
    if row is None:
        return None
    database = connection.alias
    owner_fields = ["id", "username", "full_name", "role", "is_active"]
    person = User.from_db(database, owner_fields, [_uuid(row[5]), *row[6:9], True])
    person.credential = ServiceToken.from_db(database, ["id", "name"], [_uuid(row[0]), row[1]])
    held = LabSession.from_db(database, ["id", "team_id", "status"], [session_id, _uuid(row[9]), row[10]])
    team_id = None if row[4] is None else _uuid(row[4])
    return Admission(person, held, row[11], json.loads(row[2]), json.loads(row[3]), team_id, channels)


def _ask_admission(cursor: CursorWrapper, digest: str, session_id: UUID, at: datetime) -> None:
    passing, key, lock = _held_open(session_id)
    token, user, session, member = (
        connection.ops.quote_name(model._meta.db_table) for model in (ServiceToken, User, LabSession, Membership)
    )
    cursor.execute(
        "SELECT t.id, t.name, t.scopes, t.session_ids, t.team_id, u.id, u.username, u.full_name, u.role, "  # noqa: S608
        f"s.team_id, s.status, m.role FROM {passing}{token} t JOIN {user} u ON u.id = t.owner_id "
        f"JOIN {session} s ON s.id = %s LEFT JOIN {member} m ON m.team_id = s.team_id AND m.user_id = u.id "
        "WHERE t.digest = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %s) "
        f"AND u.is_active{lock}",
        [*key, _key(session_id), digest, connection.ops.adapt_datetimefield_value(at)],
    )


@contextmanager
def _together() -> Iterator[None]:
    """Send what is executed in here at once, where the database takes several statements in one exchange."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def _held_open(session_id: UUID) -> tuple[str, list[Any], str]:
    """Return what stands before the tables of a statement that holds a session open, its parameters, and its end."""
    if connection.vendor != "postgresql":
        return "", [], ""
    return f"{turnstile.PASSING} CROSS JOIN ", turnstile.key(session_id), " FOR KEY SHARE OF s"


def channels_named(team_id: UUID, names: Iterable[str]) -> list[ChannelRow]:
    """Return those of a team's channels in use that have one of these names."""
    with connection.cursor() as cursor:
        _ask_channels(cursor, "%s", team_id, list(names))
        return [(_uuid(key), *rest) for key, *rest in cursor.fetchall()]


def _ask_channels(cursor: CursorWrapper, team: str, key: UUID, names: Sequence[str]) -> None:
    """Ask for channels; ``team`` is the SQL that gives their team from ``key``."""
    table = connection.ops.quote_name(Channel._meta.db_table)
    native = connection.vendor == "postgresql"
    holes = "= ANY(%s)" if native else f"IN ({', '.join(['%s'] * len(names))})"
    cursor.execute(
        f"SELECT id, name, unit, min_value, max_value FROM {table} WHERE team_id = {team} "  # noqa: S608
        f"AND withdrawn_at IS NULL AND name {holes}",
        [_key(key), list(names)] if native else [_key(key), *names],
    )


def insert_segment(intake: Intake) -> int | None:
    """Store the batch and return its place in the receive order; None where it is already stored.

    Of a body that held no readings, text alone, the proof of receipt is stored.
    """
    batch = intake.batch
    first_us = last_us = to_us(intake.received_at)
    if batch.times.size:
        first_us, last_us = int(batch.times.min()), int(batch.times.max())
    values: dict[str, Any] = {
        "session": intake.session_id,
        "source": intake.source.key,
        "person": intake.source.person_id,
        "token": intake.source.token_id,
        "address_kind": intake.source.address_kind,
        "batch_id": intake.batch_id,
        "body_sha256": intake.body_sha256,
        "received_at": intake.received_at,
        "first_at": first_us,
        "last_at": last_us,
        "count": batch.times.size,
        "accepted": batch.accepted,
        "late": batch.late,
        "flagged": intake.flagged,
        "channel_ids": pack_ids(intake.channel_ids),
        "columns": pack_runs(batch.starts, batch.times, batch.values) if batch.times.size else None,
    }
    fields = [field for field in Segment._meta.concrete_fields if field.name in values]
    columns = ", ".join(connection.ops.quote_name(field.column or field.name) for field in fields)
    holes = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(Segment._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({holes}) ON CONFLICT DO NOTHING RETURNING position",  # noqa: S608
            [field.get_db_prep_save(values[field.name], connection) for field in fields],
        )
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def raise_latest(
    session_id: SessionKey, position: int, rows: Sequence[tuple[UUID, int, float, str]]
) -> dict[UUID, int | None]:
    """Move channels on to newer readings; return, for each that moved, its newest time before (None: it had none).

    Args:
        position: receive order of the batch; of two values for one moment the later received stays.
        rows: (channel, microseconds, value, standing), by channel, so that two batches lock in one order.
    """
    table = connection.ops.quote_name(Latest._meta.db_table)
    target = "(session_id, channel_id) WHERE session_id IS NOT NULL"
    if session_id is None:
        target = "(channel_id) WHERE session_id IS NULL"
    session = None if session_id is None else _key(session_id)
    moved: dict[UUID, int | None] = {}
    for start in range(0, len(rows), _LATEST_PER_STATEMENT):
        source, parameters = _table_of(session, position, rows[start : start + _LATEST_PER_STATEMENT])
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} AS l (session_id, position, channel_id, at, value, standing) {source} "
                f"ON CONFLICT {target} DO UPDATE SET prior_at = l.at, at = excluded.at, value = excluded.value, "
                f"position = excluded.position, standing = excluded.standing, pace_us = {_PACE}, "
                "steps = l.steps + CASE WHEN excluded.at > l.at THEN 1 ELSE 0 END "
                "WHERE (excluded.at, excluded.position) > (l.at, l.position) RETURNING channel_id, prior_at",
                parameters,
            )
            moved |= {_uuid(key): prior for key, prior in cursor.fetchall()}
    return moved


def _table_of(
    session: UUID | str | None, position: int, rows: Sequence[tuple[UUID, int, float, str]]
) -> tuple[str, list[Any]]:
    """Return rows as a source of INSERT; on PostgreSQL as four arrays, so that the statement is always the same."""
    if connection.vendor == "postgresql":
        arrays = ["{" + ",".join(map(str, column)) + "}" for column in zip(*rows, strict=True)]
        return _FROM_ARRAYS, [session, position, *arrays]
    holes = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(rows))
    return f"VALUES {holes}", [
        value
        for channel_id, us, reading, standing in rows
        for value in (session, position, _key(channel_id), us, reading, standing)
    ]


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


def _key(value: UUID) -> UUID | str:
    return value if connection.features.has_native_uuid_field else value.hex


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))
