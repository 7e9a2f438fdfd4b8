"""Packing: the same bytes every time, flat memory, and nothing released that is not what was frozen."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolab.kernel.seal import ReadingDigest, reading_digest
from exports_app.archive import verify
from exports_app.archive.contents import ArchiveContents, Extra, Run
from exports_app.archive.layout import attachment_place, root_name, safe_name
from exports_app.archive.plan import FrozenDiffers
from exports_app.archive.readings import Digests, csv_chunks, read_parquet, write_parquet
from exports_app.archive.write import write_archive
from tests.exports import archive_kit as kit


def test_two_packs_of_one_export_are_the_same_bytes() -> None:
    first, second = kit.pack(kit.contents(text=kit.HOSTILE)), kit.pack(kit.contents(text=kit.HOSTILE))

    assert first == second


def test_the_result_describes_the_file_that_was_written() -> None:
    out = io.BytesIO()

    result = write_archive(out, kit.contents())

    data = out.getvalue()
    assert result.sha256 == hashlib.sha256(data).hexdigest()
    assert result.size == len(data)
    assert result.manifest_digest == hashlib.sha256(kit.members(data)["manifest-sha256.txt"]).hexdigest()
    assert result.filename == "session-sess_01k0000000000000000000000a-v1.eln"


def test_it_writes_front_to_back_to_anything_that_takes_bytes() -> None:
    class Sink(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    sink = Sink()

    write_archive(sink, kit.contents())  # type: ignore[arg-type]

    assert bytes(sink.data) == kit.pack()


def test_bytes_files_and_streams_pack_alike(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"\x89PNG not really")
    whole = kit.contents()
    photo, *others = whole.attachments

    def stream() -> Iterator[bytes]:
        yield b"\x89PNG"
        yield b" not really"

    from_file = replace(whole, attachments=(replace(photo, source=path), *others))
    from_stream = replace(whole, attachments=(replace(photo, source=stream), *others))

    assert kit.pack(from_file) == kit.pack(from_stream) == kit.pack(whole)


def test_progress_rises_to_one() -> None:
    shares: list[float] = []

    write_archive(io.BytesIO(), kit.contents(), shares.append)

    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_every_time_inside_is_the_finalized_events() -> None:
    with zipfile.ZipFile(io.BytesIO(kit.pack())) as file:
        times = {info.date_time for info in file.infolist()}

    assert times == {(2026, 3, 2, 17, 30, 0)}, "zip times have even seconds"


def _other_readings(whole: ArchiveContents) -> ArchiveContents:
    assert whole.telemetry is not None
    return replace(whole, telemetry=replace(whole.telemetry, runs=lambda: iter(kit.runs(count=49))))


def _other_photo(whole: ArchiveContents) -> ArchiveContents:
    photo, *others = whole.attachments
    return replace(whole, attachments=(replace(photo, source=b"swapped"), *others))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda whole: replace(whole, content=b"# Another story\n"), "The dossier is not the one that was approved."),
        (lambda whole: replace(whole, content_length=whole.content_length - 1), "The dossier is not the one"),
        (_other_photo, "data/attachments/files/01-photo.png is not what was frozen"),
        (_other_readings, "The readings are not the ones that were sealed."),
        (
            lambda whole: replace(whole, events=lambda: iter(list(whole.events())[:-1])),
            "The checkpoint stands at event 6",
        ),
    ],
)
def test_what_is_not_what_was_frozen_is_not_packed(change: object, words: str) -> None:
    out = io.BytesIO()

    with pytest.raises(FrozenDiffers, match=words):
        write_archive(out, change(kit.contents()))  # type: ignore[operator]

    assert out.getvalue() == b""


def test_a_file_that_changes_while_it_is_packed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "big.raw"
    path.write_bytes(b"before")
    contents = replace(kit.contents(), extras=(Extra("raw", "big.raw", path, ""),))

    def change(share: float) -> None:
        if share == 0.7:
            path.write_bytes(b"AFTER!")

    with pytest.raises(FrozenDiffers, match=r"data/raw/01-big.raw changed while it was being packed"):
        write_archive(io.BytesIO(), contents, change)


def test_memory_stays_flat_however_large_the_payload(tmp_path: Path) -> None:
    block = random.Random(1).randbytes(1 << 20)

    def peak(megabytes: int) -> int:
        digest = hashlib.sha256()
        for _ in range(megabytes):
            digest.update(block)
        contents = kit.contents(raw=lambda: (block for _ in range(megabytes)), raw_digest=digest.hexdigest())
        tracemalloc.start()
        with (tmp_path / "out.eln").open("wb") as out:
            write_archive(out, contents)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(1)
    small, large = peak(4), peak(64)

    assert large < small + (4 << 20)
    assert verify.check(tmp_path / "out.eln").valid


def test_a_long_dossier_is_whole_in_the_file_and_cut_in_the_crate() -> None:
    events = kit.chain([("note.created", {"content": "x" * 400})] * 2000)

    archive = kit.pack(kit.contents(events=events))

    text = kit.crate(archive)["data/"]["text"]
    assert len(text) < 256 * 1024 + 100
    assert text.endswith("The rest is in data/narrative.md.\n")
    assert kit.members(archive)["data/narrative.md"].count(b"\n## [") == 2000


def test_many_long_notes_do_not_swell_the_crate(tmp_path: Path) -> None:
    whole = kit.contents()
    note = replace(whole.facts.notes[0], content="x" * 20_000)
    path = tmp_path / "notes.eln"

    path.write_bytes(kit.pack(replace(whole, facts=replace(whole.facts, notes=(note,) * 500))))

    assert len(kit.members(path.read_bytes())["ro-crate-metadata.json"]) < 2_000_000
    assert verify.check(path).valid


def test_what_is_left_out_is_said_in_the_bag() -> None:
    info = kit.members(kit.pack())["bag-info.txt"].decode()

    assert "Left-Out: narrative.pdf: Pango is not installed here\n" in info


def test_a_pdf_is_packed_where_there_is_one() -> None:
    archive = kit.pack(replace(kit.contents(), pdf=b"%PDF-1.7", left_out=()))

    assert kit.members(archive)["data/narrative.pdf"] == b"%PDF-1.7"
    assert "Left-Out" not in kit.members(archive)["bag-info.txt"].decode()


def test_export_json_keeps_the_digests_whatever_the_export_says() -> None:
    contents = replace(kit.contents(), export={"content_digest": "lies", "notes": "kept"})

    export = json.loads(kit.members(kit.pack(contents))["data/export.json"])

    assert export["content_digest"] == contents.content_digest
    assert export["notes"] == "kept"


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.png", "photo.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\system32\\cmd.exe", "cmd.exe"),
        ("\u202egnp.exe", "gnp.exe"),
        ("", "unnamed"),
        ("...", "unnamed"),
        ("résumé µ.pdf", "resume.pdf"),
        ("CON", "unnamed-CON"),
        ("nul.txt", "unnamed-nul.txt"),
        (".bashrc", "bashrc"),
        ("a" * 300 + ".tar", "a" * 76 + ".tar"),
        ("日本語.csv", "unnamed.csv"),
        ("a\nb\x00c", "a_b_c"),
        ("-rf", "rf"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@settings(deadline=None)
@given(st.text(), st.integers(1, 999), st.sampled_from(["file", "notebook_entry", "qc_metric"]))
def test_every_name_becomes_one_the_verifier_accepts(name: str, number: int, kind: str) -> None:
    place = f"{root_name('sess_1', 1)}/data/{attachment_place(number, kind, name)}"

    assert verify.SAFE_NAME.fullmatch(place)
    assert ".." not in place


def test_a_hundred_files_of_one_name_stay_apart() -> None:
    contents = kit.contents(files=100)

    names = [name for name in kit.members(kit.pack(contents)) if name.startswith("data/attachments/files/")]

    assert len(set(names)) == 100


# --- readings ---------------------------------------------------------------------------------------------------------


def test_readings_come_back_equal_from_parquet_and_csv(tmp_path: Path) -> None:
    runs = kit.runs(("pH", '=cmd|"x"', "'quoted", "a,b\r\nc"))
    names = [run.channel for run in runs]
    path = tmp_path / "t.parquet"

    write_parquet(path, runs)
    from_parquet = list(read_parquet(path))
    rows = list(csv.reader(io.StringIO(b"".join(csv_chunks(runs, {})).decode(), newline="")))

    assert [run.channel for run in from_parquet] == names
    for before, after in zip(runs, from_parquet, strict=True):
        assert np.array_equal(before.times, after.times)
        assert before.values.tobytes() == after.values.tobytes()
    assert rows[0] == ["channel", "timestamp", "value", "unit"]
    values = [float(row[2]) for row in rows[1:]]
    assert np.array(values).tobytes() == b"".join(run.values.tobytes() for run in runs)
    assert {verify.csv_original(row[0]) for row in rows[1:]} == set(names)
    assert not any(row[0][:1] in "=+-@" for row in rows[1:])


def test_parquet_has_the_columns_programs_expect(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"

    write_parquet(path, kit.runs())

    table = pq.read_table(path)
    assert [str(field.type) for field in table.schema] == [
        "dictionary<values=string, indices=int32, ordered=0>",
        "timestamp[us, tz=UTC]",
        "double",
    ]
    assert pq.ParquetFile(path).metadata.row_group(0).column(2).compression == "ZSTD"


def test_how_runs_are_cut_changes_neither_file_nor_digest(tmp_path: Path) -> None:
    whole = kit.runs(count=200_000)
    cut = [
        Run(run.channel, run.times[at : at + 777], run.values[at : at + 777])
        for run in whole
        for at in range(0, 200_000, 777)
    ]
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"

    write_parquet(one, whole)
    write_parquet(other, cut)

    assert one.read_bytes() == other.read_bytes()
    assert _seals(whole) == _seals(cut) == _seals(list(read_parquet(one)))


def _seals(runs: list[Run]) -> object:
    digests = Digests()
    assert sum(len(run.times) for run in digests.watch(runs)) == 400_000
    return digests.seals({})


def test_no_readings_at_all_make_an_empty_table(tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"

    write_parquet(path, [])

    assert list(read_parquet(path)) == []
    assert Digests().seals({"pH": "1"})[0].count == 0


def test_a_channels_digest_is_defined_by_its_bytes() -> None:
    rows = (-1).to_bytes(8, "big", signed=True) + bytes.fromhex("bff8000000000000")
    rows += (1_772_442_000_000_000).to_bytes(8, "big", signed=True) + bytes.fromhex("4009000000000000")

    assert reading_digest([-1, 1_772_442_000_000_000], [-1.5, 3.125]) == hashlib.sha256(rows).hexdigest()
    assert ReadingDigest().hexdigest() == hashlib.sha256(b"").hexdigest()


@settings(deadline=None)
@given(st.text())
def test_neutralised_cells_can_be_read_back(text: str) -> None:
    assert verify.csv_original(verify.csv_text(text)) == text
    assert verify.csv_text(text)[:1] not in tuple("=+-@\t\r")
