"""Raw SQL cannot change what people signed, what was published, or what the audit says."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, models, transaction

from governance_app.models import Signature, StageAction, TemplateAudit, TemplateSnapshot
from tests.factories.governance import TemplateFactory, make_bench, make_request, sign

pytestmark = pytest.mark.django_db

CASES: list[tuple[type[models.Model], str]] = [
    (TemplateSnapshot, "digest"),
    (TemplateAudit, "kind"),
    (StageAction, "notes"),
    (Signature, "meaning"),
]


@pytest.mark.parametrize(("model", "column"), CASES, ids=[model.__name__ for model, _ in CASES])
@pytest.mark.parametrize("statement", ["UPDATE {table} SET {column} = 'x'", "DELETE FROM {table}"])
def test_raw_sql_cannot_rewrite_history(model: type[models.Model], column: str, statement: str) -> None:
    bench = make_bench()
    sign(make_request(bench, template=TemplateFactory(published=True)), bench.reviewer)
    before = list(model._default_manager.order_by("pk").values())
    sql = statement.format(table=model._meta.db_table, column=column)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert before
    assert list(model._default_manager.order_by("pk").values()) == before
