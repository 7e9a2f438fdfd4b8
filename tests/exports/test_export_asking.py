"""Asking for an export: what is frozen, what is refused, and that a refusal writes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.canonical import sha256
from exports_app.models import FrozenObject, NarrativeExport
from exports_app.services.artifacts import read_frozen
from governance_app.models import ApprovalRequest, TemplateAudit
from governance_app.services.assignments import assign_template
from governance_app.services.templates import archive_template
from sessions_app.models import LabSession
from sessions_app.services.notes import write_note
from tests.exports.doors import client_of, count_of, path_of
from tests.factories.exports import TEN, TWO_STAGES, evidence_of, kinds, make_export, make_export_bench
from tests.factories.governance import Bench, TemplateFactory, make_administrator, make_signer
from tests.factories.sessions import SessionFactory

pytestmark = pytest.mark.django_db
FIELDS = (
    "id execution_id version format generated_at event_count content content_digest approval_status approval_signature "
    "approved_at approval_completed_at approval_stage_count workflow_template_id workflow_template_snapshot_id "
    "workflow_template_key workflow_template_version current_stage current_stage_started_at requested_by approved_by "
    "notes approval_stages attachments metadata guardrail_simulation artifact_status artifact_checksum artifact_error "
    "artifact_file artifact_download_path artifact_signed_url artifact_manifest_digest packaging_attempts packaged_at "
    "retired_at retention_expires_at created_at updated_at"
)


@pytest.fixture
def bench() -> Bench:
    return make_export_bench()


def ask(person: User, session: LabSession, query: str = "", **body: Any) -> Any:
    return client_of(person).post(path_of(session) + query, body)


def test_an_export_answers_every_field_and_waits_for_one_approver(bench: Bench) -> None:
    event = bench.session.events.get(sequence=1)

    answer = ask(
        bench.asker,
        bench.session,
        attachments=[{"event_id": event.public_id, "label": "Start", "context": {"why": "first"}}],
        notes="Please sign.",
        metadata={"study": "S-1"},
    )

    body = answer.json()
    assert answer.status_code == 201
    assert set(FIELDS.split()) <= body.keys()
    assert (body["version"], body["approval_status"], body["artifact_status"]) == (1, "pending", "queued")
    assert [stage["required_role"] for stage in body["approval_stages"]] == ["approver"]
    assert body["content_digest"] == sha256(body["content"].encode())
    assert body["metadata"]["study"] == "S-1"
    gate = body["metadata"]["packaging_queue_state"]
    assert gate["event"] == "narrative_export.packaging.awaiting_approval"
    assert gate["context"]["pending_stage_id"] == body["current_stage"]["id"]
    (attachment,) = body["attachments"]
    assert attachment["reference_id"] == event.public_id
    assert attachment["snapshot"] == {
        "event_type": "session.created",
        "payload": event.payload,
        "created_at": event.record["created_at"],
        "actor_id": event.record["actor"]["id"],
    }
    assert (body["artifact_download_path"], body["artifact_signed_url"]) == (None, None)
    assert kinds(bench.session) == ["created", "approval.stage_started", "packaging.awaiting_approval"]
    created = bench.session.events.get(kind="narrative_export.created").payload
    assert created["attachments"] == [
        {"type": "timeline_event", "reference_id": event.public_id, "label": "Start", "context": {"why": "first"}}
    ]
    assert (created["export_id"], created["version"], created["format"]) == (body["id"], 1, "markdown")


def test_the_dossier_tells_the_session_as_it_was_when_it_was_frozen(bench: Bench) -> None:
    write_note(
        session=bench.session, by=bench.lead, at=TEN, timestamp=TEN, content="Foam at 10:00.", reason="Written up late."
    )
    export = make_export(bench)
    frozen = read_frozen(export.content)

    write_note(
        session=bench.session, by=bench.lead, at=TEN, timestamp=TEN, content="Never mind.", reason="Later still."
    )

    assert b"Foam at 10:00." in frozen
    assert read_frozen(NarrativeExport.objects.get(pk=export.pk).content) == frozen
    assert sha256(frozen) == export.content_id


def test_versions_count_up_and_the_same_bytes_are_kept_once(bench: Bench) -> None:
    evidence = [evidence_of(bench.session)]
    first = make_export(bench, attachments=evidence)
    objects = FrozenObject.objects.count()

    second = make_export(bench, attachments=evidence)

    assert (first.version, second.version) == (1, 2)
    assert FrozenObject.objects.count() == objects + 2  # another dossier and other facts; the evidence is the same


def test_a_dry_run_answers_what_would_be_and_keeps_nothing(bench: Bench) -> None:
    before = count_of(bench.session)

    answer = ask(bench.asker, bench.session, "?dry_run=true", notes="Only trying.")

    assert answer.status_code == 200
    assert answer.json()["version"] == 1
    assert "Only trying." in answer.json()["content"]
    assert count_of(bench.session) == before
    assert not FrozenObject.objects.exists()
    assert not ApprovalRequest.objects.exists()


BAD_ATTACHMENTS: list[tuple[dict[str, Any], str]] = [
    ({}, "/attachments/0"),
    ({"type": "timeline_event"}, "/attachments/0"),
    ({"reference_id": "EVENT"}, "/attachments/0/type"),
    ({"event_id": "EVENT", "reference_id": "EVENT", "type": "timeline_event"}, "/attachments/0"),
    ({"event_id": "EVENT", "type": "file"}, "/attachments/0/type"),
    ({"event_id": "EVENT", "type": "photograph"}, "/attachments/0/type"),
    ({"qc_event_id": "EVENT"}, "/attachments/0"),
    ({"type": "analytics_snapshot", "reference_id": "EVENT"}, "/attachments/0"),
]


@pytest.mark.parametrize(("attachment", "pointer"), BAD_ATTACHMENTS)
def test_an_attachment_that_cannot_be_is_refused(bench: Bench, attachment: dict[str, Any], pointer: str) -> None:
    event = bench.session.events.get(sequence=1).public_id
    before = count_of(bench.session)

    answer = ask(
        bench.asker,
        bench.session,
        attachments=[{name: event if value == "EVENT" else value for name, value in attachment.items()}],
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert count_of(bench.session) == before


def test_evidence_of_another_session_is_not_there(bench: Bench) -> None:
    other = SessionFactory(team=bench.team, by=bench.lead)
    before = count_of(bench.session)

    answer = ask(bench.asker, bench.session, attachments=[{"event_id": other.events.get(sequence=1).public_id}])

    assert answer.status_code == 404
    assert count_of(bench.session) == before


@pytest.mark.parametrize("who", ["outsider", "observer", "viewer"])
def test_who_may_not_export_writes_nothing(bench: Bench, who: str) -> None:
    person = bench.outsider
    if who == "observer":
        person = make_signer(bench.team, Role.OBSERVER)
    if who == "viewer":
        person = make_signer(bench.team, Role.SCIENTIST)
        User.objects.filter(pk=person.pk).update(role=PlatformRole.VIEWER)
        person.refresh_from_db()
    before = count_of(bench.session)

    answer = ask(person, bench.session)

    assert answer.status_code == (404 if who == "outsider" else 403)
    assert count_of(bench.session) == before


def test_stages_may_be_spelt_out(bench: Bench) -> None:
    answer = ask(
        bench.asker,
        bench.session,
        approval_stages=[
            {"name": "Review", "required_role": "reviewer", "assignee_id": bench.reviewer.public_id, "sla_hours": 4},
            {"required_role": "approver"},
        ],
    )

    stages = answer.json()["approval_stages"]
    assert answer.status_code == 201
    assert [stage["required_role"] for stage in stages] == ["reviewer", "approver"]
    assert stages[0]["assignee"]["id"] == bench.reviewer.public_id
    assert stages[0]["due_at"] is not None


def test_a_published_template_gives_the_ladder_and_is_bound(bench: Bench) -> None:
    template = TemplateFactory(published=True)

    body = ask(bench.asker, bench.session, workflow_template_id=template.public_id).json()

    snapshot = template.snapshot
    assert body["workflow_template_id"] == template.public_id
    assert body["workflow_template_snapshot_id"] == snapshot.public_id
    assert (body["workflow_template_key"], body["workflow_template_version"]) == (template.key_id, 1)
    assert body["approval_stage_count"] == 2
    bound = TemplateAudit.objects.get(kind="export.snapshot.bound")
    assert bound.detail["export_id"] == body["id"]


def test_the_teams_template_governs_where_none_is_named(bench: Bench) -> None:
    template = TemplateFactory(published=True)
    assign_template(template=template, team=bench.team, by=make_administrator(), at=TEN)

    body = ask(bench.asker, bench.session).json()

    assert body["workflow_template_id"] == template.public_id


def _draft(bench: Bench) -> dict[str, Any]:
    return {"workflow_template_id": TemplateFactory().public_id}


def _archived(bench: Bench) -> dict[str, Any]:
    template = TemplateFactory(published=True)
    archive_template(template=template, by=make_administrator(), at=TEN)
    return {"workflow_template_id": template.public_id}


def _foreign_snapshot(bench: Bench) -> dict[str, Any]:
    one, other = TemplateFactory(published=True), TemplateFactory(published=True)
    return {"workflow_template_id": one.public_id, "workflow_template_snapshot_id": other.snapshot.public_id}


def _snapshot_and_stages(bench: Bench) -> dict[str, Any]:
    snapshot = TemplateFactory(published=True).snapshot
    return {
        "workflow_template_snapshot_id": snapshot.public_id,
        "approval_stages": [{"required_role": "approver"}],
    }


def _two_candidates(bench: Bench) -> dict[str, Any]:
    for _ in range(2):
        assign_template(template=TemplateFactory(published=True), team=bench.team, by=make_administrator(), at=TEN)
    return {}


REFUSED: list[tuple[Any, int]] = [
    (lambda bench: {"workflow_template_id": "tmpl_00000000000000000000000000"}, 404),
    (lambda bench: {"workflow_template_snapshot_id": "nonsense"}, 404),
    (lambda bench: {"approval_stages": [{"required_role": "approver", "assignee_id": "user_nobody"}]}, 404),
    (lambda bench: {"approval_stages": [{"required_role": "emperor"}]}, 422),
    (lambda bench: {"approval_stages": [{"required_role": "approver", "sla_hours": -1}]}, 422),
    (
        lambda bench: {"approval_stages": [{"required_role": "approver", "assignee_id": bench.reviewer.public_id}]},
        422,
    ),
    (lambda bench: {"metadata": {"packaging_queue_state": "mine"}}, 422),
    (lambda bench: {"metadata": {"big": 2**60}}, 422),
    (_draft, 422),
    (_foreign_snapshot, 422),
    (_snapshot_and_stages, 422),
    (_archived, 409),
    (_two_candidates, 409),
]


@pytest.mark.parametrize(("make", "expected"), REFUSED)
def test_a_ladder_that_cannot_be_is_refused_and_nothing_is_written(bench: Bench, make: Any, expected: int) -> None:
    body = make(bench)
    before = count_of(bench.session)

    answer = ask(bench.asker, bench.session, **body)

    assert answer.status_code == expected, answer.json()
    assert count_of(bench.session) == before
    assert not NarrativeExport.objects.exists()
    assert not ApprovalRequest.objects.exists()


def test_readings_that_are_not_the_sealed_ones_stop_an_export() -> None:
    from telemetry_app.models import Chunk, Segment

    bench = make_export_bench(readings=30)
    before = count_of(bench.session)
    Segment.objects.filter(session=bench.session).update(columns=None)
    Chunk.objects.filter(session=bench.session).delete()

    answer = ask(bench.asker, bench.session)

    assert (answer.status_code, answer.json()["code"]) == (409, "seal_broken")
    assert answer.json()["channels"] == ["pH", "temperature"]
    assert count_of(bench.session) == before


def test_a_running_sessions_readings_are_frozen_and_later_ones_stay_out() -> None:
    bench = make_export_bench(ended=False, readings=10)

    export = make_export(bench)

    assert export.readings is not None
    assert export.telemetry["sealed"] is False
    assert [channel["count"] for channel in export.telemetry["channels"]] == [10, 10]
    assert export.telemetry["position"] > 0


def test_a_session_that_moves_while_it_is_read_is_read_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from exports_app.services import exports

    reads = []
    freeze = exports.freeze

    def slow(session: LabSession, *args: Any, **kwargs: Any) -> Any:
        frozen = freeze(session, *args, **kwargs)
        reads.append(frozen.head)
        if len(reads) == 1:
            write_note(session=session, by=bench.lead, at=TEN, timestamp=TEN, content="Meanwhile.", reason="Late.")
        return frozen

    monkeypatch.setattr(exports, "freeze", slow)

    export = make_export(bench)

    assert len(reads) == 2
    assert export.event_count == reads[1] == reads[0] + 1
    assert b"Meanwhile." in read_frozen(export.content)


def test_lists_are_newest_first_paged_and_without_the_dossier(bench: Bench, django_assert_max_num_queries: Any) -> None:
    made = [make_export(bench, at=TEN + timedelta(minutes=number), stages=TWO_STAGES) for number in range(3)]
    client = client_of(bench.asker)

    with django_assert_max_num_queries(16):
        first = client.get(path_of(bench.session) + "?limit=2").json()
    rest = client.get(path_of(bench.session) + f"?limit=2&cursor={first['next_cursor']}").json()
    full = client.get(path_of(bench.session) + "?include=content").json()

    versions = [export["version"] for export in [*first["exports"], *rest["exports"]]]
    assert versions == [3, 2, 1]
    assert rest["next_cursor"] is None
    assert all("content" not in export for export in first["exports"])
    assert full["exports"][2]["content"] == read_frozen(made[0].content).decode()


def test_one_export_is_read_with_its_dossier_by_its_team_alone(bench: Bench) -> None:
    export = make_export(bench)
    other = make_export_bench()

    mine = client_of(bench.asker).get(path_of(bench.session, export))
    theirs = client_of(other.asker).get(path_of(bench.session, export))
    crossed = client_of(other.asker).get(path_of(other.session, export))

    assert mine.json()["content"].startswith("# ")
    assert (theirs.status_code, crossed.status_code) == (404, 404)


def test_two_versions_are_compared(bench: Bench) -> None:
    first, second = make_export(bench, notes="One."), make_export(bench, notes="Two.")

    answer = client_of(bench.asker).get(path_of(bench.session, second, f"diff?against={first.public_id}")).json()
    same = client_of(bench.asker).get(path_of(bench.session, second, f"diff?against={second.public_id}")).json()

    assert (answer["version"], answer["against_version"], answer["identical"]) == (2, 1, False)
    assert "-> One\\." in answer["diff"] or any(line.startswith("-") and "One." in line for line in answer["diff"])
    assert (same["identical"], same["diff"]) == (True, [])
