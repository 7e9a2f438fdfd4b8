"""Legal holds keep what retention would remove; walks through the store leave a record."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, transaction

from biolab.accounts.models import Notification
from biolab.kernel.errors import Conflict, Forbidden, Invalid
from exports_app.decks.slides import Slide
from exports_app.models import FixityCheck, NarrativeExport
from exports_app.services.decks import ask_deck, build_deck
from exports_app.services.upkeep import check_fixity, expire_artifacts, sweep_orphans
from governance_app.services.approvals import reset_stage
from sessions_app.models import LabSession
from sessions_app.services.experiments import hide_session
from sessions_app.services.holds import lift_legal_hold, set_legal_hold
from telemetry_app.ingest.files_layout import Wish
from telemetry_app.services.importing import ask_import
from tests.exports.doors import client_of, path_of
from tests.factories.exports import TEN, fresh, make_archive, make_export_bench
from tests.factories.governance import Bench, make_administrator
from tests.factories.notebook import make_file
from tests.factories.sessions import SessionFactory
from tests.factories.speech import make_recording

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The customer disputes the result."


@pytest.fixture
def bench() -> Bench:
    return make_export_bench()


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """A store of this test alone."""
    store = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "store"}}
    settings.STORAGES = {**settings.STORAGES, "artifacts": store}
    return tmp_path / "store"


def take_back(export: NarrativeExport, bench: Bench) -> None:
    reset_stage(stage=export.approval.stages.get(sequence_index=2), notes="Wait.", by=bench.lead, at=TEN)


def test_11_10_c_a_hold_stops_expiry_and_what_is_overdue_goes_once_it_is_lifted(bench: Bench, folder: Path) -> None:
    administrator, export = make_administrator(), make_archive(bench)
    end = export.retention_expires_at
    assert end is not None

    set_legal_hold(session=bench.session, reason=WHY, by=administrator, at=TEN)
    under_hold = expire_artifacts(at=end), fresh(export).artifact_status
    lift_legal_hold(session=bench.session, reason="Settled.", by=administrator, at=end)
    lifted = expire_artifacts(at=end), fresh(export).artifact_status

    assert (under_hold, lifted) == ((0, "ready"), (1, "expired"))
    told = [(event.kind, event.payload) for event in bench.session.events.filter(kind__startswith="session.legal_hold")]
    assert told == [("session.legal_hold.set", {"reason": WHY}), ("session.legal_hold.lifted", {"reason": "Settled."})]


def test_an_archive_taken_back_under_a_hold_stays_in_the_store_and_goes_afterwards(bench: Bench, folder: Path) -> None:
    administrator, export = make_administrator(), make_archive(bench)
    stored, later = folder / export.artifact_name, datetime.now(tz=TEN.tzinfo) + timedelta(days=2)
    set_legal_hold(session=bench.session, reason=WHY, by=administrator, at=TEN)

    take_back(export, bench)

    assert client_of(bench.asker).get(path_of(bench.session, export, "artifact")).status_code == 410
    assert (sweep_orphans(at=later), stored.exists()) == (0, True)
    lift_legal_hold(session=bench.session, reason="Settled.", by=administrator, at=TEN)
    assert (sweep_orphans(at=later), stored.exists()) == (1, False)


def test_who_is_no_administrator_and_who_gives_no_reason_turn_no_hold(bench: Bench) -> None:
    administrator = make_administrator()
    refusals: list[tuple[Any, str, type[Exception]]] = [
        (bench.lead, WHY, Forbidden),
        (administrator, "  ", Invalid),
        (administrator, "x" * 2001, Invalid),
    ]

    for by, reason, refusal in refusals:
        with pytest.raises(refusal):
            set_legal_hold(session=bench.session, reason=reason, by=by, at=TEN)
    with pytest.raises(Conflict):
        lift_legal_hold(session=bench.session, reason=WHY, by=administrator, at=TEN)

    assert not LabSession.objects.get(pk=bench.session.pk).legal_hold
    assert not bench.session.events.filter(kind__startswith="session.legal_hold").exists()


def test_the_door_sets_and_lifts_and_a_held_experiment_stays_on_the_lists(bench: Bench) -> None:
    client = client_of(make_administrator())
    path = f"/api/experiment-console/sessions/{bench.session.public_id}/legal-hold"

    held = client.put(path, {"held": True, "reason": WHY}, format="json")
    again = client.put(path, {"held": True, "reason": WHY}, format="json")
    with pytest.raises(Conflict):
        hide_session(session=bench.session, by=bench.lead, at=TEN)
    lifted = client.put(path, {"held": False, "reason": "Settled."}, format="json")

    assert [answer.status_code for answer in (held, again, lifted)] == [200, 409, 200]
    assert [answer.json()["execution"]["legal_hold"] for answer in (held, lifted)] == [True, False]
    assert again.json()["code"] == "legal_hold_unchanged"
    assert LabSession.objects.get(pk=bench.session.pk).hidden_at is None


def test_everything_stored_is_read_again_whoever_stored_it(bench: Bench, folder: Path) -> None:
    job = ask_deck(slides=[Slide("One", ("a",))], by=bench.asker, at=TEN)
    build_deck(job_id=job.pk, clock=lambda: TEN)
    job.refresh_from_db()
    running = SessionFactory(running=True, team=bench.team, by=bench.lead)
    text = b"time,pH\n2026-03-02T09:00:00Z,7.0\n"
    stored = [
        make_file(bench.lead, running).stored_as,
        make_recording(running, by=bench.lead).stored_as,
        ask_import(session=running, pieces=[text], file_name="a.csv", wish=Wish(), by=bench.lead, at=TEN).stored_as,
        job.stored_as,
    ]
    good = check_fixity(clock=lambda: TEN)
    for name in stored:
        (folder / name).write_bytes(b"other")

    bad = check_fixity(clock=lambda: TEN)

    assert good.objects_wrong == 0
    assert sorted(found["name"] for found in bad.findings) == sorted(stored)


def test_a_walk_through_the_store_is_written_down_for_good_and_trouble_told(bench: Bench, folder: Path) -> None:
    administrator, export = make_administrator(), make_archive(bench)
    good = check_fixity(clock=lambda: TEN)
    (folder / export.facts.name).write_bytes(b"other")

    bad = check_fixity(clock=lambda: TEN + timedelta(days=7))

    assert (good.objects_wrong, good.findings) == (0, [])
    assert (bad.objects_checked, bad.objects_wrong) == (good.objects_checked, 1)
    assert bad.findings[0]["name"] == export.facts.name
    told = Notification.objects.get(person=administrator)
    assert (told.category, told.priority) == ("exports", "urgent")
    assert told.title.startswith(f"1 of {good.objects_checked} stored objects")
    assert [message.to for message in mail.outbox] == [[administrator.email]]
    with pytest.raises(DatabaseError), transaction.atomic():
        FixityCheck.objects.filter(pk=bad.pk).update(objects_wrong=0)
