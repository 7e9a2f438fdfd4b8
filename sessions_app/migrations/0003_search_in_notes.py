"""Search in notes: a full-text index where the database has one."""

from typing import Any, ClassVar

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# As ``sessions_app.search`` asks; an index serves only the very expression that it was made for.
INDEX = (
    "CREATE INDEX IF NOT EXISTS notes_in_full_text ON sessions_app_note USING gin (to_tsvector('simple'::regconfig, "
    "COALESCE(regexp_replace(content || ' ' || speaker, '[!-/:-@\\[-`{-~]+', ' ', 'g'), ''))) WHERE withdrawn_at IS NULL"
)


def make_index(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the index on PostgreSQL; elsewhere notes are compared one by one."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(INDEX, params=None)


def drop_index(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the index away again."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS notes_in_full_text")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("sessions_app", "0002_tables_that_only_grow")]

    operations: ClassVar = [migrations.RunPython(make_index, drop_index)]
