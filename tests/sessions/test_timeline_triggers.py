"""History only grows: the database itself refuses to change it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from biolab.accounts.roles import Role
from biolab.kernel import append_only
from sessions_app.models import (
    Checkpoint,
    EntrySignature,
    EntryVersion,
    LabFile,
    Note,
    NoteVersion,
    ProtocolVersion,
    TimelineEvent,
)
from tests.factories.governance import make_signer
from tests.factories.notebook import make_entry, make_file, sign
from tests.factories.sessions import NINE, SessionFactory

GUARDED = (TimelineEvent, Checkpoint, ProtocolVersion, NoteVersion, EntryVersion, EntrySignature, LabFile)


def triggers() -> dict[str, int]:
    """Return how many append-only triggers each table of the bench has; on PostgreSQL only those always on."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgrelid::regclass::text, count(*) FROM pg_trigger "
                "WHERE tgname LIKE 'append_only%%' AND tgenabled = 'A' GROUP BY 1"
            )
        else:
            cursor.execute(
                "SELECT tbl_name, count(*) FROM sqlite_master "
                "WHERE type = 'trigger' AND name LIKE 'append_only%%' GROUP BY 1"
            )
        return dict(cursor.fetchall())


@pytest.fixture
def history() -> None:
    """Give every guarded table a row."""
    session = SessionFactory(completed=True, with_steps=True)
    note = Note.objects.create(
        session=session, author=session.created_by, content="Foam", timestamp=NINE, created_at=NINE, updated_at=NINE
    )
    NoteVersion.objects.create(
        note=note, version=1, action="created", content="Foam", type="observation", by_name="Ada", at=NINE
    )
    author = make_signer(session.team, Role.SCIENTIST)
    sign(make_entry(author), author)
    make_file(author)


@pytest.mark.django_db
@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("model", GUARDED, ids=lambda model: model.__name__)
@pytest.mark.parametrize("statement", ["UPDATE {table} SET id = id", "DELETE FROM {table}"])
def test_raw_sql_cannot_change_history(model: type, statement: str) -> None:
    table = model._meta.db_table
    before = list(model._default_manager.order_by("pk").values_list())
    assert before

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table=table))

    assert list(model._default_manager.order_by("pk").values_list()) == before


@pytest.mark.django_db
@pytest.mark.usefixtures("history")
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="TRUNCATE and replication roles are PostgreSQL's")
@pytest.mark.parametrize("model", GUARDED, ids=lambda model: model.__name__)
def test_neither_truncate_nor_a_replica_role_gets_past(model: type) -> None:
    table = model._meta.db_table
    count = model._default_manager.count()
    connection.check_constraints()  # else TRUNCATE fails for another reason: deferred checks still wait

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in (f"TRUNCATE {table} CASCADE", f"DELETE FROM {table}"):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                cursor.execute(statement)

    assert model._default_manager.count() == count


@pytest.mark.django_db(transaction=True)
def test_triggers_are_lifted_for_the_flush_and_back_afterwards() -> None:
    per_table = 2
    with append_only.lifted():
        lifted = triggers()

    assert not any(model._meta.db_table in lifted for model in GUARDED)
    assert {model._meta.db_table: triggers().get(model._meta.db_table) for model in GUARDED} == {
        model._meta.db_table: per_table for model in GUARDED
    }


@pytest.mark.django_db
def test_the_flush_of_the_test_before_left_the_triggers_on() -> None:
    assert {triggers().get(model._meta.db_table) for model in GUARDED} == {2}
