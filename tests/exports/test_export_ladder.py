"""The doors of an export's ladder: who signs, what is refused, and what a refusal leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from biolab.accounts.models import User
from biolab.kernel.models import SecurityEntry
from governance_app.models import Signature
from sessions_app.models import Checkpoint
from tests.exports.doors import client_of, count_of, path_of, signature
from tests.factories.exports import approve, fresh, kinds, make_archive, make_export, make_export_bench
from tests.factories.governance import Bench, make_administrator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bench() -> Bench:
    return make_export_bench()


def post(person: User, bench: Bench, export: Any, *parts: str, **body: Any) -> Any:
    return client_of(person).post(path_of(bench.session, export, *parts), body)


def test_two_people_sign_and_the_archive_is_queued(bench: Bench) -> None:
    export = make_export(bench)

    first = post(bench.reviewer, bench, export, "approve", **signature(bench.reviewer, meaning="review")).json()
    second = post(bench.approver, bench, export, "approve", **signature(bench.approver)).json()

    assert (first["approval_status"], first["current_stage"]["sequence_index"]) == ("pending", 2)
    assert second["approval_status"] == "approved"
    assert second["approved_by"]["id"] == bench.approver.public_id
    assert second["approval_signature"] == bench.approver.printed_name
    assert second["approved_at"] is not None
    assert second["metadata"]["packaging_queue_state"] == {
        "event": "narrative_export.packaging.queued",
        "state": "queued",
        "context": {"version": 1},
    }
    signed = second["approval_stages"][1]["actions"][0]["signed"]
    assert signed["subject_digest"] == second["subject_digest"]
    finalized = bench.session.events.get(kind="narrative_export.approval.finalized")
    assert Checkpoint.objects.filter(session=bench.session, sequence=finalized.sequence).exists()


REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("asker", {}, 403),
    ("approver", {}, 403),
    ("lead", {}, 403),
    ("lead", {"password": None, "status": "maybe"}, 403),
    ("outsider", {}, 404),
    ("reviewer", {"password": "wrong"}, 403),
    ("reviewer", {"password": None}, 422),
    ("reviewer", {"status": "maybe"}, 422),
    ("reviewer", {"signature": ""}, 422),
    ("reviewer", {"content_digest": "0" * 64}, 409),
    ("reviewer", {"stage_id": "stg_00000000000000000000000000"}, 404),
]


@pytest.mark.parametrize(("who", "changes", "expected"), REFUSED)
def test_a_signature_that_may_not_be_is_refused(bench: Bench, who: str, changes: dict[str, Any], expected: int) -> None:
    export = make_export(bench)
    person = getattr(bench, who)
    before = count_of(bench.session)

    answer = post(person, bench, export, "approve", **signature(person, **changes))

    assert answer.status_code == expected, answer.json()
    assert count_of(bench.session) == before
    assert not Signature.objects.exists()
    assert fresh(export).approval.state == "pending"


def test_a_wrong_password_is_in_the_security_log_even_with_an_idempotency_key(bench: Bench) -> None:
    export = make_export(bench)

    client = client_of(bench.reviewer)
    answer = client.post(
        path_of(bench.session, export, "approve"),
        signature(bench.reviewer, password="wrong"),
        headers={"Idempotency-Key": "once"},
    )

    assert answer.status_code == 403
    assert SecurityEntry.objects.filter(kind="signature.refused").count() == 1


def test_nobody_signs_twice_and_later_stages_wait(bench: Bench) -> None:
    export = make_export(bench)
    stage_two = export.approval.stages.get(sequence_index=2).public_id
    early = post(bench.approver, bench, export, "approve", **signature(bench.approver, stage_id=stage_two))
    post(bench.reviewer, bench, export, "approve", **signature(bench.reviewer))
    before = count_of(bench.session)

    again = post(bench.reviewer, bench, export, "approve", **signature(bench.reviewer))

    assert early.status_code == 409
    assert again.status_code == 403
    assert count_of(bench.session) == before
    assert Signature.objects.count() == 1


def test_a_dry_run_signs_nothing(bench: Bench) -> None:
    export = make_export(bench)
    post(bench.reviewer, bench, export, "approve", **signature(bench.reviewer))
    before = count_of(bench.session)

    body = post(bench.approver, bench, export, "approve?dry_run=true", **signature(bench.approver)).json()

    assert body["approval_status"] == "approved"
    assert count_of(bench.session) == before
    assert (fresh(export).approval.state, fresh(export).queued_at) == ("pending", None)


def test_a_rejection_closes_the_ladder_and_nothing_is_packed(bench: Bench) -> None:
    export = make_export(bench)

    body = post(bench.reviewer, bench, export, "approve", **signature(bench.reviewer, status="rejected")).json()

    assert (body["approval_status"], body["artifact_status"]) == ("rejected", "queued")
    assert kinds(bench.session)[-3:] == [
        "approval.stage_completed",
        "approval.rejected",
        "packaging.awaiting_approval",
    ]
    assert body["metadata"]["packaging_queue_state"]["context"]["pending_stage_id"] is None


def test_a_stage_is_delegated_and_dry_runs_delegate_nothing(bench: Bench) -> None:
    from biolab.accounts.roles import Role
    from tests.factories.governance import make_signer

    export = make_export(bench)
    stage = export.approval.stages.get(sequence_index=1)
    colleague = make_signer(bench.team, Role.REVIEWER)
    path = ("stages", stage.public_id, "delegate")

    tried = post(bench.lead, bench, export, *path[:-1], "delegate?dry_run=1", delegate_id=colleague.public_id)
    stage.refresh_from_db()
    kept = stage.delegated_to
    done = post(bench.lead, bench, export, *path, delegate_id=colleague.public_id, due_at="2030-01-01T00:00:00Z")
    naive = post(bench.lead, bench, export, *path, delegate_id=colleague.public_id, due_at="2030-01-01T00:00:00")

    assert tried.json()["current_stage"]["status"] == "delegated"
    assert kept is None
    assert done.json()["approval_stages"][0]["delegated_to"]["id"] == colleague.public_id
    assert done.json()["current_stage"]["due_at"] == "2030-01-01T00:00:00Z"
    context = done.json()["metadata"]["packaging_queue_state"]["context"]
    assert context["pending_stage_status"] == "delegated"
    assert naive.status_code == 422


def test_a_reset_retires_the_archive_at_once_and_a_new_one_of_the_same_version_is_packed(bench: Bench) -> None:
    from datetime import timedelta

    from exports_app import storage
    from tests.factories.exports import TEN, pack

    export = make_archive(bench)
    first = fresh(export)
    stage = export.approval.stages.get(sequence_index=2)

    body = post(bench.lead, bench, export, "stages", stage.public_id, "reset", notes="One more look.").json()
    gone = client_of(bench.asker).get(path_of(bench.session, export, "artifact"))
    left = list(storage.names_under(f"narratives/{bench.session.public_id}"))
    post(bench.approver, bench, export, "approve", **signature(bench.approver))
    again = pack(export, at=TEN + timedelta(days=1))

    assert (body["artifact_status"], body["approval_status"]) == ("retired", "pending")
    assert (gone.status_code, gone.json()["code"]) == (410, "artifact_gone")
    assert left == []
    assert (again.artifact_status, again.version, again.attempts) == ("ready", first.version, 2)
    assert again.artifact_checksum != first.artifact_checksum
    assert again.retired_at is None
    assert "packaging.retired" in kinds(bench.session)


def test_only_the_asker_withdraws_and_only_while_it_is_pending(bench: Bench) -> None:
    export = make_export(bench)

    other = post(bench.lead, bench, export, "withdraw")
    tried = post(bench.asker, bench, export, "withdraw?dry_run=true").json()
    still = fresh(export).approval.state
    done = post(bench.asker, bench, export, "withdraw", notes="Not yet.").json()
    late = post(bench.asker, bench, export, "withdraw")

    assert other.status_code == 403
    assert (tried["approval_status"], still) == ("withdrawn", "pending")
    assert done["approval_status"] == "withdrawn"
    assert late.status_code == 409


def test_administrators_read_and_steer_and_sign_nothing_without_the_role(bench: Bench) -> None:
    export = approve(make_export(bench), bench)
    administrator = make_administrator()
    client, desk = client_of(administrator), f"/api/governance/exports/{export.public_id}"
    stage = export.approval.stages.get(sequence_index=1).public_id

    read = client.get(desk)
    member = client_of(bench.lead).get(desk)
    reset = client.post(f"{desk}/stages/{stage}/reset", {"notes": "From the beginning."})
    signed = client.post(f"{desk}/approve", signature(administrator))

    assert (read.status_code, member.status_code) == (200, 403)
    assert read.json()["content"].startswith("# ")
    assert (reset.status_code, reset.json()["current_stage"]["sequence_index"]) == (200, 1)
    assert signed.status_code == 403
