"""Exports in the administration and on the command line."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from exports_app.models import NarrativeExport
from tests.factories.exports import approve, fresh, make_archive, make_export, make_export_bench
from tests.factories.governance import Bench, make_administrator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bench() -> Bench:
    return make_export_bench()


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(make_administrator(is_superuser=True))
    return client


def fail(export: NarrativeExport) -> None:
    """Leave the export as five failures would."""
    NarrativeExport.objects.filter(pk=export.pk).update(artifact_status="failed", attempts=5, tries=5)


def command(name: str, *arguments: str) -> dict[str, object]:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    answer: dict[str, object] = json.loads(out.getvalue())
    return answer


def test_lists_and_pages_open(desk: Client, bench: Bench) -> None:
    export = make_archive(bench)

    pages = {
        "/admin/exports_app/narrativeexport/": bench.session.name,
        f"/admin/exports_app/narrativeexport/{export.pk}/change/": export.artifact_checksum,
        "/admin/exports_app/frozenobject/": export.content_id,
        f"/admin/exports_app/frozenobject/{export.content_id}/change/": export.content_id,
    }

    for path, expected in pages.items():
        answer = desk.get(path)
        assert answer.status_code == 200, path
        assert expected in answer.content.decode(), path


def test_the_button_asks_first_and_then_queues_again(desk: Client, bench: Bench) -> None:
    export = approve(make_export(bench), bench)
    fail(export)
    button = f"/admin/exports_app/narrativeexport/{export.pk}/requeue/"

    asked = desk.get(button)
    after_asking = fresh(export).artifact_status
    done = desk.post(button)

    assert (asked.status_code, after_asking) == (200, "failed")
    assert (done.status_code, fresh(export).artifact_status) == (302, "queued")


def test_nothing_is_added_changed_or_deleted_at_the_desk(desk: Client, bench: Bench) -> None:
    export = make_export(bench)

    answers = [
        desk.get("/admin/exports_app/narrativeexport/add/"),
        desk.post(f"/admin/exports_app/narrativeexport/{export.pk}/change/", {"notes": "changed"}),
        desk.post(f"/admin/exports_app/narrativeexport/{export.pk}/delete/", {"post": "yes"}),
        desk.get("/admin/exports_app/frozenobject/add/"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert fresh(export).notes == ""


def test_the_command_rings_for_what_is_due_and_says_what_waits(bench: Bench) -> None:
    export = make_export(bench)
    waiting = command("queue_narrative_export", export.public_id)
    approve(export, bench)

    due = command("queue_narrative_export", export.public_id, "--dry-run")
    rung = command("queue_narrative_export", str(export.pk), "--actor-email", bench.lead.email)

    stage = export.approval.stages.get(sequence_index=1)
    assert waiting == {
        "queued": False,
        "export_id": export.public_id,
        "actor_id": None,
        "approval_status": "pending",
        "artifact_status": "queued",
        "pending_stage_id": stage.public_id,
        "pending_stage_status": "in_progress",
        "guardrail_state": None,
        "dry_run": False,
    }
    assert (due["queued"], due["dry_run"]) == (True, True)
    assert (rung["queued"], rung["actor_id"]) == (True, bench.lead.public_id)


def test_the_command_queues_a_failed_export_for_an_administrator_only(bench: Bench) -> None:
    export = approve(make_export(bench), bench)
    fail(export)
    administrator = make_administrator()

    for arguments in ([], ["--actor-email", bench.lead.email], ["--actor-email", "nobody@biolab.example"]):
        with pytest.raises(CommandError):
            call_command("queue_narrative_export", export.public_id, *arguments)
    tried = command("queue_narrative_export", export.public_id, "--actor-email", administrator.email, "--dry-run")
    still = fresh(export).artifact_status
    done = command("queue_narrative_export", export.public_id, "--actor-email", administrator.email)

    assert (tried["artifact_status"], still) == ("failed", "failed")
    assert done["artifact_status"] == "queued"
    with pytest.raises(CommandError):
        call_command("queue_narrative_export", "exp_unknown")


def test_the_fixity_command_ends_with_one_when_something_is_wrong(bench: Bench) -> None:
    export = make_archive(bench)
    NarrativeExport.objects.exclude(pk=export.pk).delete()
    path = Path(settings.ARTIFACTS_DIR) / export.artifact_name
    path.write_bytes(path.read_bytes() + b"\0")
    out = StringIO()

    with pytest.raises(SystemExit) as ending:
        call_command("verify_artifacts", stdout=out)

    assert ending.value.code == 1
    assert f"{export.artifact_name}: its SHA-256 is" in out.getvalue()
    assert fresh(export).artifact_status == "failed"
