"""The packing job: one lease, honest attempts, one archive, whatever is delivered how often."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from biolab.kernel.errors import Conflict, Forbidden
from biolab.kernel.leases import LEASE, LeaseLost
from biolab.kernel.machine import MoveRefused
from exports_app import storage, tasks
from exports_app.archive.contents import ArchiveResult
from exports_app.errors import StorageUnreachable
from exports_app.models import NarrativeExport
from exports_app.services.packaging import (
    claim_export,
    note_failure,
    pack_export,
    publish,
    requeue_export,
)
from exports_app.services.upkeep import RING_AGAIN, expire_artifacts, sweep_orphans, take_due, verify_artifacts
from exports_app.states import ARTIFACT_MACHINE, ArtifactStatus
from governance_app.services.approvals import reset_stage
from sessions_app.models import LabSession
from tests.exports.doors import client_of, path_of
from tests.factories.exports import (
    TEN,
    TWO_STAGES,
    approve,
    fresh,
    kinds,
    make_archive,
    make_export,
    make_export_bench,
    pack,
)
from tests.factories.governance import Bench, make_administrator

pytestmark = pytest.mark.django_db(transaction=True)
LATER = TEN + timedelta(minutes=10)


@pytest.fixture
def bench() -> Bench:
    return make_export_bench()


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """A store of this test alone."""
    settings.STORAGES = {
        **settings.STORAGES,
        "artifacts": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "store"},
        },
    }
    return tmp_path / "store"


def archives(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "narratives").rglob("*") if path.is_file())


def test_what_is_not_approved_is_not_packed(bench: Bench, folder: Path) -> None:
    export = make_export(bench)

    packed = pack(export)

    assert (packed.artifact_status, packed.attempts) == ("queued", 0)
    assert archives(folder) == []


def test_a_job_delivered_ten_times_gives_one_archive(bench: Bench, folder: Path) -> None:
    export = approve(make_export(bench), bench)

    published = [pack_export(export_id=export.pk, clock=lambda: LATER) for _ in range(10)]

    assert published == [True] + [False] * 9
    assert fresh(export).attempts == 1
    assert [path.name.startswith("file_") for path in archives(folder)] == [True]
    assert kinds(bench.session).count("packaging.ready") == 1


def test_the_same_export_packs_to_the_same_bytes(bench: Bench) -> None:
    first = make_archive(bench)
    NarrativeExport.objects.filter(pk=first.pk).update(artifact_status="queued", artifact_name="", artifact_file=None)

    second = pack(first, at=LATER)

    assert second.artifact_checksum == first.artifact_checksum
    assert second.artifact_file != first.artifact_file


def test_a_live_lease_keeps_others_out_and_a_dead_one_lets_them_in(bench: Bench, folder: Path) -> None:
    export = approve(make_export(bench), bench)
    job = claim_export(export_id=export.pk, at=LATER)

    early = claim_export(export_id=export.pk, at=LATER + LEASE / 2)
    resumed = pack(export, at=LATER + LEASE)

    assert job is not None
    assert early is None
    assert (resumed.artifact_status, resumed.attempts) == ("ready", 2)
    assert kinds(bench.session)[-3:] == ["packaging.started", "packaging.started", "packaging.ready"]


def test_a_slow_worker_that_lost_its_lease_publishes_nothing(bench: Bench, folder: Path) -> None:
    export = approve(make_export(bench), bench)
    slow = claim_export(export_id=export.pk, at=LATER)
    assert slow is not None
    ready = pack(export, at=LATER + LEASE)

    with pytest.raises(LeaseLost):
        publish(job=slow, result=ArchiveResult("0" * 64, 1, "0" * 64, "x.eln"), at=LATER + LEASE)
    note_failure(job=slow, error=OSError("late"), at=LATER + LEASE)

    assert fresh(export).artifact_checksum == ready.artifact_checksum
    assert fresh(export).artifact_status == "ready"
    assert len(archives(folder)) == 1


def test_what_an_earlier_attempt_left_behind_is_tidied(bench: Bench, folder: Path) -> None:
    export = approve(make_export(bench), bench)
    dead = claim_export(export_id=export.pk, at=LATER)
    assert dead is not None
    left = folder / dead.name
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half an archive")

    pack(export, at=LATER + LEASE)

    assert not left.exists()
    assert len(archives(folder)) == 1


class Breaks:
    """A store that fails so many times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.put = storage.put

    def __call__(self, path: Path, name: str) -> None:
        if self.left:
            self.left -= 1
            raise StorageUnreachable("The artifact store did not take a file.")
        self.put(path, name)


def test_a_store_that_fails_is_tried_again_later_each_time(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = approve(make_export(bench), bench)
    monkeypatch.setattr(storage, "put", Breaks(2))

    first = pack(export, at=LATER)
    too_early = pack(export, at=LATER)
    waits = [(first.next_retry_at or LATER) - LATER]
    second = pack(export, at=first.next_retry_at or LATER)
    waits.append((second.next_retry_at or LATER) - (first.next_retry_at or LATER))
    third = pack(export, at=second.next_retry_at or LATER)

    assert (first.artifact_status, first.artifact_error) == ("retrying", "The artifact store did not take a file.")
    assert too_early.attempts == 1
    assert timedelta(seconds=2.5) <= waits[0] <= timedelta(seconds=7.5)
    assert timedelta(seconds=5) <= waits[1] <= timedelta(seconds=15)
    assert (third.artifact_status, third.attempts, third.artifact_error) == ("ready", 3, "")
    assert kinds(bench.session)[-6:] == [
        "packaging.started",
        "packaging.retrying",
        "packaging.started",
        "packaging.retrying",
        "packaging.started",
        "packaging.ready",
    ]


def _fail_for_good(export: NarrativeExport, monkeypatch: pytest.MonkeyPatch) -> NarrativeExport:
    monkeypatch.setattr(storage, "put", Breaks(5))
    at: datetime = LATER
    for _ in range(7):
        export = pack(export, at=at)
        at = export.next_retry_at or at
    return export


def test_the_fifth_failure_is_the_last_and_administrators_hear_of_it(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator = make_administrator()
    export = _fail_for_good(approve(make_export(bench), bench), monkeypatch)

    assert (export.artifact_status, export.attempts) == ("failed", 5)
    failed = bench.session.events.get(kind="narrative_export.packaging.failed").payload
    assert failed == {
        "export_id": export.public_id,
        "version": 1,
        "attempt": 5,
        "error": "The artifact store did not take a file.",
    }
    assert [message.to for message in mail.outbox] == [[administrator.email]]
    assert archives(folder) == []


def test_an_administrator_queues_a_failed_export_again_and_nobody_else(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator = make_administrator()
    export = _fail_for_good(approve(make_export(bench), bench), monkeypatch)

    with pytest.raises(Forbidden):
        requeue_export(export=export, by=bench.lead, at=LATER)
    still = fresh(export).artifact_status
    queued = requeue_export(export=export, by=administrator, at=LATER)
    ready = pack(export, at=LATER)
    with pytest.raises(MoveRefused):
        requeue_export(export=export, by=administrator, at=LATER)

    assert still == "failed"
    assert (queued.artifact_status, queued.tries) == ("queued", 0)
    assert (ready.artifact_status, ready.attempts) == ("ready", 6)
    assert bench.session.events.filter(kind="narrative_export.packaging.queued").last().actor == administrator


def test_a_worker_that_dies_five_times_is_given_up(bench: Bench, folder: Path) -> None:
    export = approve(make_export(bench), bench)
    at = LATER
    for _ in range(6):
        claim_export(export_id=export.pk, at=at)
        at += LEASE

    given_up = fresh(export)

    assert (given_up.artifact_status, given_up.attempts, given_up.lease) == ("failed", 5, None)
    assert "stopped in the middle" in given_up.artifact_error


def test_a_changed_frozen_object_fails_at_once_and_releases_nothing(bench: Bench, folder: Path) -> None:
    export = approve(make_export(bench), bench)
    path = folder / export.content.name
    path.write_bytes(path.read_bytes() + b" ")

    failed = pack(export, at=LATER)

    assert (failed.artifact_status, failed.attempts) == ("failed", 1)
    assert archives(folder) == []


def test_who_tidies_late_leaves_the_archive_that_came_after(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = approve(make_export(bench), bench)
    listed = storage.names_under

    def slowly(prefix: str) -> Any:
        """List only after a reset, new signatures and another worker's archive."""
        monkeypatch.setattr(storage, "names_under", listed)
        reset_stage(stage=export.approval.stages.get(sequence_index=1), notes="Wait.", by=bench.lead, at=LATER)
        pack(approve(fresh(export), bench), at=LATER + LEASE)
        return listed(prefix)

    monkeypatch.setattr(storage, "names_under", slowly)
    pack(export, at=LATER)

    ready = fresh(export)
    assert (ready.artifact_status, ready.attempts) == ("ready", 2)
    assert [path.relative_to(folder).as_posix() for path in archives(folder)] == [ready.artifact_name]


def test_a_reset_while_it_is_packed_calls_the_job_off(bench: Bench, folder: Path) -> None:
    export = approve(make_export(bench), bench)
    job = claim_export(export_id=export.pk, at=LATER)
    assert job is not None
    stage = export.approval.stages.get(sequence_index=2)

    reset_stage(stage=stage, notes="Wait.", by=bench.lead, at=LATER)

    held = fresh(export)
    assert (held.artifact_status, held.lease, held.queued_at) == ("queued", None, None)
    with pytest.raises(LeaseLost):
        publish(job=job, result=ArchiveResult("0" * 64, 1, "0" * 64, "x.eln"), at=LATER)
    assert pack(export, at=LATER + LEASE).attempts == 1


def test_a_failed_export_whose_approval_was_taken_back_is_not_queued(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = _fail_for_good(approve(make_export(bench), bench), monkeypatch)
    stage = export.approval.stages.get(sequence_index=1)

    reset_stage(stage=stage, notes="Wait.", by=bench.lead, at=LATER)

    assert fresh(export).artifact_status == "queued"
    with pytest.raises((MoveRefused, Conflict)):
        requeue_export(export=export, by=make_administrator(), at=LATER)


def test_the_sweep_finds_what_is_due_and_rings_once_in_a_while(bench: Bench, folder: Path) -> None:
    waiting = approve(make_export(bench), bench)
    make_export(bench, stages=TWO_STAGES)
    NarrativeExport.objects.update(rung_at=None)

    found = [take_due(at=LATER), take_due(at=LATER), take_due(at=LATER + RING_AGAIN)]

    assert found == [[waiting.pk], [], [waiting.pk]]


def test_the_task_packs_by_the_clock_and_unknown_ids_do_nothing(bench: Bench, folder: Path) -> None:
    export = approve(make_export(bench), bench)

    done = tasks.package_execution_narrative_export(str(export.pk))
    unknown = tasks.package_execution_narrative_export(str(uuid.uuid4()))
    swept = tasks.sweep_narrative_packaging()

    assert (done, unknown, swept) == (True, False, 0)
    assert fresh(export).artifact_status == "ready"


def test_a_broker_that_is_down_costs_nothing(bench: Bench, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from celery import current_app
    from kombu.exceptions import OperationalError

    def down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app, "send_task", down)

    export = approve(make_export(bench), bench)

    assert export.queued_at is not None
    assert export.pk in take_due(at=LATER)


def test_retention_ends_once_and_a_legal_hold_stops_it(bench: Bench, folder: Path, settings: Any) -> None:
    export = make_archive(bench)
    end = export.retention_expires_at
    assert end is not None
    LabSession.objects.filter(pk=bench.session.pk).update(legal_hold=True)
    under_hold = expire_artifacts(at=end)
    LabSession.objects.filter(pk=bench.session.pk).update(legal_hold=False)

    ended = [expire_artifacts(at=end - timedelta(seconds=1)), expire_artifacts(at=end), expire_artifacts(at=end)]

    answer = client_of(bench.asker).get(path_of(bench.session, export, "artifact"))
    assert (under_hold, ended) == (0, [0, 1, 0])
    assert (fresh(export).artifact_status, answer.status_code) == ("expired", 410)
    assert fresh(export).artifact_checksum == export.artifact_checksum
    assert archives(folder) == []
    assert (end - (export.packaged_at or end)).days == 365


def test_only_old_objects_that_no_row_names_are_swept(bench: Bench, folder: Path) -> None:
    make_archive(bench)
    named = {path for path in folder.rglob("*") if path.is_file()}
    orphans = [folder / "frozen/ab" / ("ab" * 32), folder / "narratives/x/v1/file_x.eln", folder / "incoming/half"]
    for path in orphans:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"nobody's")
    now = datetime.now(tz=TEN.tzinfo)

    young, old = sweep_orphans(at=now), sweep_orphans(at=now + timedelta(days=2))

    assert (young, old) == (0, 3)
    assert {path for path in folder.rglob("*") if path.is_file()} == named


def test_the_fixity_check_names_what_is_wrong_and_takes_it_back(bench: Bench, folder: Path) -> None:
    export = make_archive(bench)
    path = folder / export.artifact_name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (folder / export.facts.name).unlink()

    found = {finding.name: finding.trouble for finding in verify_artifacts(at=LATER)}

    assert found[export.artifact_name].startswith("its SHA-256 is")
    assert found[export.facts.name] == "storage does not return it"
    assert found[export.content.name] == ""
    assert fresh(export).artifact_status == "failed"


@pytest.mark.parametrize("status", ArtifactStatus.values)
@pytest.mark.parametrize("move", ARTIFACT_MACHINE.moves, ids=lambda move: move.name)
def test_every_status_allows_its_moves_and_no_others(status: str, move: Any) -> None:
    export = NarrativeExport(artifact_status=status)

    if status in move.sources:
        ARTIFACT_MACHINE.make(move, export)
        assert export.artifact_status == move.target
    else:
        with pytest.raises(MoveRefused):
            ARTIFACT_MACHINE.make(move, export)
        assert export.artifact_status == status


def test_jobs_are_told_to_their_team_alone(bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = _fail_for_good(approve(make_export(bench), bench), monkeypatch)
    approve(make_export(bench), bench)
    other = make_export_bench()
    url = "/api/experiment-console/exports/narrative/jobs"

    mine = client_of(bench.asker).get(url).json()
    theirs = client_of(other.asker).get(url).json()
    everything = client_of(make_administrator()).get(url).json()

    assert mine["queue"] == {"active": 0, "scheduled": 0, "reserved": 1}
    assert mine["status_counts"] == {"failed": 1, "queued": 1}
    assert mine["oldest_queued_seconds"] >= 0
    assert mine["last_failure_at"] is not None
    assert [job["status"] for job in mine["jobs"]] == ["queued", "failed"] or len(mine["jobs"]) == 2
    assert failed.public_id in {job["export_id"] for job in mine["jobs"]}
    assert (theirs["jobs"], theirs["status_counts"]) == ([], {})
    assert len(everything["jobs"]) == 2
