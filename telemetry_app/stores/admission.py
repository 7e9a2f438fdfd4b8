"""Asking, in one exchange, who sends readings and whether the session and its channels take them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model

from biolab.accounts.models import Membership, ServiceToken, User
from sessions_app import turnstile
from sessions_app.models import LabSession
from telemetry_app.models import Channel, Latest
from telemetry_app.stores.sql import Condition, key_of, uuid_of

ChannelRow = tuple[UUID, str, str, float | None, float | None]
"""Of a channel: id, name, unit, minimum, maximum."""


def hold_open(session_id: UUID, person_id: UUID) -> tuple[str | None, str | None]:
    """Return the session's status, which cannot become an ended one until the transaction is over, and a person's role.

    Many batches hold it at once, and writers of notes and steps do not wait for them; only the end of the session does.
    On SQLite the transaction excludes other writers by itself. The role in the session's team is None for a stranger.
    """
    passing, key, lock = _held_open(session_id)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.status, m.role FROM {passing}{_table(LabSession)} s "  # noqa: S608
            f"LEFT JOIN {_table(Membership)} m ON m.team_id = s.team_id AND m.user_id = %s WHERE s.id = %s{lock}",
            [*key, key_of(person_id), key_of(session_id)],
        )
        row = cursor.fetchone()
    return (None, None) if row is None else (row[0], row[1])


@dataclass(frozen=True, slots=True)
class Admission:
    """A service token, its owner and a session at one moment; of each row only what taking in a batch reads.

    ``channels`` are those of the session's team, as ``channels_named`` returns them.
    """

    digest: str
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
    channels, wanted = "NULL", []
    if names and native:
        channels = (
            "(SELECT json_agg(json_build_array(c.id, c.name, c.unit, c.min_value, c.max_value)) "  # noqa: S608
            f"FROM {_table(Channel)} c WHERE c.team_id = s.team_id AND c.withdrawn_at IS NULL AND c.name = ANY(%s))"
        )
        wanted = [list(names)]
    source, parameters, lock = _good(digest, session_id, at)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.id, t.name, t.scopes, t.session_ids, t.team_id, u.id, u.username, u.full_name, u.role, "  # noqa: S608
            f"s.team_id, s.status, m.role, {channels} FROM {source}{lock}",
            [*wanted, *parameters],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    database = connection.alias
    owner_fields = ["id", "username", "full_name", "role", "is_active"]
    person = User.from_db(database, owner_fields, [uuid_of(row[5]), *row[6:9], True])
    person.credential = ServiceToken.from_db(database, ["id", "name"], [uuid_of(row[0]), row[1]])
    held = LabSession.from_db(database, ["id", "team_id", "status"], [session_id, uuid_of(row[9]), row[10]])
    team_id = None if row[4] is None else uuid_of(row[4])
    found = [(UUID(key), *rest) for key, *rest in row[12] or ()] if native else channels_named(held.team_id, names)
    return Admission(digest, person, held, row[11], json.loads(row[2]), json.loads(row[3]), team_id, found)


def unchanged(admission: Admission, channel_ids: Sequence[UUID], at: datetime) -> Condition:
    """Return the condition that an admission on PostgreSQL still stands, which holds the session open as it did.

    Of the channels it asks that they are in use, without limits, and have readings in the session: under a name and
    a unit, therefore, that stay. A batch to such channels stores readings and changes nothing else.
    """
    source, parameters, lock = _good(admission.digest, admission.session.pk, at)
    known = (
        f"(SELECT count(*) FROM {_table(Channel)} c JOIN {_table(Latest)} l ON l.channel_id = c.id "  # noqa: S608
        "AND l.session_id = s.id WHERE c.id = ANY(%s::uuid[]) AND c.team_id = s.team_id AND c.withdrawn_at IS NULL "
        "AND c.min_value IS NULL AND c.max_value IS NULL)"
    )
    return Condition(
        f"SELECT 1 FROM {source} AND u.id = %s AND u.role = %s AND s.team_id = %s AND s.status = %s "  # noqa: S608
        "AND m.role IS NOT DISTINCT FROM %s AND t.scopes = %s::jsonb AND t.session_ids = %s::jsonb "
        f"AND t.team_id IS NOT DISTINCT FROM %s AND {known} = %s{lock}",
        [
            *parameters,
            admission.person.pk,
            admission.person.role,
            admission.session.team_id,
            admission.session.status,
            admission.role,
            json.dumps(admission.scopes),
            json.dumps(admission.session_ids),
            admission.team_id,
            "{" + ",".join(map(str, channel_ids)) + "}",
            len(channel_ids),
        ],
    )


def _good(digest: str, session_id: UUID, at: datetime) -> tuple[str, list[Any], str]:
    """Return the tables and conditions of a good token ``t``, its active owner ``u``, a session ``s`` that is held
    open and the owner's membership ``m`` in its team, if any; the parameters, and the end of the statement.

    On PostgreSQL a statement sees what was there when it began, before it waited at the turnstile; only the row that it
    locks is looked at again, as it is by then. Whoever held the session ``to_end`` left a new version of that row, so
    that a statement which saw the old one finds nothing and has to be asked afresh.
    """
    passing, key, lock = _held_open(session_id)
    seen = f" AND s.xmin = (SELECT seen.xmin FROM {_table(LabSession)} seen WHERE seen.id = s.id)" if lock else ""  # noqa: S608
    return (
        f"{passing}{_table(ServiceToken)} t JOIN {_table(User)} u ON u.id = t.owner_id "
        f"JOIN {_table(LabSession)} s ON s.id = %s "
        f"LEFT JOIN {_table(Membership)} m ON m.team_id = s.team_id AND m.user_id = u.id "
        "WHERE t.digest = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %s) "
        f"AND u.is_active{seen}",
        [*key, key_of(session_id), digest, connection.ops.adapt_datetimefield_value(at)],
        lock,
    )


def _held_open(session_id: UUID) -> tuple[str, list[Any], str]:
    """Return what stands before the tables of a statement that holds a session open, its parameters, and its end."""
    if connection.vendor != "postgresql":
        return "", [], ""
    return f"{turnstile.PASSING} CROSS JOIN ", turnstile.key(session_id), " FOR KEY SHARE OF s"


@cache
def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def channels_named(team_id: UUID, names: Iterable[str]) -> list[ChannelRow]:
    """Return those of a team's channels in use that have one of these names."""
    wanted = list(names)
    native = connection.vendor == "postgresql"
    holes = "= ANY(%s)" if native else f"IN ({', '.join(['%s'] * len(wanted))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, name, unit, min_value, max_value FROM {_table(Channel)} "  # noqa: S608
            f"WHERE team_id = %s AND withdrawn_at IS NULL AND name {holes}",
            [key_of(team_id), wanted] if native else [key_of(team_id), *wanted],
        )
        return [(uuid_of(key), *rest) for key, *rest in cursor.fetchall()]
