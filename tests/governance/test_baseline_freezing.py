"""What was frozen of a session stays, whatever changes afterwards and whoever tries to rewrite it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, models, transaction

from governance_app.errors import BaselineDrifted
from governance_app.models import BaselineContent, GovernanceBaseline, GovernanceBaselineEvent
from governance_app.services.assignments import assign_template
from governance_app.services.baselines import publish_baseline
from sessions_app.models import LabSession
from sessions_app.services.protocols import change_protocol
from sessions_app.services.steps import move_step
from tests.factories.baselines import make_baseline_bench
from tests.factories.governance import TemplateFactory
from tests.factories.sessions import NINE

pytestmark = pytest.mark.django_db
LATER = NINE + timedelta(days=1)


def test_what_was_frozen_stays_although_the_session_and_its_protocol_change() -> None:
    bench = make_baseline_bench()
    session: LabSession = bench.session(completed=False, running=True, parameters={"pH": 7})
    template = TemplateFactory(published=True)
    assign_template(template=template, protocol=bench.protocol, by=bench.admin, at=NINE)
    move_step(session=session, index=0, to="in_progress", by=bench.submitter, at=NINE)
    move_step(session=session, index=0, to="completed", by=bench.submitter, at=NINE + timedelta(seconds=90))
    baseline = bench.baseline(session=session, labels=[{"key": "scale", "value": "2 L"}], at=NINE)
    frozen, digest = baseline.content, baseline.content_digest

    move_step(session=session, index=1, to="in_progress", by=bench.submitter, at=LATER)
    change_protocol(protocol=bench.protocol, content="Something else", by=bench.member, at=LATER)

    after = GovernanceBaseline.objects.get(pk=baseline.pk)
    assert (after.content, after.content_digest, after.has_drifted) == (frozen, digest, False)
    assert [step["status"] for step in frozen["steps"]] == ["completed", "pending", "pending"]
    assert frozen["steps"][0]["duration_s"] == 90
    assert frozen["steps"][0]["completed_by"] == bench.submitter.printed_name
    assert frozen["parameters"] == {"pH": 7}
    assert frozen["protocol"]["content"].startswith("Fill the vessel")
    assert frozen["template_snapshot"]["digest"] == after.snapshot.digest  # type: ignore[union-attr]
    assert after.snapshot == template.published_snapshot


@pytest.mark.parametrize("statement", ["UPDATE {table} SET {column} = 'x'", "DELETE FROM {table}"])
@pytest.mark.parametrize(("model", "column"), [(BaselineContent, "text"), (GovernanceBaselineEvent, "notes")])
def test_raw_sql_cannot_rewrite_what_was_frozen_or_done(statement: str, model: type[models.Model], column: str) -> None:
    make_baseline_bench().baseline()
    before = list(model._default_manager.values())
    sql = statement.format(table=model._meta.db_table, column=column)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert len(before) == 1
    assert list(model._default_manager.values()) == before


def test_text_that_no_longer_matches_its_digest_is_not_published() -> None:
    bench = make_baseline_bench()
    baseline = bench.baseline("approved")
    GovernanceBaseline.objects.filter(pk=baseline.pk).update(content_digest="0" * 64)

    with pytest.raises(BaselineDrifted):
        publish_baseline(baseline=baseline, by=bench.admin, at=LATER)

    baseline.refresh_from_db()
    assert (baseline.status, baseline.version_number, baseline.events.count()) == ("approved", None, 2)
