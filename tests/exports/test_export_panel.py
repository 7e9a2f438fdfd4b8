"""Exports on the session page: evidence to choose from, who has not signed, archives in words and under check."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from biolab.accounts.models import User
from exports_app.models import NarrativeExport
from exports_app.pages.shelf import said_of_archive
from exports_app.states import EvidenceType
from sessions_app.models import LabSession
from tests.factories.exports import TEN, approve, fresh, make_archive, make_export, make_export_bench
from tests.factories.governance import Bench, make_administrator
from tests.factories.notebook import make_entry, make_file

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]


@pytest.fixture
def bench() -> Bench:
    return make_export_bench()


def browser_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page_of(bench: Bench, *more: str, by: User | None = None, **asked: Any) -> str:
    path = "/".join(["/sessions", bench.session.public_id, *more])
    return browser_of(by or bench.asker).get(path, asked).content.decode()


def test_the_picker_finds_every_kind_by_words_and_leaves_out_what_is_chosen() -> None:
    bench = make_export_bench(ended=False)
    entry = make_entry(bench.asker, bench.session, title="Buffer recipe")
    file = make_file(bench.asker, bench.session, filename="gel.csv")
    event = bench.session.events.get(sequence=1)
    one = f"notebook_entry:{entry.public_id}"

    everything = page_of(bench, "evidence")
    by_words = page_of(bench, "evidence", q="buffer")
    by_number = page_of(bench, "evidence", q="#1", kind="timeline_event")
    kinds = {kind: page_of(bench, "evidence", kind=kind) for kind in EvidenceType.values}
    chosen = page_of(bench, "evidence", attach=[one])

    assert all(name in everything for name in ("Buffer recipe", "gel.csv", f"timeline_event:{event.public_id}"))
    assert (one in by_words, f"file:{file.public_id}" in by_words) == (True, False)
    assert by_number.count("<input") == 1
    assert f"timeline_event:{event.public_id}" in by_number
    assert one in kinds["notebook_entry"]
    assert all("Nothing found" in kinds[kind] for kind in ("analytics_snapshot", "qc_metric", "remediation_report"))
    assert one not in chosen
    assert "gel.csv" in chosen


def test_evidence_chosen_on_the_page_is_frozen(bench: Bench) -> None:
    event = bench.session.events.get(sequence=1)

    posted = {"notes": "", "attach": [f"timeline_event:{event.public_id}"]}
    browser_of(bench.asker).post(f"/sessions/{bench.session.public_id}/exports", posted)

    (attachment,) = NarrativeExport.objects.get().attachments.all()
    assert (attachment.evidence_type, attachment.reference_id) == ("timeline_event", event.public_id)


def test_the_ladder_names_who_has_not_signed(bench: Bench) -> None:
    make_export(bench)

    page = page_of(bench, "panels", "exports")

    assert f"Not signed yet: {bench.reviewer.printed_name}." in page
    assert f"Not signed yet: {bench.approver.printed_name}" not in page


SAID: list[tuple[dict[str, Any], str]] = [
    ({"artifact_status": "queued", "gate": {"state": "awaiting_approval", "context": {}}}, ""),
    ({"artifact_status": "queued", "gate": {"state": "queued", "context": {}}}, "queued for packing"),
    (
        {"artifact_status": "queued", "gate": {"state": "guardrail_blocked", "context": {"reasons": ["Too late."]}}},
        "hold the packing. Too late.",
    ),
    ({"artifact_status": "processing", "attempts": 2}, "being packed (attempt 2)"),
    (
        {"artifact_status": "retrying", "attempts": 1, "next_retry_at": TEN, "artifact_error": "Full."},
        "at 10:00:00 UTC",
    ),
    ({"artifact_status": "failed", "attempts": 5, "artifact_error": "Full."}, "given up after 5 attempts. Full."),
    ({"artifact_status": "ready", "retention_expires_at": TEN}, "Kept until 2026-03-02."),
    ({"artifact_status": "ready", "session": LabSession(legal_hold=True)}, "until the legal hold is lifted"),
    ({"artifact_status": "expired", "retention_expires_at": TEN}, "time was over on 2026-03-02"),
    ({"artifact_status": "retired"}, "taken back with its approval"),
]


@pytest.mark.parametrize(("given", "told"), SAID, ids=str)
def test_every_state_is_told_in_words(given: dict[str, Any], told: str) -> None:
    export = NarrativeExport(**{"session": LabSession(), **given})

    said = said_of_archive(export)

    assert told in said
    assert bool(told) == bool(said)


@pytest.mark.django_db(transaction=True)
def test_an_archive_is_checked_on_the_page_and_a_changed_one_is_found_out() -> None:
    bench = make_export_bench(readings=20)
    export = make_archive(bench)
    path = Path(django_settings.ARTIFACTS_DIR) / export.artifact_name
    panel = page_of(bench, "panels", "exports")

    good = page_of(bench, "exports", export.public_id, "checks")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    bad = page_of(bench, "exports", export.public_id, "checks")

    assert "biolab verify session-" in panel
    assert "Everything holds." in good
    assert export.artifact_checksum in good
    assert "Everything holds." not in bad
    assert fresh(export).artifact_status == "failed"


@pytest.mark.django_db(transaction=True)
def test_administrators_alone_queue_a_failed_archive_again(bench: Bench) -> None:
    export, administrator = approve(make_export(bench), bench), make_administrator()
    NarrativeExport.objects.filter(pk=export.pk).update(artifact_status="failed", failed_at=TEN + timedelta(hours=1))
    path = f"/sessions/{bench.session.public_id}/exports/{export.public_id}/requeue"

    shown = [path in page_of(bench, "panels", "exports", by=person) for person in (bench.lead, administrator)]
    refused = browser_of(bench.lead).post(path).status_code, fresh(export).artifact_status
    done = browser_of(administrator).post(path).status_code, fresh(export).artifact_status

    assert shown == [False, True]
    assert refused == (403, "failed")
    assert done == (302, "queued")
