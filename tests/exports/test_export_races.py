"""Twenty at once, on a database whose locks are real."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, connections

from biolab.kernel.errors import Refusal
from exports_app import storage
from exports_app.models import NarrativeExport
from exports_app.services.packaging import pack_export
from sessions_app.services.notes import write_note
from tests.factories.exports import TEN, approve, evidence_of, fresh, kinds, make_export, make_export_bench

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]
AT_ONCE = 20


@pytest.fixture(autouse=True)
def _real_locks() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")


def at_once(work: Callable[[int], object], count: int = AT_ONCE) -> list[object]:
    """Do ``work`` in as many threads at the same moment and return what each gave, refusals included."""
    start = Barrier(count)

    def run(number: int) -> object:
        try:
            start.wait(30)
            return work(number)
        except Refusal as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_versions_have_no_gap_and_no_twin() -> None:
    bench = make_export_bench(ended=False)
    evidence = evidence_of(bench.session)

    def work(number: int) -> object:
        if number % 4 == 0:
            content = f"Note {number}."
            return write_note(session=bench.session, by=bench.lead, at=TEN, timestamp=TEN, content=content)
        return make_export(bench, attachments=[evidence], at=TEN + timedelta(seconds=number))

    made = [result for result in at_once(work) if isinstance(result, NarrativeExport)]

    assert len(made) == AT_ONCE * 3 // 4
    assert sorted(export.version for export in made) == list(range(1, len(made) + 1))
    told = bench.session.events.filter(kind="narrative_export.created").order_by("sequence")
    assert [event.payload["version"] for event in told] == list(range(1, len(made) + 1))
    for export in made:
        created = bench.session.events.get(kind="narrative_export.created", canonical__contains=export.public_id)
        assert created.sequence == export.event_count + 1  # nothing came between what was frozen and its event


def test_a_job_delivered_to_twenty_workers_is_done_once() -> None:
    bench = make_export_bench(readings=100)
    export = approve(make_export(bench), bench)

    published = at_once(lambda number: pack_export(export_id=export.pk, clock=lambda: TEN + timedelta(minutes=5)))

    assert sorted(map(bool, published)) == [False] * (AT_ONCE - 1) + [True]
    ready = fresh(export)
    assert (ready.artifact_status, ready.attempts) == ("ready", 1)
    assert kinds(bench.session).count("packaging.started") == 1
    assert list(storage.names_under(f"narratives/{bench.session.public_id}")) == [ready.artifact_name]
