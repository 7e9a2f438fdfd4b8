"""A blocked guardrail simulation holds packaging until a clear one, or until an administrator signs it away."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.services.reentry import Components
from biolab.kernel.errors import Conflict, Forbidden, Refusal
from biolab.kernel.models import SecurityEntry
from exports_app import storage
from exports_app.archive.verify import check
from exports_app.archive.write import write_archive
from exports_app.models import NarrativeExport
from exports_app.services.contents import archive_contents, waivers_before
from exports_app.services.packaging import claim_export
from governance_app.models import GuardrailWaiver
from governance_app.seals.waivers import waiver_holds
from governance_app.services.guardrails import waive_guardrails
from sessions_app.verification import verify_session
from tests.exports.doors import client_of
from tests.factories.exports import TEN, approve, fresh, kinds, make_export, make_export_bench, pack
from tests.factories.governance import PASSWORD, Bench, make_administrator
from tests.factories.guardrails import make_simulation

pytestmark = pytest.mark.django_db

BLOCKED = "packaging.guardrail_blocked"


@pytest.fixture
def bench() -> Bench:
    return make_export_bench()


def waive(simulation: Any, by: User, *, password: str = PASSWORD, **changes: Any) -> GuardrailWaiver:
    asked = {"signature": "A. Dmin", "reason": "The probe is spare.", "at": TEN, **changes}
    return waive_guardrails(simulation=simulation, by=by, given=Components(password=password), **asked)


def due(export: NarrativeExport) -> bool:
    return NarrativeExport.objects.due(TEN + timedelta(hours=1)).filter(pk=export.pk).exists()


def test_an_approved_export_waits_for_a_clear_simulation(bench: Bench) -> None:
    make_simulation(bench.session, by=bench.asker, at=TEN)
    export = make_export(bench)

    held = approve(export, bench)

    assert held.gate == {
        "event": "narrative_export.packaging.guardrail_blocked",
        "state": "guardrail_blocked",
        "context": {
            "guardrail_state": "blocked",
            "projected_delay_minutes": 60,
            "reasons": ["stage_0:due_delay_minutes:60"],
        },
    }
    assert (held.artifact_status, held.queued_at, due(held)) == ("queued", None, False)
    assert pack(held).artifact_status == "queued"
    assert kinds(bench.session).count(BLOCKED) == 1
    assert "packaging.queued" not in kinds(bench.session)

    make_simulation(bench.session, by=bench.asker, blocked=False, at=TEN)

    assert kinds(bench.session)[-1] == "packaging.queued"
    assert pack(fresh(export)).artifact_status == "ready"


def test_a_simulation_takes_an_export_out_of_packing_and_leaves_a_packed_one(bench: Bench) -> None:
    packed = pack(approve(make_export(bench), bench))
    working, pending = approve(make_export(bench), bench), make_export(bench)
    job = claim_export(export_id=working.pk, at=TEN + timedelta(minutes=5))
    assert job is not None

    make_simulation(bench.session, by=bench.asker, at=TEN)

    held = fresh(working)
    assert (held.artifact_status, held.lease, due(held)) == ("queued", None, False)
    assert fresh(packed).artifact_status == "ready"
    assert fresh(packed).gate["state"] == "queued"
    assert fresh(pending).gate["state"] == "guardrail_blocked"

    make_simulation(bench.session, by=bench.asker, blocked=False, at=TEN)

    assert fresh(pending).gate["state"] == "awaiting_approval"
    assert due(working)


@pytest.mark.django_db(transaction=True)
def test_an_administrators_signature_lets_packaging_go_on(bench: Bench) -> None:
    administrator = make_administrator()
    export = approve(make_export(bench), bench)
    simulation = make_simulation(bench.session, by=bench.asker, at=TEN)
    path = f"/api/governance/guardrails/simulations/{simulation.public_id}/waive"
    body = {"signature": "A. Dmin", "reason": "The probe is spare.", "password": PASSWORD}
    count = bench.session.events.count()

    refused = [
        client_of(bench.outsider).post(path, body, format="json").status_code,
        client_of(bench.lead).post(path, body, format="json").status_code,
        client_of(administrator).post(path, {**body, "password": "wrong"}, format="json").status_code,
        client_of(administrator).post(path, {**body, "reason": " "}, format="json").status_code,
    ]

    assert refused == [404, 403, 403, 422]
    assert bench.session.events.count() == count
    assert not GuardrailWaiver.objects.exists()
    assert SecurityEntry.objects.filter(kind="signature.refused").count() == 1

    answer = client_of(administrator).post(path, body, format="json")

    assert answer.status_code == 200, answer.content
    waiver = GuardrailWaiver.objects.get()
    assert answer.json()["waiver"]["printed_name"] == administrator.printed_name
    assert (waiver_holds(waiver), verify_session(bench.session.pk).valid) == (True, True)
    assert bench.session.events.filter(kind="governance.guardrail.waived").get().payload == {
        "simulation_id": simulation.public_id,
        "waiver_id": waiver.public_id,
        "printed_name": administrator.printed_name,
        "signature": "A. Dmin",
        "meaning": "responsibility",
        "reason": "The probe is spare.",
    }
    assert due(export)
    assert client_of(administrator).post(path, body, format="json").status_code == 409

    make_simulation(bench.session, by=bench.asker, at=TEN)

    assert not due(export)


@pytest.mark.sqlite_only
@pytest.mark.django_db(transaction=True)
def test_the_archive_carries_the_waivers_before_its_release_and_no_later_ones(bench: Bench, tmp_path: Path) -> None:
    administrator = make_administrator()
    waive(make_simulation(bench.session, by=bench.asker, at=TEN), administrator)
    export = pack(approve(make_export(bench), bench))
    waive(make_simulation(bench.session, by=bench.asker, at=TEN), administrator)
    path, again = tmp_path / "archive.eln", tmp_path / "again.eln"
    with storage.fetch(export.artifact_name, sha256=export.artifact_checksum) as file:
        path.write_bytes(file.read())

    report = check(path)
    with again.open("wb") as out:
        write_archive(out, archive_contents(export, folder=tmp_path))

    assert (report.valid, report.first_bad) == (True, None)
    assert report.checks[-1].detail == "2 signatures over this record, 1 by which guardrails were waived"
    assert again.read_bytes() == path.read_bytes()
    assert len(waivers_before(bench.session, 1_000_000)) == 2


@pytest.mark.django_db(transaction=True)
def test_only_the_newest_blocked_simulation_can_be_waived_and_not_moved(bench: Bench) -> None:
    administrator = make_administrator()
    older, newer = (make_simulation(bench.session, by=bench.asker, at=TEN) for _ in range(2))

    with pytest.raises(Conflict, match="newer"):
        waive(older, administrator)
    with pytest.raises(Forbidden):
        waive(newer, bench.lead)
    moved = waive(newer, administrator)
    moved.simulation = older
    clear = make_simulation(bench.session, by=bench.asker, blocked=False, at=TEN)

    assert not waiver_holds(moved)
    with pytest.raises(Refusal, match="nothing to waive"):
        waive(clear, administrator)
    assert GuardrailWaiver.objects.count() == 1


def test_the_export_the_health_door_and_the_command_say_what_holds(bench: Bench) -> None:
    pack(approve(make_export(bench), bench))
    export = approve(make_export(bench), bench)
    make_export(bench)
    with transaction.atomic():
        simulation = make_simulation(bench.session, by=bench.asker, at=TEN)
    client, said = client_of(bench.reviewer), StringIO()

    shown = client.get(fresh(export).path).json()
    health = client.get(f"/api/governance/guardrails/health?execution_id={bench.session.public_id}").json()
    call_command("queue_narrative_export", export.public_id, stdout=said)

    assert shown["guardrail_simulation"]["id"] == simulation.public_id
    assert shown["metadata"]["packaging_queue_state"]["state"] == "guardrail_blocked"
    assert health["totals"] == {
        "total_exports": 3, "blocked": 2, "awaiting_approval": 0, "queued": 0, "ready": 1, "failed": 0,
    }  # fmt: skip
    assert health["state_breakdown"] == {"guardrail_blocked": 2, "ready": 1}
    assert [row["version"] for row in health["queue"]] == [3, 2]
    assert health["queue"][0]["reasons"] == ["stage_0:due_delay_minutes:60"]
    assert json.loads(said.getvalue())["guardrail_state"] == "blocked"
    assert json.loads(said.getvalue())["queued"] is False
    assert client_of(bench.outsider).get("/api/governance/guardrails/health").json()["totals"]["total_exports"] == 0
