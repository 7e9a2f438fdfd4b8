"""From the bench to an archive that anyone can verify: the whole job, on real processes, through public doors."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.sync.client import connect

from tests.exports.outside import crate_issues, run_minisign
from tests.flows import people, raw_sql
from tests.flows.main_job import BATCH_S, STEPS, Job
from tests.flows.recording import SPIKES, stamp

NOTES = 30


class Ended(NamedTuple):
    """What the bench saw while the session ran."""

    answers: list[tuple[int, dict[str, Any]]]
    frames: list[dict[str, Any]]
    drops: int


class Archive(NamedTuple):
    """The downloaded file, and what is in it."""

    file: Path
    bag: Path


def watch(job: Job, until: str, frames: list[dict[str, Any]]) -> int:
    """Follow the session's socket up to an event of that kind; hang up after every fourth, and count the drops."""
    live = job.house.env.get("LIVE_URL", job.house.url).replace("http://", "ws://")
    drops = 0
    while not frames or frames[-1]["event"] != until:
        after = frames[-1]["sequence"] if frames else 0
        address = f"{live}/ws/sessions/{job.sid}?after={after}"
        with connect(address, additional_headers=people.bearer(job.access["rita"]), close_timeout=1) as opened:
            seen = 0
            while seen < 4 and (not frames or frames[-1]["event"] != until):
                frame = json.loads(opened.recv(timeout=60))
                if frame["sequence"] is not None:
                    frames.append(frame)
                    seen += 1
        drops += 1
    return drops


@pytest.fixture(scope="module")
def ended(job: Job) -> Ended:
    """Run the session: an instrument streams, two people work, one client keeps losing its connection."""
    frames: list[dict[str, Any]] = []
    drops: list[int] = []
    watching = threading.Thread(target=lambda: drops.append(watch(job, "telemetry.sealed", frames)))
    working = threading.Thread(target=job.write, args=(NOTES,))
    watching.start()
    working.start()
    answers = job.stream()
    working.join()
    job.end()
    watching.join(timeout=60)
    return Ended(answers, frames, drops[0] if drops else 0)


@pytest.fixture(scope="module")
def asked(job: Job, ended: Ended) -> dict[str, Any]:
    """Ask for an export with evidence."""
    return job.export(notes="For release.")


@pytest.fixture(scope="module")
def archive(job: Job, asked: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Have two people sign, wait for the worker, download and unpack."""
    for who in ("rita", "arno"):
        signed = job.sign(who, asked, content_digest=asked["content_digest"])
        assert signed.status_code == 200, signed.text
    folder = tmp_path_factory.mktemp("downloaded")
    job.download(asked, folder / "archive.eln")
    with zipfile.ZipFile(folder / "archive.eln") as packed:
        packed.extractall(folder)
    (bag,) = (path for path in folder.iterdir() if path.is_dir())
    return Archive(folder / "archive.eln", bag)


def test_every_reading_reads_back_equal_page_by_page(job: Job, ended: Ended) -> None:
    found = list(job.read_back(limit=1000))

    sent = {
        (stamp(at), name): value
        for name, values in job.recording.values.items()
        for at, value in zip(job.recording.times, values, strict=True)
    }
    assert len(found) == job.recording.count
    assert {(row["timestamp"], row["channel"]): row["value"] for row in found} == sent
    assert [row["timestamp"] for row in found] == sorted((row["timestamp"] for row in found), reverse=True)


def test_a_repeated_batch_is_told_and_stores_nothing_twice(job: Job, ended: Ended) -> None:
    summary = job.ask("otto", "GET", f"{job.telemetry}/summary", 200)

    created = [answer["created"] for _, answer in ended.answers]
    assert sorted(set(created)) == [0, BATCH_S * len(job.recording.values)]
    assert created.count(0) == 4
    assert sum(created) == summary["readings"] == job.recording.count
    assert all(answer["late"] == sent for sent, answer in ended.answers)


def test_a_series_keeps_every_spike(job: Job, ended: Ended) -> None:
    shown = job.ask("otto", "GET", f"{job.telemetry}/series", 200, params={"max_points": "60"})

    assert shown["decimated"] is True
    assert 45 <= len(shown["time"]) <= 60
    assert shown["raw_count"] == job.recording.count
    for name, values in job.recording.values.items():
        low = min(value for value in shown["series"][name]["min"] if value is not None)
        high = max(value for value in shown["series"][name]["max"] if value is not None)
        assert (low, high) == (min(values), max(values))
    assert {value for _, value in SPIKES.values()} <= {
        value for series in shown["series"].values() for value in (*series["min"], *series["max"])
    }


def test_a_socket_that_drops_and_returns_misses_nothing_and_sees_nothing_twice(job: Job, ended: Ended) -> None:
    events = job.timeline()[: len(ended.frames)]

    assert ended.drops > 8
    assert [frame["sequence"] for frame in ended.frames] == list(range(1, len(ended.frames) + 1))
    assert [frame["event"] for frame in ended.frames] == [event["event_type"] for event in events]
    assert sum(frame["event"] == "note.created" for frame in ended.frames) == NOTES
    assert sum(frame["event"] == "step.transition" for frame in ended.frames) == 2 * len(STEPS)


def test_an_ended_session_is_sealed_and_takes_nothing_more(job: Job, ended: Ended) -> None:
    before = job.timeline()
    row = job.recording.rows(0, 1)[0]

    refused = [
        job.request(job.instrument, "POST", job.telemetry, json=row),
        job.request(job.instrument, "POST", f"{job.telemetry}/batch", json={"data": [row | {"value": 1}]}),
        job.request("otto", "POST", f"{job.console}/pause"),
        job.request("otto", "POST", f"{job.console}/complete"),
        job.request("otto", "POST", f"{job.console}/steps/0", json={"status": "in_progress"}),
        job.request("sofia", "PATCH", f"/api/sessions/{job.sid}", json={"status": "ended"}),
    ]

    assert [answer.status_code for answer in refused] == [409] * 6, [answer.text for answer in refused]
    assert job.timeline() == before
    assert sum(1 for _ in job.read_back(limit=10_000)) == job.recording.count
    (sealed,) = [event["payload"]["channels"] for event in before if event["event_type"] == "telemetry.sealed"]
    assert {name: channel["count"] for name, channel in sealed.items()} == dict.fromkeys(
        job.recording.values, len(job.recording.times)
    )


@pytest.mark.parametrize(
    ("who", "sent", "status", "code"),
    [
        ("otto", {}, 403, "wrong_role"),
        ("admin", {}, 403, "wrong_role"),
        ("arno", {}, 403, "wrong_role"),
        ("rita", {"password": "another-long-password"}, 403, "wrong_password"),
        ("rita", {"content_digest": "0" * 64}, 409, "content_changed"),
        ("rita", {"meaning": "authorship"}, 422, "invalid"),
        ("rita", {"signature": " "}, 422, "invalid"),
        ("arno", {"stage_id": 1}, 409, "stage_not_current"),
    ],
    ids=lambda value: str(value),
)
def test_a_refused_signature_writes_nothing(
    job: Job, asked: dict[str, Any], who: str, sent: dict[str, Any], status: int, code: str
) -> None:
    before = (job.reread(asked), job.timeline())
    if "stage_id" in sent:
        sent = {"stage_id": asked["approval_stages"][sent["stage_id"]]["id"]}

    refused = job.sign(who, asked, **sent)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert (job.reread(asked), job.timeline()) == before


def test_a_person_signs_neither_their_own_request_nor_twice(job: Job, ended: Ended) -> None:
    own = job.export("rita", approval_stages=[{"required_role": "reviewer"}])
    double = job.export(approval_stages=[{"required_role": "approver"}, {"required_role": "approver"}])
    assert job.sign("arno", double).status_code == 200
    before = (job.reread(own), job.reread(double), job.timeline())

    refused = [job.sign("rita", own), job.sign("arno", double)]

    assert [answer.status_code for answer in refused] == [403, 403]
    assert [answer.json()["code"] for answer in refused] == ["own_request", "repeat_signer"]
    assert (job.reread(own), job.reread(double), job.timeline()) == before


def test_the_worker_packs_once_and_the_timeline_tells_it(job: Job, asked: dict[str, Any], archive: Archive) -> None:
    export = job.reread(asked)

    told = [event["event_type"] for event in job.timeline() if event["payload"].get("export_id") == asked["id"]]

    assert (export["approval_status"], export["packaging_attempts"]) == ("approved", 1)
    assert export["content_digest"] == asked["content_digest"]
    prefix = "narrative_export.packaging."
    assert [kind.removeprefix(prefix) for kind in told if kind.startswith(prefix)][-4:] == [
        "queued",
        "started",
        "ready",
        "downloaded",
    ]
    assert told.count("narrative_export.approval.stage_completed") == 2
    assert told.count("narrative_export.approval.finalized") == 1


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)


def biolab_verify(file: Path) -> subprocess.CompletedProcess[str]:
    return run(Path(sys.executable).with_name("biolab"), "verify", file, cwd=file.parent)


def test_every_verifier_accepts_what_was_downloaded(archive: Archive, tmp_path: Path) -> None:
    bagit = run(Path(sys.executable).with_name("bagit.py"), "--validate", archive.bag, cwd=tmp_path)
    own = run(sys.executable, "-I", archive.bag / "data/verify.py", archive.file, cwd=tmp_path)
    unpacked = run(sys.executable, "-I", "data/verify.py", cwd=archive.bag)
    command = biolab_verify(archive.file)
    minisign = run_minisign(archive.bag)

    assert [done.returncode for done in (bagit, own, unpacked, command, minisign)] == [0] * 5, bagit.stderr
    assert "is valid" in bagit.stderr
    assert "The archive is whole." in own.stdout
    assert "Signature and comment signature verified" in minisign.stdout
    assert crate_issues(archive.bag, tmp_path) == []


def flipped(archive: Archive, folder: Path, name: str) -> tuple[Path, Path]:
    """Return a copy of the file and of the folder with one bit of that member changed; of a manifest, in a digest."""
    data = bytearray(archive.file.read_bytes())
    with zipfile.ZipFile(archive.file) as packed:
        info = packed.getinfo(f"{archive.bag.name}/{name}")
    start = info.header_offset + 30 + len(info.filename)
    data[start + (3 if name.startswith("manifest") else info.file_size // 2)] ^= 1
    (folder / "changed.eln").write_bytes(data)
    bag = folder / archive.bag.name
    for path in (path for path in archive.bag.rglob("*") if path.is_file()):
        copy = bag / path.relative_to(archive.bag)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (bag / name).write_bytes(data[start : start + info.file_size])
    return folder / "changed.eln", bag


@pytest.mark.parametrize(
    "name",
    [
        "ro-crate-metadata.json",
        "ro-crate-metadata.json.minisig",
        "manifest-sha256.txt",
        "data/narrative.md",
        "data/events.jsonl",
        "data/signatures.jsonl",
        "data/telemetry.csv",
        "data/telemetry.parquet",
    ],
)
def test_one_changed_bit_is_named_by_the_right_verifier(name: str, archive: Archive, tmp_path: Path) -> None:
    file, bag = flipped(archive, tmp_path, name)

    own = run(sys.executable, "-I", archive.bag / "data/verify.py", file, cwd=tmp_path)
    unpacked = run(sys.executable, "-I", bag / "data/verify.py", cwd=tmp_path)
    command = biolab_verify(file)
    bagit = run(Path(sys.executable).with_name("bagit.py"), "--validate", bag, cwd=tmp_path)

    assert [done.returncode for done in (own, unpacked, command, bagit)] == [1] * 4
    assert f"{name}: changed" in own.stdout
    assert own.stdout == command.stdout
    assert f"{name}: changed" in unpacked.stdout or f"{name}: a line of it is not" in unpacked.stdout
    assert name in bagit.stderr
    if name.startswith("ro-crate-metadata.json"):
        assert run_minisign(bag).returncode != 0


def test_a_changed_bit_anywhere_in_the_file_is_found(archive: Archive, tmp_path: Path) -> None:
    data, chance = archive.file.read_bytes(), random.Random(7)
    places = [0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(10))]

    codes = []
    for place in places:
        changed = tmp_path / "changed.eln"
        changed.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        codes.append(run(sys.executable, "-I", archive.bag / "data/verify.py", changed, cwd=tmp_path).returncode)

    assert codes == [1] * len(places)


def test_no_row_of_the_timeline_changes_unnoticed(job: Job, archive: Archive) -> None:
    before = job.ask("sofia", "GET", f"{job.console}/timeline/verify", 200)
    refusals = raw_sql.change_event(job.house, sequence=5)
    untouched = job.house.manage("verify_timeline", "--session", job.sid)

    with raw_sql.without_triggers(job.house, sequence=5):
        code, told = raw_sql.verify_timeline(job.house, job.sid)
        after = job.ask("sofia", "GET", f"{job.console}/timeline/verify", 200)

    assert before["valid"] is True
    assert all("append-only" in refusal for refusal in refusals)
    assert "0 sessions that do not" in untouched
    assert (code, f"{job.sid}: first bad event 5" in told) == (1, True), told
    assert (after["valid"], after["first_bad"]) == (False, 5)
    assert raw_sql.verify_timeline(job.house, job.sid)[0] == 0
