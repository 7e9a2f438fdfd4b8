"""Rows in PostgreSQL, as a TimescaleDB hypertable: written in the transaction that empties the segments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from psycopg import ClientCursor

from telemetry_app.instants import from_us, to_us
from telemetry_app.stores import timescale_copy
from telemetry_app.stores.base import SessionKey, Stats
from telemetry_app.stores.packing import Readings
from telemetry_app.stores.reading import Ids
from telemetry_app.stores.rows import NO_SESSION, RowStore
from telemetry_app.stores.rows_chart import SCALE, Buckets, unscaled

_TABLE = """
CREATE TABLE IF NOT EXISTS telemetry_reading (
    session uuid NOT NULL,
    channel uuid NOT NULL,
    at timestamptz NOT NULL,
    value double precision NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (session, channel, at)
)
"""
_HYPERTABLE = (
    "SELECT create_hypertable('telemetry_reading', 'at', chunk_time_interval => interval '7 days', "
    "if_not_exists => true)",
    "ALTER TABLE telemetry_reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'session, channel', "
    "timescaledb.compress_orderby = 'at')",
    "SELECT add_compression_policy('telemetry_reading', interval '14 days', if_not_exists => true)",
)
_FRESH = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS telemetry_fresh "
    "(session uuid, channel uuid, at timestamptz, value double precision, position bigint) ON COMMIT DELETE ROWS"
)
_SETTLE = (
    "INSERT INTO telemetry_reading AS r (session, channel, at, value, position) SELECT * FROM telemetry_fresh "
    "ON CONFLICT (session, channel, at) DO UPDATE SET value = excluded.value, position = excluded.position "
    "WHERE excluded.position >= r.position"
)
_SUM = f"sum(CASE WHEN abs(value) < 1e-280 THEN 0 ELSE value / {SCALE!r} END)"
"""PostgreSQL refuses a sum, and a quotient, that float64 cannot hold."""

_EARLIEST_US, _LATEST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999."""


class TableRows:
    """The table ``telemetry_reading`` in Django's PostgreSQL; plain, any PostgreSQL has what it takes."""

    bucket = "date_bin"

    def prepare(self) -> None:
        if connection.vendor != "postgresql":
            raise ImproperlyConfigured("STORAGE_BACKEND=timescale needs PostgreSQL; set DATABASE_URL.")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('telemetry_reading'))")
            self.make(cursor)

    def make(self, cursor: Any) -> None:
        """Make the table where it is missing."""
        cursor.execute(_TABLE)

    def write(self, session_id: SessionKey, runs: Mapping[UUID, Readings], position: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_FRESH)
            cursor.execute("DELETE FROM telemetry_fresh")
            with cursor.copy("COPY telemetry_fresh FROM STDIN (FORMAT binary)") as copy:
                for block in timescale_copy.packed(session_id or NO_SESSION, runs, position):
                    copy.write(block)
            cursor.execute(_SETTLE)

    def read(self, session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> dict[UUID, Readings]:
        where, given = _within(session_id, ids, first_us, last_us)
        rows = f"SELECT channel, at, value FROM telemetry_reading WHERE {where} AND value <> 'NaN' ORDER BY channel, at"  # noqa: S608
        connection.ensure_connection()
        with (
            ClientCursor(connection.connection) as cursor,
            cursor.copy(  # binds here what COPY cannot take beside it
                f"COPY ({rows}) TO STDOUT (FORMAT binary)", given
            ) as copy,
        ):
            return timescale_copy.unpacked(copy)

    def newest(self, session_id: SessionKey, ids: Ids, until_us: int) -> dict[UUID, tuple[int, float]]:
        rows = self._rows(
            "SELECT DISTINCT ON (channel) channel, at, value FROM telemetry_reading WHERE {} ORDER BY channel, at DESC",
            _within(session_id, ids, _EARLIEST_US, until_us),
        )
        return {channel: (to_us(at), value) for channel, at, value in rows}

    def figures(self, session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> dict[UUID, Stats]:
        rows = self._rows(
            "WITH held AS (SELECT session, channel, count(*) AS n, min(at) AS first, max(at) AS last, "  # noqa: S608
            f"min(value) AS low, max(value) AS high, {_SUM} AS total FROM telemetry_reading WHERE {{}} "
            "GROUP BY session, channel) "
            "SELECT held.channel, n, first, last, low, high, total, f.value, l.value FROM held "
            "JOIN telemetry_reading f ON (f.session, f.channel, f.at) = (held.session, held.channel, first) "
            "JOIN telemetry_reading l ON (l.session, l.channel, l.at) = (held.session, held.channel, last)",
            _within(session_id, ids, first_us, last_us),
        )
        return {
            channel: Stats(n, to_us(first), to_us(last), low, high, unscaled(total), *ends)
            for channel, n, first, last, low, high, total, *ends in rows
        }

    def buckets(
        self, session_id: SessionKey, ids: Collection[UUID], first_us: int, last_us: int, *, start_us: int, width: int
    ) -> dict[UUID, Buckets]:
        place, given = self._place(start_us, width)
        rows = self._rows(
            f"SELECT channel, {place} AS place, count(*), min(value), max(value), {_SUM} / count(*) "  # noqa: S608
            "FROM telemetry_reading WHERE {} GROUP BY channel, place ORDER BY channel",
            _within(session_id, ids, first_us, last_us),
            given,
        )
        found: dict[UUID, list[Any]] = {}
        for channel, start, *figures in rows:
            found.setdefault(channel, []).append(((to_us(start) - start_us) // width, *figures))
        return {channel: Buckets.of(*zip(*of_channel, strict=True)) for channel, of_channel in found.items()}

    def extent(self, session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> tuple[int, int, int] | None:
        ((first, last, rows),) = self._rows(
            "SELECT min(at), max(at), count(*) FROM telemetry_reading WHERE {}",
            _within(session_id, ids, first_us, last_us),
        )
        return (to_us(first), to_us(last), rows) if rows else None

    def histogram(self, session_id: SessionKey, first_us: int, last_us: int, *, width: int) -> list[tuple[int, int]]:
        place, given = self._place(first_us, width)
        rows = self._rows(
            f"SELECT {place} AS place, count(*) FROM telemetry_reading WHERE {{}} GROUP BY place ORDER BY place",  # noqa: S608
            _within(session_id, None, first_us, last_us),
            given,
        )
        return [((to_us(start) - first_us) // width, count) for start, count in rows]

    def reach_back(self, session_id: SessionKey, ids: Ids, first_us: int, last_us: int, rows: int) -> int | None:
        where, given = _within(session_id, ids, first_us, last_us)
        found = self._rows(
            "SELECT at FROM telemetry_reading WHERE {} ORDER BY at DESC OFFSET %s LIMIT 1", (where, [*given, rows - 1])
        )
        return to_us(found[0][0]) if found else None

    def extents(
        self, session_ids: Collection[SessionKey], ids: Collection[UUID], first_us: int, last_us: int
    ) -> list[tuple[SessionKey, int, int, int]]:
        where, given = _of_range(ids, first_us, last_us)
        rows = self._rows(
            "SELECT session, min(at), max(at), count(*) FROM telemetry_reading WHERE session = ANY(%s) AND {} "
            "GROUP BY session",
            (where, given),
            [[one or NO_SESSION for one in session_ids]],
        )
        return [
            (None if session == NO_SESSION else session, to_us(first), to_us(last), count)
            for session, first, last, count in rows
        ]

    def _rows(self, sql: str, within: tuple[str, list[Any]], before: Iterable[Any] = ()) -> list[Any]:
        """Return the rows of a statement over what stands: ``{}`` in it becomes the condition."""
        where, given = within
        with connection.cursor() as cursor:
            cursor.execute(sql.format(f"{where} AND value <> 'NaN'"), [*before, *given])
            return list(cursor.fetchall())

    def _place(self, start_us: int, width: int) -> tuple[str, list[Any]]:
        """Return the start of the interval that a row lies in."""
        return f"{self.bucket}(%s, at, %s)", [timedelta(microseconds=width), from_us(start_us)]


class HyperRows(TableRows):
    """The same as a hypertable, cut by time, with weeks that are over compressed."""

    bucket = "time_bucket"

    def make(self, cursor: Any) -> None:
        cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'")
        if cursor.fetchone()[0] == 0:
            raise ImproperlyConfigured(
                "STORAGE_BACKEND=timescale needs the TimescaleDB extension on the PostgreSQL server of DATABASE_URL; "
                "install it there, or choose STORAGE_BACKEND=database."
            )
        cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        super().make(cursor)
        for statement in _HYPERTABLE:
            cursor.execute(statement)


def store() -> RowStore:
    """Return the store that keeps readings in a hypertable of Django's own database."""
    return RowStore("timescale", HyperRows())


def _within(session_id: SessionKey, ids: Ids, first_us: int, last_us: int) -> tuple[str, list[Any]]:
    where, given = _of_range(ids, first_us, last_us)
    return f"session = %s AND {where}", [session_id or NO_SESSION, *given]


def _of_range(ids: Ids, first_us: int, last_us: int) -> tuple[str, list[Any]]:
    first, last = (from_us(min(max(us, _EARLIEST_US), _LATEST_US)) for us in (first_us, last_us))
    if ids is None:
        return "at BETWEEN %s AND %s", [first, last]
    return "at BETWEEN %s AND %s AND channel = ANY(%s)", [first, last, list(ids)]
