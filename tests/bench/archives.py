"""What leaves the house at two sizes, ten times apart: dossiers, pages, archives, and their verification."""

from __future__ import annotations

import hashlib
import multiprocessing
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import bagit

from biolab.kernel.canonical import GENESIS, canonical, digest
from exports_app.archive import verify
from exports_app.archive.contents import ArchiveContents
from exports_app.archive.readings import Digests
from exports_app.archive.write import write_archive
from exports_app.narrative.bundle import DossierBundle, EventText
from exports_app.narrative.dossier import render
from exports_app.narrative.page import render_page
from sessions_app import chain
from tests.bench.table import Table
from tests.exports import archive_kit as kit
from tests.exports.outside import crate_issues, run_minisign

MEGABYTE = 1 << 20
SMALL, LARGE = 10_000, 100_000
TRIES = 3


@dataclass(frozen=True)
class Packed:
    """What packing one archive took: processor seconds; memory in MB over what the process held before."""

    seconds: float
    hash_seconds: float
    peak_mb: float
    size_mb: float


def dossier(_: str) -> list[Table]:
    """Return how fast events become Markdown and a page."""
    rows: list[tuple[str | float | None, ...]] = []
    for name, make in (("Markdown", _markdown), ("page", _page)):
        bundles = [_bundle(count) for count in (SMALL, LARGE)]
        small, large = (_best(partial(_walked, make, bundle)) for bundle in bundles)
        rows.append((name, SMALL / small, LARGE / large, large / small))
    return [Table(f"dossier, {SMALL:,} and {LARGE:,} events", ("events/s", "events/s ×10", "time ratio"), rows)]


def verification(_: str) -> list[Table]:
    """Return how fast chains are verified: in the database's columns, and in an archive by its own verifier."""
    rows: list[tuple[str | float | None, ...]] = []
    small, large = (_best(partial(_verified, _stored(count))) for count in (SMALL, LARGE))
    rows.append(("timeline", SMALL / small, LARGE / large, large / small))
    with tempfile.TemporaryDirectory() as folder:
        times = []
        for count in (SMALL, LARGE):
            path = Path(folder, f"{count}.eln")
            path.write_bytes(kit.pack(kit.contents(events=_events(count, {}), with_telemetry=False)))
            times.append(_best(partial(verify.check, path)))
        rows.append(("verify.py, whole", SMALL / times[0], LARGE / times[1], times[1] / times[0]))
    title = f"verification, {SMALL:,} and {LARGE:,} events"
    return [Table(title, ("events/s", "events/s ×10", "time ratio"), rows)]


def archive(_: str) -> list[Table]:
    """Return what packing takes beside an attachment of 10 and 100 MB, and who passes the large archive."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (_in_a_process(folder, share) for share in (0.1, 1.0))
        rows: list[tuple[str | float | None, ...]] = [
            (name, one.seconds, one.hash_seconds, one.seconds - one.hash_seconds, one.peak_mb, one.size_mb)
            for name, one in (
                ("10,000 events, 100,000 readings, 10 MB", small),
                ("100,000 events, 1,000,000 readings, 100 MB", large),
            )
        ]
        rows.append(("ratio", large.seconds / small.seconds, None, None, None, large.size_mb / small.size_mb))
        columns = ("cpu seconds", "hashes alone", "beyond", "peak MB over idle", "MB")
        return [Table("archive", columns, rows), _verifiers(Path(folder))]


def _in_a_process(folder: str, share: float) -> Packed:
    """Pack in a process of its own, so that its memory is nobody else's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found: Packed = pool.apply(_pack, (folder, share))
    return found


def _pack(folder: str, share: float) -> Packed:
    blob, path = Path(folder, "blob.bin"), Path(folder, "archive.eln")
    block = hashlib.sha512(b"bench").digest() * (MEGABYTE // 64)
    whole = hashlib.sha256()
    with blob.open("wb") as file:
        for _ in range(int(100 * share)):
            file.write(block)
            whole.update(block)
    contents = _contents(share, blob, whole.hexdigest())
    with Path(folder, "warm.eln").open("wb") as out:
        write_archive(out, kit.contents())
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew from here
    idle = _memory_mb("VmHWM")
    began = time.process_time()
    with path.open("wb") as out:
        result = write_archive(out, contents)
    seconds = time.process_time() - began
    return Packed(seconds, _hashing(path), _memory_mb("VmHWM") - idle, result.size / MEGABYTE)


def _contents(share: float, blob: Path, blob_digest: str) -> ArchiveContents:
    readings = kit.runs(("pH", "temperature"), int(500_000 * share))
    passing = Digests()
    _drained(passing.watch(readings))
    sealed = {seal.name: {"count": seal.count, "sha256": seal.digest} for seal in passing.seals({})}
    events = _events(int(LARGE * share), sealed)
    contents = kit.contents(events=events, readings=readings, raw=blob, raw_digest=blob_digest)
    dossier = blob.with_name("narrative.md")
    assert isinstance(contents.content, bytes)
    dossier.write_bytes(contents.content)
    return replace(contents, content=dossier)


def _verifiers(folder: Path) -> Table:
    """Let everyone who verifies archives look at the large one."""
    path, unpacked = folder / "archive.eln", folder / "unpacked"
    rows: list[tuple[str | float | None, ...]] = []

    def tried(name: str, run: Callable[[], Any], passed: Callable[[Any], bool]) -> None:
        began = time.perf_counter()
        verdict = passed(run())
        rows.append((name, "passes" if verdict else "FAILS", time.perf_counter() - began))

    tried("biolab verify", lambda: verify.check(path), lambda report: report.valid)
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(path), str(unpacked)], check=True)
    (bag,) = unpacked.iterdir()
    command = [sys.executable, "-I", str(bag / "data/verify.py")]
    tried("its own verify.py", lambda: subprocess.run(command, check=False), lambda run: run.returncode == 0)
    tried("bagit", lambda: bagit.Bag(str(bag)).validate(), bool)
    tried("minisign", lambda: run_minisign(bag), lambda run: run.returncode == 0)
    tried("rocrate-validator", lambda: crate_issues(bag, folder), lambda issues: issues == [])
    return Table("five verifiers on the large archive", ("", "seconds"), rows)


def _hashing(path: Path) -> float:
    """Return how long it takes to digest a file as a packer must: SHA-256, SHA-512 and CRC-32 of every byte."""
    began = time.process_time()
    first, second, crc = hashlib.sha256(), hashlib.sha512(), 0
    with path.open("rb") as file:
        while chunk := file.read(MEGABYTE):
            first.update(chunk)
            second.update(chunk)
            crc = zlib.crc32(chunk, crc)
    return time.process_time() - began


def _memory_mb(name: str) -> float:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def _events(count: int, sealed: dict[str, Any]) -> tuple[EventText, ...]:
    note = {"content": "Foam at 3 cm; antifoam added, 0.4 ml.", "note": "Foam", "tags": ["foam"], "pH": 7.05}
    last = [("telemetry.sealed", {"readings": 0, "channels": sealed})]
    return kit.chain([("note.created", note)] * (count - 1) + last)


def _bundle(count: int) -> DossierBundle:
    return replace(kit.facts(), events=_events(count, {}), total_events=count)


def _markdown(bundle: DossierBundle) -> Iterable[str]:
    return render(bundle)


def _page(bundle: DossierBundle) -> Iterable[str]:
    return render_page("bench", render(bundle))


def _stored(count: int) -> list[chain.Stored]:
    found = []
    previous = digest(GENESIS, canonical(kit.genesis()))
    actor = "user_01k00000000000000000000001"
    for number, event in enumerate(_events(count, {}), start=1):
        kind = "note.created" if number < count else "telemetry.sealed"
        row = (number, previous, event.hash, event.canonical, f"ev_{number:026d}", kit.SESSION, kind, actor)
        found.append(chain.Stored(*row, kit.STARTED, kit.STARTED))
        previous = event.hash
    return found


def _verified(events: list[chain.Stored]) -> None:
    start = digest(GENESIS, canonical(kit.genesis()))
    verdict = chain.verify(events, genesis_hash=start, head_sequence=len(events), head_hash=events[-1].hash)
    assert verdict.valid, verdict.reason


def _walked(make: Callable[[DossierBundle], Iterable[str]], bundle: DossierBundle) -> None:
    _drained(make(bundle))


def _drained(pieces: Iterable[object]) -> None:
    for _ in pieces:
        pass


def _best(run: Callable[[], object]) -> float:
    """Return the least processor seconds of some tries; a busy machine bends them less than the clock's."""
    times = []
    for _ in range(TRIES):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return min(times)
