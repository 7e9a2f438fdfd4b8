"""Whatever is changed in an archive, by whatever means, a verifier says so and names it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bagit
import pytest

from biolab.kernel.canonical import SIGNATURE, canonical
from exports_app.archive import verify
from exports_app.archive.sign import envelope
from tests.exports import archive_kit as kit
from tests.exports.forgery import Care, flipped, forge, replacing

Change = Callable[[dict[str, bytes]], object]


@pytest.fixture(scope="module")
def archive() -> bytes:
    return kit.pack()


def _check(data: bytes) -> verify.Report:
    """Verify bytes as if they lay in a file."""
    return verify.run(verify.Zip(io.BytesIO(data)))


def _first_bad(data: bytes, tmp_path: Path) -> str:
    path = tmp_path / "forged.eln"
    path.write_bytes(data)
    report = verify.check(path)
    assert not report.valid
    assert report.first_bad == report.checks[-1].detail
    assert all(check.ok for check in report.checks[:-1])
    return report.first_bad or ""


def test_an_untouched_archive_is_whole(archive: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.eln"
    path.write_bytes(archive)

    report = verify.check(path)

    assert report.valid
    assert report.first_bad is None
    assert [check.name for check in report.checks] == [
        "container",
        "bag",
        "signature",
        "crate",
        "dossier",
        "telemetry",
        "events",
        "signatures",
    ]


def test_one_bit_anywhere_in_a_file_is_found_and_the_file_named(archive: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        infos = file.infolist()

    for info in infos:
        start = archive.index(info.filename.encode(), info.header_offset) + len(info.filename)
        for at in {start, start + info.file_size // 2, start + info.file_size - 1}:
            inner = info.filename.partition("/")[2]
            said = _first_bad(flipped(archive, at, bit=at % 8), tmp_path)
            assert said == f"{inner}: changed (its CRC-32 in the zip does not fit)"


def test_one_bit_anywhere_between_the_files_is_found(archive: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        content: set[int] = set()
        for info in file.infolist():
            start = archive.index(info.filename.encode(), info.header_offset) + len(info.filename)
            content.update(range(start, start + info.file_size))
    path = tmp_path / "forged.eln"

    unnoticed = []
    for at in set(range(len(archive))) - content:
        path.write_bytes(flipped(archive, at, bit=at % 8))
        if verify.check(path).valid:
            unnoticed.append(at)

    assert len(content) < len(archive) - 3000
    assert unnoticed == []


@pytest.mark.parametrize("name", sorted(kit.members(kit.pack())))
def test_a_changed_file_in_the_unpacked_bag_is_named(name: str, archive: bytes, tmp_path: Path) -> None:
    bag = kit.unpack(archive, tmp_path)
    path = bag / name
    data = path.read_bytes()
    path.write_bytes(flipped(data, len(data) // 3, bit=0))

    report = verify.check(bag)

    assert not report.valid
    assert report.first_bad is not None
    assert report.first_bad.startswith(f"{name}: "), report.first_bad
    with pytest.raises((bagit.BagError, bagit.BagValidationError, ValueError)):
        bagit.Bag(str(bag)).validate()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: files.pop("data/raw/01-photo.png"), "data/raw/01-photo.png: missing"),
        (lambda files: files.update({"data/more.txt": b"x"}), "data/more.txt: extra, listed in no manifest"),
        (lambda files: files.update({"note.txt": b"x"}), "note.txt: extra, listed in no manifest"),
        (lambda files: files.pop("manifest-sha512.txt"), "manifest-sha512.txt: missing"),
        (lambda files: files.pop("ro-crate-metadata.json.minisig"), "ro-crate-metadata.json.minisig: missing"),
        (replacing("data/export.json", b'"version": 1', b'"version": 2'), "data/export.json: changed (manifest-"),
        (replacing("manifest-sha256.txt", b"  data/", b" *data/"), "manifest-sha256.txt: changed (tagmanifest-"),
        (replacing("tagmanifest-sha512.txt", b"  bagit", b" *bagit"), "tagmanifest-sha512.txt: a line of it is not"),
    ],
)
def test_a_change_within_the_zip_shows_in_the_manifests(
    change: Change, words: str, archive: bytes, tmp_path: Path
) -> None:
    said = _first_bad(forge(archive, change, care=Care.ZIP), tmp_path)

    assert said.startswith(words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (replacing("data/export.json", b'"version": 1', b'"version": 2'), "data/export.json: not the file that"),
        (lambda files: files.pop("data/raw/01-photo.png"), "data/raw/01-photo.png: missing (ro-crate-metadata.json"),
        (lambda files: files.update({"data/more.txt": b"x"}), "data/more.txt: not described in ro-crate-metadata.json"),
        (lambda files: files.update({"more.txt": b"x"}), "more.txt: no part of an archive"),
        (replacing("ro-crate-preview.html", b"Fed-batch", b"Fad-batch"), "ro-crate-preview.html: not the file that"),
        (replacing("bag-info.txt", b"Main lab", b"Maim lab"), "bag-info.txt: not the file that ro-crate-metadata"),
        (replacing("bag-info.txt", b"Payload-Oxum", b"Payload-Oxen"), "bag-info.txt: Payload-Oxum does not fit"),
        (replacing("bagit.txt", b"1.0", b"0.97"), "bagit.txt: not the declaration"),
        (replacing(verify.SIGNATURE_FILE, b"a BioLab", b"no BioLab"), "ro-crate-metadata.json.minisig: malformed"),
        (
            replacing(verify.SIGNATURE_FILE, b"comment: sess_", b"comment: Sess_"),
            "ro-crate-metadata.json.minisig: comment changed",
        ),
        (replacing(verify.CRATE, b"Inoculate", b"Innoculate"), "ro-crate-metadata.json: its signature does not fit"),
    ],
)
def test_covering_it_in_the_manifests_does_not_help(change: Change, words: str, archive: bytes, tmp_path: Path) -> None:
    forged = forge(archive, change, care=Care.MANIFESTS)

    said = _first_bad(forged, tmp_path)

    assert said.startswith(words)


def test_covering_it_in_the_crate_breaks_the_signature(archive: bytes, tmp_path: Path) -> None:
    change = replacing("data/narrative.md", b"Foam", b"Fame")

    said = _first_bad(forge(archive, change, care=Care.CRATE), tmp_path)

    assert said == "ro-crate-metadata.json: its signature does not fit"


def test_a_strangers_key_is_not_the_one_in_the_export(archive: bytes, tmp_path: Path) -> None:
    change = replacing("data/narrative.md", b"Foam", b"Fame")

    said = _first_bad(forge(archive, change, care=Care.SIGNATURE, key=kit.Key(9)), tmp_path)

    assert "which data/export.json does not name" in said


def test_a_strangers_key_put_into_the_export_still_fails_the_people_who_know_the_key(tmp_path: Path) -> None:
    stranger = kit.Key(9)
    path = tmp_path / "whole.eln"
    path.write_bytes(kit.pack(kit.contents(key=stranger)))

    trusting = verify.check(path)
    knowing = verify.check(path, key=kit.Key().public_key().hex())

    assert trusting.valid, "a complete forgery agrees with itself; only the key tells"
    assert knowing.first_bad == "ro-crate-metadata.json.minisig: not made with the key you named"


def _events(change: Callable[[list[dict[str, str]]], object]) -> Change:
    def apply(files: dict[str, bytes]) -> None:
        rows = [json.loads(line) for line in files["data/events.jsonl"].decode().split("\n") if line]
        change(rows)
        files["data/events.jsonl"] = b"".join(canonical(row) + b"\n" for row in rows)

    return apply


def _rechain(rows: list[dict[str, str]]) -> None:
    """Rewrite event 2 and re-compute every hash after it, as an owner of the database could."""
    previous = rows[0]["hash"]
    for row in rows[1:]:
        event = json.loads(row["canonical"]) | {"prev_hash": previous}
        if event["sequence"] == 2:
            event["payload"] = {"content": "nothing happened"}
        row["canonical"] = canonical(event).decode()
        row["hash"] = previous = hashlib.sha256(b"\1" + bytes.fromhex(previous) + row["canonical"].encode()).hexdigest()


def _statement(change: Callable[[dict[str, object]], object], *, signed_by: kit.Key | None = None) -> Change:
    """Change the first signature's statement; seal its envelope anew with the instance's key."""

    def apply(files: dict[str, bytes]) -> None:
        first, second, _ = files["data/signatures.jsonl"].split(b"\n")
        predicate = json.loads(base64.b64decode(json.loads(first)["payload"]))["predicate"]
        statement = json.loads(predicate["canonical"])
        change(statement)
        text = canonical(statement)
        signature = signed_by.sign(SIGNATURE + text).hex() if signed_by else predicate["signature"]
        record = kit.SignatureRecord(text.decode(), signature, predicate["key_id"])
        files["data/signatures.jsonl"] = canonical(envelope(record, kit.Key())) + b"\n" + second + b"\n"

    return apply


def _flood_of_signatures(files: dict[str, bytes]) -> None:
    files["data/signatures.jsonl"] *= 501


def _drop_second_signature(files: dict[str, bytes]) -> None:
    files["data/signatures.jsonl"] = files["data/signatures.jsonl"].split(b"\n")[0] + b"\n"


OWN = kit.Key()
PHOTO = "data/attachments/files/01-photo.png"
RAW = "data/raw/01-photo.png"


def _own_original(files: dict[str, bytes]) -> None:
    """Put another original in, and its digest into the export, as somebody who holds the instance's key could."""
    before = hashlib.sha256(files[RAW]).hexdigest().encode()
    files[RAW] = b"row bytes"
    after = hashlib.sha256(files[RAW]).hexdigest().encode()
    files["data/export.json"] = files["data/export.json"].replace(before, after)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (replacing("data/narrative.md", b"Foam", b"Fame"), "data/narrative.md: not the approved dossier"),
        (
            replacing("data/narrative.md", b"### Grace", b"### Gracy"),
            "data/narrative.md: its Approvals are not the sig",
        ),
        (lambda files: files.update({"data/narrative.md": b"#"}), "data/narrative.md: shorter than the approved"),
        (
            replacing(PHOTO, b"PNG", b"GNP"),
            f"{PHOTO}: not the evidence that was frozen",
        ),
        (
            lambda files: files.pop("data/attachments/files/01-photo.png"),
            "data/attachments/files/01-photo.png: missing",
        ),
        (replacing(RAW, b"raw", b"row"), f"{RAW}: not the original that was frozen"),
        (lambda files: files.pop(RAW), f"{RAW}: missing (data/export.json lists it)"),
        (_own_original, f"{RAW}: the approved dossier does not name it"),
        (
            lambda files: files.update({"data/audio/02-more.wav": b"RIFF"}),
            "data/audio/02-more.wav: data/export.json does not list it",
        ),
        (replacing("data/telemetry.csv", b",-0.0,", b",0.0,"), "data/telemetry.csv: the readings of 'pH' are not"),
        (replacing("data/telemetry.csv", b"T09:00:00.0", b"T09:00:00.1"), "data/telemetry.csv: the readings of 'pH'"),
        (replacing("data/telemetry.csv", b"pH,", b"px,"), "data/telemetry.csv: an unknown channel 'px'"),
        (replacing("data/telemetry.csv", b"channel,", b"Channel,"), "data/telemetry.csv: another header"),
        (replacing("data/export.json", b'"count": 50', b'"count": 49'), "data/telemetry.csv: the readings of 'pH'"),
        (
            _events(lambda rows: rows[1].update(canonical=rows[1]["canonical"].replace("Foam", "Fame"))),
            "data/events.jsonl: event 2 was changed",
        ),
        (_events(lambda rows: rows.pop(1)), "data/events.jsonl: event 2 has the number 3"),
        (_events(lambda rows: rows.reverse()), "data/events.jsonl: event 1 has the number 6"),
        (_events(lambda rows: rows.pop()), "data/checkpoint.json: names another last event"),
        (_events(lambda rows: rows[0].update(canonical="[]")), "malformed (TypeError"),
        (_events(lambda rows: rows[0].update(canonical="[" * 99999)), "malformed (RecursionError"),
        (_events(_rechain), "data/checkpoint.json: names another last event"),
        (
            replacing("data/checkpoint.json", b'"protocol_digest": "ab', b'"protocol_digest": "ac'),
            "data/events.jsonl: event 1 does not follow",
        ),
        (replacing("data/checkpoint.json", b'"signature": "', b'"signature": "00'), "data/checkpoint.json: the sig"),
        (_statement(lambda one: one.update(meaning="authorship")), "data/signatures.jsonl: signature 1: the signature"),
        (
            _statement(lambda one: one["subject"].update(digest="00" * 32), signed_by=OWN),  # type: ignore[attr-defined]
            "data/signatures.jsonl: signature 1: binds another record",
        ),
        (
            _statement(lambda one: one["subject"].update(id="exp_other"), signed_by=OWN),  # type: ignore[attr-defined]
            "data/signatures.jsonl: signature 1: belongs to another export",
        ),
        (
            _statement(lambda one: one.update(execution_id="sess_other"), signed_by=OWN),
            "data/signatures.jsonl: signature 1: belongs to another session",
        ),
        (
            _statement(lambda one: one["chain"].update(head="00" * 32), signed_by=OWN),  # type: ignore[attr-defined]
            "data/signatures.jsonl: signature 1: names an event that is not in the chain",
        ),
        (
            _statement(lambda one: one.update(snapshot_digest="00" * 32), signed_by=OWN),
            "data/signatures.jsonl: signature 1: other approval rules",
        ),
        (_flood_of_signatures, "data/signatures.jsonl: too many signatures"),
        (_drop_second_signature, "data/signatures.jsonl: not every signature that data/events.jsonl tells of"),
        (lambda files: files.update({"data/telemetry.csv": b""}), "data/telemetry.csv: another header"),
        (
            replacing("data/export.json", b'"snapshot_digest": "cd', b'"snapshot_digest": "ce'),
            "data/export.json: subject_digest is not of what lies here",
        ),
        (
            replacing("data/attachments.json", b'"evidence_type": "file"', b'"evidence_type": "fila"'),
            "data/export.json",
        ),
        (replacing("data/export.json", b"2026-03-02T17:30:01Z", b"2026-03-02T17:30:05Z"), "the times in the zip"),
    ],
)
def test_even_whoever_holds_the_key_cannot_change_what_was_signed(
    change: Change, words: str, archive: bytes, tmp_path: Path
) -> None:
    said = _first_bad(forge(archive, change, care=Care.SIGNATURE, key=OWN), tmp_path)

    assert said.startswith(words), said


def test_a_waiver_left_out_or_told_twice_is_noticed_by_whoever_reads_the_history(tmp_path: Path) -> None:
    contents = kit.waived()
    without, twice = replace(contents, waivers=()), replace(contents, waivers=contents.waivers * 2)

    said = [_first_bad(kit.pack(of), tmp_path) for of in (without, twice)]

    assert said == ["data/signatures.jsonl: not every signature that data/events.jsonl tells of, or others"] * 2


def test_a_signature_left_out_of_everything_but_the_history_is_noticed(tmp_path: Path) -> None:
    contents = kit.contents()
    first, second = contents.signatures

    said = [
        _first_bad(kit.pack(replace(contents, signatures=given)), tmp_path) for given in ((first,), (second, first))
    ]

    assert said == ["data/signatures.jsonl: not every signature that data/events.jsonl tells of, or others"] * 2


def test_a_text_that_would_fill_the_memory_is_not_read(archive: bytes, tmp_path: Path) -> None:
    def swell(files: dict[str, bytes]) -> None:
        many = b"[" + b"{}," * verify.MAX_VALUES + b"{}]"
        files["data/export.json"] = b'{"more": ' + many + b"," + files["data/export.json"][1:]

    said = _first_bad(forge(archive, swell, care=Care.SIGNATURE, key=OWN), tmp_path)

    assert said == "a JSON text of too many values"


def _waiver(**changes: str) -> kit.ArchiveContents:
    """Return contents with a waiver that says something else, signed by whoever holds the instance's key."""
    contents = kit.waived()
    (waiver,) = contents.waivers
    text = canonical(json.loads(waiver.canonical) | changes)
    forged = replace(waiver, canonical=text.decode(), signature=OWN.sign(SIGNATURE + text).hex())
    return replace(contents, waivers=(forged,))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: replace(one, canonical=one.canonical.replace("spare", "Spare")), "the signature does not fit"),
        (
            lambda one: replace(one, simulation=one.simulation.replace("blocked", "clear")),
            "waives another simulation than the one beside it",
        ),
        (lambda one: _waiver(reason="A whim.").waivers[0], "not the waiver that data/events.jsonl tells of"),
        (lambda one: _waiver(waiver_id="waiv_02k").waivers[0], "not the waiver that data/events.jsonl tells of"),
        (lambda one: _waiver(execution_id="sess_other").waivers[0], "belongs to another session"),
    ],
    ids=["text", "simulation", "reason", "moved", "session"],
)
def test_a_waiver_of_the_guardrails_is_checked_like_a_signature(
    change: Callable[[kit.WaiverRecord], kit.WaiverRecord], words: str, tmp_path: Path
) -> None:
    contents = kit.waived()
    whole = kit.pack(contents)
    (waiver,) = contents.waivers

    said = _first_bad(kit.pack(replace(contents, waivers=(change(waiver),))), tmp_path)

    assert said == f"data/signatures.jsonl: signature 3: {words}"
    report = _check(whole)
    assert report.checks[-1].detail == "2 signatures over this record, 1 by which guardrails were waived"
    assert kit.pack(kit.waived()) == whole


def test_11_70_a_signature_cannot_be_moved_to_another_record(tmp_path: Path) -> None:
    first, second = kit.contents(), kit.contents(payload=b"another photo")

    moved = replace(second, signatures=first.signatures)
    said = _first_bad(kit.pack(moved), tmp_path)

    assert said == "data/signatures.jsonl: signature 1: binds another record, not the one in this archive"


def test_a_seal_on_the_timeline_outweighs_the_export(tmp_path: Path) -> None:
    whole = kit.contents()
    sealed = {"pH": {"count": 1, "sha256": "00" * 32}}
    events = kit.chain([("session.created", {}), ("note.created", {}), ("telemetry.sealed", {"channels": sealed})])
    contents = replace(whole, events=lambda: iter(events), checkpoint=kit.checkpoint(events, kit.Key()))

    said = _first_bad(kit.pack(contents), tmp_path)

    assert said == "data/export.json: other readings than the session's seal"


def test_an_export_of_a_running_session_stands_beside_a_later_seal(tmp_path: Path) -> None:
    whole = kit.contents()
    assert whole.telemetry is not None
    later = {"pH": {"count": 999, "sha256": "00" * 32}}
    facts = [("session.created", {}), ("note.created", {}), ("telemetry.sealed", {"channels": later})]
    events = kit.chain([*facts, *kit.approved()])
    contents = kit.contents(events=events)
    assert contents.telemetry is not None
    path = tmp_path / "running.eln"

    path.write_bytes(kit.pack(replace(contents, telemetry=replace(contents.telemetry, sealed=False))))

    assert verify.check(path).valid


def test_a_seal_that_is_not_on_the_timeline_is_no_seal(tmp_path: Path) -> None:
    events = kit.chain([("session.created", {}), ("note.created", {})])

    said = _first_bad(kit.pack(kit.contents(events=events)), tmp_path)

    assert said == "data/export.json: speaks of a seal that is not in the chain"


def _rezip(archive: bytes, **options: object) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", **options) as new:  # type: ignore[call-overload]
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out.getvalue()


def _zip_of(names: dict[str, bytes], *, mode: int = 0o100644) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in names.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            file.writestr(info, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("hostile", "words"),
    [
        (lambda archive: b"", "not a zip file"),
        (lambda archive: b"PK\5\6", "not a zip file"),
        (lambda archive: b"not a zip" * 99, "not a zip file"),
        (lambda archive: archive[:-1], "not a zip file"),
        (lambda archive: archive + b"x", "not a zip file, or bytes follow its end"),
        (lambda archive: b"#!/bin/sh\n" + archive, "the zip's end record was changed"),
        (lambda archive: _rezip(archive, compression=zipfile.ZIP_DEFLATED), "compressed; unpack"),
        (lambda archive: _rezip(archive), "its directory entry was changed"),
        (lambda archive: _zip_of({"root/../../etc/passwd": b"x"}), "not a name that BioLab writes"),
        (lambda archive: _zip_of({"/etc/passwd": b"x"}), "not a name that BioLab writes"),
        (lambda archive: _zip_of({"C:\\x/y": b"x"}), "not a name that BioLab writes"),
        (lambda archive: _zip_of({"root/\u202egnp.exe": b"x"}), "not a name that BioLab writes"),
        (lambda archive: _zip_of({"loose.txt": b"x"}), "not a name that BioLab writes"),
        (lambda archive: _zip_of({"root/link": b"/etc/passwd"}, mode=0o120777), "changed"),
        (lambda archive: _zip_of({}), "exactly one root folder"),
        (lambda archive: _rezip(_zip_of({"r/a": b"0" * 50_000_000}), compression=zipfile.ZIP_DEFLATED), "compressed"),
    ],
)
def test_hostile_zips_are_refused_before_anything_is_read(
    hostile: Callable[[bytes], bytes], words: str, archive: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.eln"
    path.write_bytes(hostile(archive))

    report = verify.check(path)

    assert not report.valid
    assert words in (report.first_bad or "")
    assert [check.name for check in report.checks] == ["container"]


def test_a_folder_with_a_link_is_refused(archive: bytes, tmp_path: Path) -> None:
    bag = kit.unpack(archive, tmp_path)
    (bag / "data/raw/02-passwd").symlink_to("/etc/passwd")

    report = verify.check(bag)

    assert "a link" in (report.first_bad or "")


def test_what_does_not_exist_is_an_answer_not_a_crash(tmp_path: Path) -> None:
    report = verify.check(tmp_path / "nothing.eln")

    assert not report.valid
    assert "FileNotFoundError" in (report.first_bad or "")


def test_an_unreadable_key_is_an_answer_too(archive: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.eln"
    path.write_bytes(archive)

    report = verify.check(path, key="not a key")

    assert report.first_bad == "--key: neither 64 hex digits nor a minisign public key"
