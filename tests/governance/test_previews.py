"""Previews and guardrails at their doors: what they answer, what they leave behind, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel.append_only import lifted
from governance_app.models import (
    GovernanceBaseline,
    GuardrailSimulation,
    LadderPreview,
    TemplateAudit,
    TemplateSnapshot,
)
from governance_app.states import BaselineStatus
from sessions_app.models import LabSession
from tests.exports.doors import client_of
from tests.factories.equipment import make_equipment
from tests.factories.governance import APPROVAL, REVIEW, Bench, TemplateFactory, make_administrator, make_bench
from tests.factories.sessions import NINE, SessionFactory, make_member

pytestmark = pytest.mark.django_db

PARAMETERS = {
    "step_requirements": {
        "0": {"required_approvals": ["qa"], "gate_keys": ["release"]},
        "1": {"required_equipment_ids": ["BR-7"]},
        "2": {"required_channels": [{"channel": "pH", "within_s": 60}]},
    }
}


@pytest.fixture
def bench() -> Bench:
    made = make_bench()
    session = SessionFactory(team=made.team, by=made.lead, with_steps=True, parameters=PARAMETERS)
    return replace(made, session=session)


def template(**more: Any) -> Any:
    stages = (replace(REVIEW, stage_step_indexes=(1,)), replace(APPROVAL, stage_gate_keys=("release",)))
    return TemplateFactory(published=True, stage_blueprint=stages, **more)


def preview(bench: Bench, snapshot: Any, person: User | None = None, **more: Any) -> Any:
    body = {"workflow_template_snapshot_id": snapshot if isinstance(snapshot, str) else snapshot.public_id, **more}
    path = f"/api/experiments/{bench.session.public_id}/preview"
    return client_of(person or bench.asker).post(path, body, format="json")


def left_alone(session: LabSession) -> Any:
    """Return what a preview must not change."""
    fresh = LabSession.objects.get(pk=session.pk)
    return fresh.status, fresh.updated_at, list(fresh.steps.values_list()), list(fresh.approval_requests.values_list())


def test_a_preview_says_what_each_stage_would_meet_and_leaves_its_trace(bench: Bench) -> None:
    made, before = template(), left_alone(bench.session)
    logged = connection.introspection.table_names()
    snapshot = made.published_snapshot

    answer = preview(bench, snapshot, stage_overrides=[{"index": 1, "sla_hours": 24}])

    assert answer.status_code == 200, answer.content
    said = answer.json()
    first, second = said["stage_insights"]
    assert set(said) == {
        "execution_id", "snapshot_id", "baseline_snapshot_id", "generated_at", "template_name", "template_version",
        "stage_insights", "narrative_preview", "resource_warnings",
    }  # fmt: skip
    assert said["baseline_snapshot_id"] == said["snapshot_id"] == snapshot.public_id
    assert (first["mapped_step_indexes"], second["mapped_step_indexes"]) == ([1, 2], [0])
    assert first["blockers"] == [
        "Step 2: Equipment BR-7 is not registered.",
        "Step 3: pH has sent nothing for 60 s.",
    ]
    assert first["required_actions"] == ["equipment:register:BR-7", "telemetry:restore:pH"]
    assert second["auto_triggers"] == ["notify:approver:qa"]
    assert (second["sla_hours"], second["baseline_sla_hours"], second["delta_sla_hours"]) == (24, 48, -24)
    assert (first["delta_status"], second["delta_projected_due_minutes"]) == ("unchanged", -1440)
    assert said["narrative_preview"].count("\n## ") == 2
    event = bench.session.events.latest("sequence")
    assert event.kind == "governance.preview.summary"
    assert event.payload == {
        "generated_at": said["generated_at"],
        "snapshot_id": snapshot.public_id,
        "baseline_snapshot_id": snapshot.public_id,
        "stage_count": 2,
        "blocked_stage_count": 2,
        "blocked_stage_indexes": [0, 1],
        "override_count": 1,
        "new_blocker_count": 0,
        "resolved_blocker_count": 0,
        "resource_warning_count": 0,
        "delta_projection_minutes": [0, -1440],
        "stage_predictions": [
            {
                "index": stage["index"],
                "status": stage["status"],
                "projected_due_at": stage["projected_due_at"],
                "baseline_projected_due_at": stage["baseline_projected_due_at"],
                "mapped_step_indexes": stage["mapped_step_indexes"],
                "delta_status": stage["delta_status"],
                "delta_projected_due_minutes": stage["delta_projected_due_minutes"],
            }
            for stage in said["stage_insights"]
        ],
    }
    entry = TemplateAudit.objects.get(kind="template.preview.generated")
    assert (entry.template, entry.snapshot, entry.actor) == (made, snapshot, bench.asker)
    assert entry.detail == {
        "execution_id": bench.session.public_id,
        "stage_count": 2,
        "blocked_stage_count": 2,
        "override_indexes": [1],
        "warnings": [],
    }
    assert left_alone(bench.session) == before
    assert connection.introspection.table_names() == logged


def test_what_is_taken_as_given_clears_the_simulated_side_alone(bench: Bench) -> None:
    reactor = make_equipment(bench.team, code="BR-7", calibrated=(NINE, NINE + timedelta(days=1)))
    resources = {"equipment_ids": [reactor.public_id, "BR-9"], "channels": ["pH", "pO2"], "moon": ["full"]}

    said = preview(bench, template().published_snapshot, resource_overrides=resources).json()

    first, second = said["stage_insights"]
    assert (first["status"], first["baseline_status"], first["delta_status"]) == ("ready", "blocked", "cleared")
    assert len(first["delta_resolved_blockers"]) == 2
    assert second["status"] == "blocked"
    assert len(said["resource_warnings"]) == 3
    assert preview(bench, said["snapshot_id"], resource_overrides={"channels": "pH"}).status_code == 422


def test_overrides_of_no_stage_or_nobody_are_warned_of_and_ignored(bench: Bench) -> None:
    overrides = [
        {"index": 9, "sla_hours": 1},
        {"index": 0, "assignee_id": bench.outsider.public_id, "sla_hours": 1},
        {"index": 0, "delegate_id": bench.reviewer.public_id},
    ]

    said = preview(bench, template().published_snapshot, stage_overrides=overrides).json()

    assert said["stage_insights"][0]["delegate_id"] == bench.reviewer.public_id
    assert said["stage_insights"][0]["baseline_delegate_id"] is None
    assert said["stage_insights"][0]["sla_hours"] == 24
    assert len(said["resource_warnings"]) == 2
    assert TemplateAudit.objects.get(kind="template.preview.generated").detail["override_indexes"] == [0]


def test_the_protocols_current_baseline_is_what_a_preview_is_compared_with(bench: Bench) -> None:
    old = TemplateFactory(published=True, stage_blueprint=(replace(REVIEW, sla_hours=1),))
    assert bench.session.protocol_version is not None
    GovernanceBaseline.objects.create(
        session=bench.session,
        protocol_id=bench.session.protocol_version.protocol_id,
        snapshot=old.published_snapshot,
        name="Golden run",
        status=BaselineStatus.PUBLISHED,
        is_current=True,
        version_number=1,
        content_digest="0" * 64,
        submitted_by=bench.lead,
        submitted_at=NINE,
        published_by=bench.reviewer,
        published_at=NINE,
        updated_at=NINE,
    )

    said = preview(bench, template().published_snapshot).json()

    assert said["baseline_snapshot_id"] == old.published_snapshot.public_id
    assert [stage["baseline_sla_hours"] for stage in said["stage_insights"]] == [1, None]
    assert [stage["delta_status"] for stage in said["stage_insights"]] == ["unchanged", None]


def test_refused_previews_leave_nothing(bench: Bench) -> None:
    snapshot, count = template().published_snapshot, bench.session.events.count()
    crewed = make_member(None)
    bench.session.crew.add(crewed)
    viewer = make_member(bench.team, Role.OWNER, role_on_platform=PlatformRole.VIEWER)
    drifted = template().published_snapshot
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else triggers of this test's own rows are pending
    with lifted(among=["governance_app_templatesnapshot"]):
        TemplateSnapshot.objects.filter(pk=drifted.pk).update(payload_text="{}")
    archived = template(archived=True).published_snapshot

    got = [
        preview(bench, snapshot, bench.outsider).status_code,
        preview(bench, "snap_unknown").status_code,
        preview(bench, snapshot, crewed).status_code,
        preview(bench, snapshot, viewer).status_code,
        preview(bench, drifted).status_code,
        preview(bench, archived).status_code,
        preview(bench, snapshot, stage_overrides=[{"index": 0, "sla_hours": 0}]).status_code,
    ]

    assert got == [404, 404, 403, 403, 409, 409, 422]
    assert bench.session.events.count() == count
    assert not LadderPreview.objects.exists()
    assert not TemplateAudit.objects.filter(kind="template.preview.generated").exists()
    assert preview(bench, snapshot, make_administrator()).status_code == 200


SIMULATIONS = "/api/governance/guardrails/simulations"


def compared(**simulated: Any) -> dict[str, Any]:
    side = {"status": "ready", "sla_hours": 24, "projected_due_at": "2026-03-03T09:00:00Z", "blockers": []}
    return {
        "index": 0,
        "name": "Review",
        "required_role": "reviewer",
        "mapped_step_indexes": [0],
        "gate_keys": [],
        "baseline": side,
        "simulated": {**side, **simulated},
    }


def simulate(bench: Bench, person: User | None = None, **body: Any) -> Any:
    body = {"execution_id": bench.session.public_id, **body}
    return client_of(person or bench.asker).post(SIMULATIONS, body, format="json")


def test_a_simulation_of_given_stages_is_judged_kept_and_told(bench: Bench) -> None:
    worse = compared(status="blocked", projected_due_at="2026-03-03T11:00:00+01:00", blockers=["cold"])

    answer = simulate(bench, comparisons=[worse], metadata={"why": "new reactor"})

    said = answer.json()
    assert answer.status_code == 201
    assert said["summary"] == {
        "state": "blocked",
        "reasons": ["stage_0:status_regression:blocked", "stage_0:due_delay_minutes:60"],
        "projected_delay_minutes": 60,
    }
    assert said["comparisons"][0]["simulated"]["projected_due_at"] == "2026-03-03T10:00:00Z"
    assert (said["metadata"], said["waiver"]) == ({"why": "new reactor"}, None)
    event = bench.session.events.latest("sequence")
    assert (event.kind, event.payload["simulation_id"]) == ("governance.guardrail.simulated", said["id"])
    listed = client_of(bench.lead).get(f"{SIMULATIONS}?execution_id={bench.session.public_id}&limit=1").json()
    assert listed == [said]
    assert client_of(bench.lead).get(f"{SIMULATIONS}/{said['id']}").json() == said
    assert client_of(bench.outsider).get(f"{SIMULATIONS}/{said['id']}").status_code == 404
    assert client_of(bench.outsider).get(SIMULATIONS).json() == []


def test_a_simulation_without_stages_takes_the_latest_preview(bench: Bench) -> None:
    assert simulate(bench).status_code == 409
    preview(bench, template().published_snapshot)
    preview(bench, template().published_snapshot, stage_overrides=[{"index": 0, "sla_hours": 25.5}])

    said = simulate(bench).json()

    assert said["summary"]["reasons"] == [
        "stage_0:due_delay_minutes:90",
        "stage_0:sla_increase_hours:1.5",
        "stage_1:due_delay_minutes:90",
    ]
    assert said["summary"]["projected_delay_minutes"] == 180
    assert said["comparisons"][0]["simulated"]["required_actions"]
    assert GuardrailSimulation.objects.get().preview == LadderPreview.objects.get(number=2)


def test_a_simulation_of_nothing_or_by_who_only_reads_is_refused(bench: Bench) -> None:
    count = bench.session.events.count()
    observer, administrator = make_member(bench.team, Role.OBSERVER), make_administrator()

    got = [
        simulate(bench, comparisons=[]).status_code,
        simulate(bench, comparisons=[{**compared(), "index": -1}]).status_code,
        simulate(bench, comparisons=[compared(projected_due_at="2026-03-03T10:00:00")]).status_code,
        *(
            simulate(bench, who, comparisons=[compared()]).status_code
            for who in (bench.outsider, observer, administrator)
        ),
    ]

    assert got == [422, 422, 422, 404, 403, 403]
    assert bench.session.events.count() == count
    assert not GuardrailSimulation.objects.exists()
