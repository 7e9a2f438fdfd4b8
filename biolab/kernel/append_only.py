"""Tables that only grow: triggers that refuse UPDATE, DELETE and TRUNCATE, for every database user.

SQLite and PostgreSQL. On PostgreSQL they are ``ENABLE ALWAYS``, so that ``session_replication_role = replica`` does not
pass either. They keep honest programs and hurried administrators out; who owns the database can still drop them, which
is what signed checkpoints are for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

_FUNCTION = """
CREATE OR REPLACE FUNCTION biolab_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def install(connection: BaseDatabaseWrapper, table: str) -> None:
    """Put the triggers on ``table``; doing it twice changes nothing."""
    remove(connection, table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
            cursor.execute(
                f'CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON "{table}" '
                "FOR EACH ROW EXECUTE FUNCTION biolab_append_only()"
            )
            cursor.execute(
                f'CREATE TRIGGER append_only_table BEFORE TRUNCATE ON "{table}" '
                "FOR EACH STATEMENT EXECUTE FUNCTION biolab_append_only()"
            )
            for trigger in ("append_only_rows", "append_only_table"):
                cursor.execute(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER {trigger}')
        else:
            for verb in ("UPDATE", "DELETE"):
                cursor.execute(
                    f'CREATE TRIGGER "append_only_{verb.lower()}_{table}" BEFORE {verb} ON "{table}" '
                    f"BEGIN SELECT RAISE(ABORT, 'table {table} is append-only'); END"
                )


def remove(connection: BaseDatabaseWrapper, table: str) -> None:
    """Take the triggers off ``table``."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for trigger in ("append_only_rows", "append_only_table"):
                cursor.execute(f'DROP TRIGGER IF EXISTS {trigger} ON "{table}"')
        else:
            for verb in ("update", "delete"):
                cursor.execute(f'DROP TRIGGER IF EXISTS "append_only_{verb}_{table}"')


def guarded_tables(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the tables whose models say ``append_only = True`` and that exist in the database."""
    present = set(connection.introspection.table_names())
    return sorted(
        model._meta.db_table
        for model in apps.get_models()
        if getattr(model, "append_only", False) and model._meta.db_table in present
    )


@contextmanager
def lifted(using: str = "default", *, among: Collection[str] | None = None) -> Iterator[None]:
    """Take the triggers off guarded tables and put them back: for the teardown of transactional tests alone.

    Args:
        among: those to look at; all where not given.
    """
    connection = connections[using]
    tables = [table for table in guarded_tables(connection) if among is None or table in among]
    for table in tables:
        remove(connection, table)
    try:
        yield
    finally:
        for table in tables:
            install(connection, table)


class AppendOnly(Operation):
    """Migration operation: from here on the table of ``model_name`` only grows."""

    reversible = True
    reduces_to_sql = False

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Triggers are no part of the models' state."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        install(schema_editor.connection, model._meta.db_table)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        remove(schema_editor.connection, model._meta.db_table)

    def describe(self) -> str:
        return f"Refuse UPDATE, DELETE and TRUNCATE on {self.model_name}"
