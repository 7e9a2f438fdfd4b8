"""Notebook entries and files in exports: frozen as they were when somebody asked, and packed byte for byte."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from biolab.kernel import storage
from exports_app.archive.verify import check
from exports_app.models import ExportAttachment, NarrativeExport
from exports_app.services.evidence import EvidenceAsked
from sessions_app.models import LabFile
from sessions_app.services.notebook import change_entry, withdraw_entry
from tests.exports.doors import client_of, count_of, path_of
from tests.factories.exports import approve, evidence_of, make_export, make_export_bench, pack
from tests.factories.governance import Bench
from tests.factories.notebook import PNG, make_entry, make_file
from tests.factories.sessions import NINE, SessionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench() -> Bench:
    return make_export_bench(ended=False)


def test_what_was_approved_is_packed_whatever_was_edited_later(bench: Bench, tmp_path: Path) -> None:
    entry = make_entry(bench.lead, bench.session, title="Plan", content="Feed at 3 ml/h")
    file = make_file(bench.lead, bench.session, PNG, filename="gel.png")
    wanted = [
        EvidenceAsked(evidence_type="notebook_entry", reference_id=entry.public_id, label="The plan"),
        EvidenceAsked(evidence_type="file", reference_id=file.public_id),
    ]

    export = make_export(bench, attachments=wanted)
    change_entry(entry=entry, by=bench.lead, at=NINE, content="Feed at 9 ml/h")
    withdraw_entry(entry=entry, by=bench.lead, at=NINE)
    storage.remove(file.stored_as)
    packed = pack(approve(export, bench))

    shown = client_of(bench.asker).get(path_of(bench.session, packed)).json()["attachments"]
    assert [one["evidence_type"] for one in shown] == ["notebook_entry", "file"]
    assert shown[0]["snapshot"] == {
        "title": "Plan",
        "version": 1,
        "created_at": "2026-03-02T09:00:00Z",
        "updated_at": "2026-03-02T09:00:00Z",
        "author_id": bench.lead.public_id,
        "author_name": bench.lead.printed_name,
        "preview": "Feed at 3 ml/h",
    }
    assert shown[1]["snapshot"] == {"filename": "gel.png", "file_type": "image/png", "file_size": len(PNG)}
    assert shown[1]["digest"] == file.sha256
    archive = tmp_path / "a.eln"
    archive.write_bytes(b"".join(storage.read(packed.artifact_name)))
    report = check(archive)
    assert (report.valid, report.first_bad) == (True, None)
    with zipfile.ZipFile(archive) as bag:
        held = {name.partition("/data/")[2]: bag.read(name) for name in bag.namelist()}
    assert held["attachments/files/02-gel.png"] == PNG
    assert b"Feed at 3 ml/h" in held["attachments/notebooks/01-Plan_v1.md"]


@pytest.mark.parametrize("name", ["file_id", "notebook_entry_id"])
@pytest.mark.parametrize("where", ["another session", "no session", "withdrawn"])
def test_evidence_that_is_not_of_the_session_is_not_there(bench: Bench, name: str, where: str) -> None:
    other = SessionFactory(team=bench.team, by=bench.lead)
    place = {"another session": other, "no session": None, "withdrawn": bench.session}[where]
    if name == "file_id":
        row: Any = make_file(bench.lead, place if where != "withdrawn" else other)
    else:
        row = make_entry(bench.lead, place)
        if where == "withdrawn":
            withdraw_entry(entry=row, by=bench.lead, at=NINE)
    before = count_of(bench.session)

    answer = client_of(bench.asker).post(
        path_of(bench.session), {"attachments": [{name: row.public_id}]}, format="json"
    )

    assert answer.status_code == 404
    assert count_of(bench.session) == before


def test_a_file_that_storage_changed_is_not_frozen(bench: Bench) -> None:
    file = make_file(bench.lead, bench.session)
    with storage.workbench() as folder:
        storage.put(storage.measure([b"else"], folder=folder, media_type="text/plain").path, file.stored_as)

    answer = client_of(bench.asker).post(
        path_of(bench.session), {"attachments": [{"file_id": file.public_id}]}, format="json"
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "integrity_failed")
    assert not NarrativeExport.objects.exists()
    assert LabFile.objects.count() == 1


def test_attachments_still_only_grow_after_the_table_was_made_anew(bench: Bench) -> None:
    make_export(bench, attachments=[evidence_of(bench.session)])

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ExportAttachment.objects.update(label="Another")

    assert ExportAttachment.objects.get().label == ""


def test_evidence_is_picked_on_the_page_and_frozen_with_the_export(bench: Bench) -> None:
    entry, file = make_entry(bench.lead, bench.session, title="Plan"), make_file(bench.lead, bench.session)
    path = f"/sessions/{bench.session.public_id}"
    browser = Client()
    browser.force_login(bench.asker)
    offered = browser.get(f"{path}/panels/exports").content.decode()
    values = [f"notebook_entry:{entry.public_id}", f"file:{file.public_id}"]

    asked = browser.post(f"{path}/exports", {"attach": values})
    wrong = browser.post(f"{path}/exports", {"attach": ["gossip:x"]}, headers={"HX-Request": "true"})

    assert all(f'value="{value}"' in offered for value in values)
    assert (asked.status_code, wrong.status_code) == (302, 422)
    export = NarrativeExport.objects.get()
    assert list(export.attachments.order_by("position").values_list("reference_id", flat=True)) == [
        entry.public_id,
        file.public_id,
    ]
    assert "With Plan v1.md, table.csv" in browser.get(f"{path}/panels/exports").content.decode()
