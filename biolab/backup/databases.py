"""The database's part of a backup: a snapshot of one moment, whoever writes meanwhile.

SQLite is copied page by page. PostgreSQL is copied table by table within one snapshot, without programs of its own, and
goes back in one transaction: tables that only grow are guarded again when it commits.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final

from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.recorder import MigrationRecorder

from biolab.backup.box import CHUNK, Packer
from biolab.kernel import append_only
from telemetry_app import stores

FOLDER: Final = "database/"
SQLITE: Final = f"{FOLDER}biolab.sqlite3"
TABLES: Final = f"{FOLDER}tables.json"


class Unfit(Exception):
    """This database cannot take that backup."""


def pack_database(packer: Packer, *, folder: Path) -> None:
    """Add a snapshot of the database; ``folder`` takes it on its way."""
    if connection.vendor == "sqlite":
        copy = folder / "snapshot"
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as source, closing(sqlite3.connect(copy)) as to:
            source.backup(to)
        packer.add_file(SQLITE, copy)
        copy.unlink()
        return
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        _be_patient(cursor)
        tables = {table: _columns(cursor, table) for table in _tables(cursor)}
        told = {"tables": tables, "sequences": list(_sequences(cursor, tables))}
        packer.add_bytes(TABLES, json.dumps(told, indent=1).encode())
        for table, columns in tables.items():
            path = folder / "rows"
            rows = f'(SELECT {columns} FROM "{table}")'  # noqa: S608  names from the catalogue
            with path.open("wb") as file, _copying(cursor, rows, "TO STDOUT") as copy:
                for piece in copy:
                    file.write(piece)
            packer.add_file(f"{FOLDER}{table}.rows", path)
            path.unlink()


def applied() -> list[list[str]]:
    """Return the migrations that made this database what it is, as ``[app, name]``."""
    return sorted([app, name] for app, name in MigrationRecorder(connection).applied_migrations())


def restore_sqlite(file: IO[bytes], *, folder: Path) -> None:
    """Replace the database's file by the snapshot, in place, and bring it up to date."""
    snapshot = folder / "snapshot"
    with snapshot.open("wb") as copy:
        while piece := file.read(CHUNK):
            copy.write(piece)
    connections.close_all()
    target = Path(connection.settings_dict["NAME"])
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(snapshot)) as source, closing(sqlite3.connect(target, timeout=20)) as to:
        source.backup(to)
    snapshot.unlink()
    bring_up_to_date()


class PostgresRestore:
    """Puts the tables of a backup into this database."""

    def __init__(self, told: dict[str, Any], migrations: list[list[str]]) -> None:
        self.told = told
        self._ready_tables(migrations)
        missing = sorted(set(told["tables"]) - set(connection.introspection.table_names()))
        if missing:
            raise Unfit(f"There is no place here for {', '.join(missing)}: set STORAGE_BACKEND as it was.")
        with connection.cursor() as cursor:  # both go into statements as they stand
            for table, columns in told["tables"].items():
                if not set(columns.split(", ")) <= set(_columns(cursor, table).split(", ")):
                    raise Unfit(f"The columns of {table} are not those that are here.")

    def take(self, tables: Iterator[tuple[str, IO[bytes]]]) -> int:
        """Replace all rows by those of the backup, in one transaction, and return how many there are."""
        rows = 0
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            _be_patient(cursor)
            guarded = append_only.guarded_tables(connection)
            for table in guarded:
                append_only.remove(connection, table)
            cursor.execute(f"TRUNCATE {', '.join(_quoted(table) for table in self.told['tables'])}")
            for name, file in tables:
                table = name.removeprefix(FOLDER).removesuffix(".rows")
                with _copying(cursor, f"{_quoted(table)} ({self.told['tables'][table]})", "FROM STDIN") as copy:
                    while piece := file.read(CHUNK):
                        copy.write(piece)
                rows += cursor.rowcount
            for table, column, last, is_called in self.told["sequences"]:
                setting = "SELECT setval(pg_get_serial_sequence(%s, %s)::regclass, %s::bigint, %s)"
                cursor.execute(setting, [_quoted(table), column, last, is_called])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no trigger is put on while checks are pending
            for table in guarded:
                append_only.install(connection, table)
        return rows

    def _ready_tables(self, migrations: list[list[str]]) -> None:
        """See that the tables are as they were when the backup was made."""
        if applied() == migrations:
            return
        with transaction.atomic(), connection.cursor() as cursor:
            _be_patient(cursor)
            for table in _tables(cursor):
                cursor.execute(f"DROP TABLE {_quoted(table)} CASCADE")
        executor = MigrationExecutor(connection)
        executor.migrate(last_of(executor.loader.graph, {(app, name) for app, name in migrations}))
        stores.current().prepare()


def last_of(graph: MigrationGraph, made: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those of the migrations that no other of them builds on, which is all that the executor must be told."""
    known = {each for each in made if each in graph.nodes}
    return sorted(each for each in known if not any(child.key in known for child in graph.node_map[each].children))


def bring_up_to_date() -> None:
    """Run the migrations that are newer than the backup."""
    call_command("migrate", interactive=False, verbosity=0)


def unknown_migrations(migrations: list[list[str]]) -> list[str]:
    """Return which of a backup's migrations this version has never heard of."""
    loader = MigrationExecutor(connection).loader
    replaced = {each for migration in loader.disk_migrations.values() for each in migration.replaces}
    known = set(loader.disk_migrations) | replaced
    return [f"{app}.{name}" for app, name in migrations if (app, name) not in known]


def _be_patient(cursor: Any) -> None:
    """Let this transaction take as long as it needs."""
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def _copying(cursor: Any, what: str, way: str) -> Any:
    return cursor.copy(f"COPY {what} {way}")


def _quoted(name: str) -> str:
    return f'"{name}"'


def _tables(cursor: Any) -> list[str]:
    """Return the tables of ours, those of extensions left out."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace "
        "AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid "
        "AND deptype = 'e') ORDER BY relname"
    )
    return [name for (name,) in cursor.fetchall()]


def _columns(cursor: Any, table: str) -> str:
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
        "AND attgenerated = '' ORDER BY attnum",
        [f'"{table}"'],
    )
    return ", ".join(f'"{name}"' for (name,) in cursor.fetchall())


def _sequences(cursor: Any, tables: dict[str, str]) -> Iterator[tuple[str, str, int, bool]]:
    """Yield table, column, last value and whether it was given, of every number that the database counts itself."""
    for table, columns in tables.items():
        for column in columns.split(", "):
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [f'"{table}"', column.strip('"')])
            (sequence,) = cursor.fetchone()
            if sequence is not None:
                cursor.execute(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608
                last, is_called = cursor.fetchone()
                yield table, column.strip('"'), last, is_called
