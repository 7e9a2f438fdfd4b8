"""From a session to an archive that anyone can verify."""

from __future__ import annotations

import pytest

from exports_app import storage
from exports_app.archive.verify import check
from exports_app.models import NarrativeExport
from tests.factories.exports import evidence_of, kinds, make_archive, make_export_bench

pytestmark = [pytest.mark.django_db(transaction=True)]


def verified(export: NarrativeExport, tmp_path: object) -> object:
    path = tmp_path / "archive.eln"  # type: ignore[operator]
    with storage.fetch(export.artifact_name, sha256=export.artifact_checksum) as file:
        path.write_bytes(file.read())
    return check(path)


@pytest.mark.parametrize("ended", [True, False])
def test_two_signatures_release_an_archive_that_verifies(ended: bool, tmp_path: object) -> None:
    bench = make_export_bench(ended=ended, readings=120)

    export = make_archive(bench, attachments=[evidence_of(bench.session, label="The beginning")], notes="For release.")

    assert (export.artifact_status, export.attempts) == ("ready", 1)
    report = verified(export, tmp_path)
    assert report.valid, report.first_bad  # type: ignore[attr-defined]
    assert kinds(bench.session) == [
        "created",
        "approval.stage_started",
        "packaging.awaiting_approval",
        "approval.stage_completed",
        "approval.stage_started",
        "packaging.awaiting_approval",
        "approval.stage_completed",
        "approval.finalized",
        "packaging.queued",
        "packaging.started",
        "packaging.ready",
    ]
