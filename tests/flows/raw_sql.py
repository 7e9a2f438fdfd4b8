"""The database of a house as somebody sees it who has its file or its password, and no respect for the record."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg

from tests.faults.house import House

TABLE = "sessions_app_timelineevent"
CHANGES = (
    f"UPDATE {TABLE} SET canonical = replace(canonical, 'event_type', 'event_tipe') WHERE sequence = %s",
    f"UPDATE {TABLE} SET kind = 'note.created' WHERE sequence = %s",
    f"DELETE FROM {TABLE} WHERE sequence = %s",
)


@contextlib.contextmanager
def _connection(house: House) -> Iterator[Any]:
    url = house.env.get("DATABASE_URL", "")
    if url:
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection
        return
    (file,) = (house.folder / "data").glob("*.sqlite3")
    with contextlib.closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as opened:
        yield opened


def _run(connection: Any, statement: str, *values: Any) -> Any:
    marker = "?" if isinstance(connection, sqlite3.Connection) else "%s"
    return connection.execute(statement.replace("%s", marker), values)


def change_event(house: House, *, sequence: int) -> list[str]:
    """Try to change and to delete a row of the timeline; return what the database answers to each attempt."""
    answers = []
    with _connection(house) as connection:
        for statement in CHANGES:
            try:
                _run(connection, statement, sequence)
                answers.append("done")
            except (sqlite3.Error, psycopg.Error) as refusal:
                answers.append(str(refusal))
    return answers


@contextlib.contextmanager
def without_triggers(house: House, *, sequence: int) -> Iterator[None]:
    """Drop the table's triggers and change one row; put both back afterwards."""
    with _connection(house) as connection:
        restore = _triggers(connection)
        for name, _ in restore:
            lite = isinstance(connection, sqlite3.Connection)
            connection.execute(f"DROP TRIGGER {name}" if lite else f"DROP TRIGGER {name} ON {TABLE}")
        rows = _run(connection, f"SELECT id, canonical FROM {TABLE} WHERE sequence = %s", sequence).fetchall()
        assert _run(connection, CHANGES[0], sequence).rowcount == len(rows)
    try:
        yield
    finally:
        with _connection(house) as connection:
            for pk, canonical in rows:
                _run(connection, f"UPDATE {TABLE} SET canonical = %s WHERE id = %s", canonical, pk)
            for _, source in restore:
                connection.execute(source)


def _triggers(connection: Any) -> list[tuple[str, str]]:
    if isinstance(connection, sqlite3.Connection):
        return list(
            connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (TABLE,))
        )
    return list(
        connection.execute(
            "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
            (TABLE,),
        )
    )


def verify_timeline(house: House, session: str) -> tuple[int, str]:
    """Run the command and return its status and what it prints."""
    command = [sys.executable, "-m", "biolab.cli", "manage", "verify_timeline", "--session", session]
    done = subprocess.run(command, env=house.env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout
