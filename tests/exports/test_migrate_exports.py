"""Rows from a time without snapshots get one; what cannot be bound is told, line by line."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from exports_app.models import NarrativeExport
from governance_app.models import TemplateAudit, TemplateSnapshot
from tests.exports.doors import client_of, path_of
from tests.factories.exports import fresh, make_export, make_export_bench
from tests.factories.governance import Bench, TemplateFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(settings: Any, tmp_path: Path) -> Path:
    settings.MIGRATION_LOG = tmp_path / "problems" / "governance_migration.log"
    return Path(settings.MIGRATION_LOG)


@pytest.fixture
def bench() -> Bench:
    return make_export_bench()


def brought_over(bench: Bench, template_ref: str) -> NarrativeExport:
    """Return an export as another system had it: it names a template, and nobody knows which text of it applied."""
    export = make_export(bench)
    NarrativeExport.objects.filter(pk=export.pk).update(template_ref=template_ref)
    return export


def migrate(*options: str) -> dict[str, Any]:
    said = StringIO()
    call_command("migrate_exports", *options, stdout=said)
    told: dict[str, Any] = json.loads(said.getvalue())
    return told


def test_exports_get_their_templates_snapshot_once_and_the_rest_is_logged(bench: Bench, log: Path) -> None:
    published, draft = TemplateFactory(published=True), TemplateFactory()
    plain = make_export(bench)
    bound = brought_over(bench, published.public_id)
    unpublished = brought_over(bench, draft.public_id)
    unknown = brought_over(bench, "an id of another system")

    rehearsed = migrate("--dry-run")
    written = log.exists(), fresh(bound).approval.snapshot
    done, again = migrate(), migrate()

    counts = {"processed": 3, "updated": 1, "anomalies": 2}
    assert rehearsed == {**counts, "dry_run": True}
    assert written == (False, None)
    assert done == {**counts, "dry_run": False}
    assert again == {"processed": 2, "updated": 0, "anomalies": 2, "dry_run": False}
    snapshot = TemplateSnapshot.objects.get(template=published)
    shown = client_of(bench.asker).get(path_of(bench.session, bound)).json()
    assert (shown["workflow_template_id"], shown["workflow_template_snapshot_id"]) == (
        published.public_id,
        snapshot.public_id,
    )
    assert (shown["workflow_template_key"], shown["workflow_template_version"]) == (snapshot.key, snapshot.version)
    assert [fresh(export).approval.snapshot for export in (plain, unpublished, unknown)] == [None] * 3
    assert TemplateAudit.objects.filter(kind="export.snapshot.bound").count() == 1
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["anomaly"], line["export_id"], line["template_id"]) for line in lines[:2]] == [
        ("missing_snapshot", unpublished.public_id, draft.public_id),
        ("missing_template", unknown.public_id, "an id of another system"),
    ]
    assert set(lines[0]) == {"anomaly", "export_id", "template_id", "timestamp"}
    assert len(lines) == 4


def test_a_draft_of_a_published_key_takes_the_highest_version_there_is(bench: Bench, log: Path) -> None:
    published = TemplateFactory(published=True)
    draft = TemplateFactory(template_key=published.key_id)
    export = brought_over(bench, draft.public_id)

    migrate()

    assert fresh(export).approval.snapshot == TemplateSnapshot.objects.get(template=published)
    assert not log.exists()
