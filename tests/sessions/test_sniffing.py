"""What files are told to be: by content, with names believed only among texts; two things at once are refused."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.sniffing import LONGEST_NAME, UNKNOWN, objection, preview, safe_filename, sniff
from tests.factories.notebook import PNG


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return made.getvalue()


WORD = zipped("[Content_Types].xml", "word/document.xml")
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x00" * 40 + b"\xff\xd9"
KINDS: list[tuple[str, bytes, str]] = [
    ("gel.png", PNG, "image/png"),
    ("no ending", PNG, "image/png"),
    ("photo.JPG", JPEG, "image/jpeg"),
    ("plate.tif", b"II*\x00" + b"\x00" * 20, "image/tiff"),
    ("paper.pdf", b"%PDF-1.7\n%%EOF", "application/pdf"),
    ("report.docx", WORD, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("raw.zip", zipped("a.txt"), "application/zip"),
    ("cells.fcs", b"FCS3.1         58" + b"\x00" * 20, "application/vnd.isac.fcs"),
    ("run.h5", b"\x89HDF\r\n\x1a\n" + b"\x00" * 20, "application/x-hdf5"),
    ("run.dat", b"\x89HDF\r\n\x1a\n" + b"\x00" * 20, "application/x-hdf5"),
    ("note.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
    ("raw.bin", b"\x00\x01\x02", UNKNOWN),
    ("table.csv", b"time;T\n0;36,5\n", "text/csv"),
    ("masses.csv", b"MZ,Intensity\n100.1,5\n", "text/csv"),
    ("latin.csv", "T [°C]\n36\n".encode("cp1252"), "text/csv"),
    ("excel.txt", "a\tb\n".encode("utf-16"), "text/plain"),
    ("readme.md", b"# Plan\n", "text/markdown"),
    ("run.json", b'{"a": 1}', "application/json"),
    ("instrument.asc", b"1 2 3\n", "text/plain"),
    ("page.html", b"<!DOCTYPE html><html><body>", "text/html"),
    ("figure.svg", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "image/svg+xml"),
    ("method.xml", b'<?xml version="1.0"?><method/>', "application/xml"),
]


@pytest.mark.parametrize(("name", "data", "kind"), KINDS, ids=[name for name, *_ in KINDS])
def test_a_file_is_what_its_content_says(name: str, data: bytes, kind: str) -> None:
    assert sniff(data, name) == kind
    assert objection(kind, name, data, data) == ""


HOSTILE: list[tuple[str, bytes]] = [
    ("photo.png", b"<html><script>alert(1)</script>"),
    ("photo.png", b"MZ\x90\x00\x03" + b"\x00" * 40),
    ("photo.jpg", PNG),
    ("table.csv", b"<!doctype html><html><script src=x></script>"),
    ("notes.txt", b"<svg onload=alert(1)>"),
    ("notes.txt", PNG),
    ("paper.pdf", b"MZ\x90\x00\x03" + b"\x00" * 40),
    ("report.docx", zipped("a.txt")),
    ("photo.gif", b"GIF89a/*\x00\x00*/=1;<script>alert(1)</script>"),
    ("photo.png", PNG + b"<html><script>alert(1)</script>"),
    ("photo.jpg", JPEG + zipped("evil.class")),
    ("paper.pdf", b"%PDF-1.4\n%%EOF\n" + zipped("evil.class")),
    ("photo", b"GIF89a\x00\x00" + b"%PDF-1.4\n"),
]


@pytest.mark.parametrize(("name", "data"), HOSTILE, ids=[f"{place} {name}" for place, (name, _) in enumerate(HOSTILE)])
def test_a_file_that_is_another_than_it_says_or_two_at_once_is_refused(name: str, data: bytes) -> None:
    assert objection(sniff(data, name), name, data, data) != ""


PREVIEWS: list[tuple[str, bytes, Any]] = [
    ("t.csv", b"time;T\n0;36,5\n", {"kind": "table", "rows": [["time", "T"], ["0", "36,5"]]}),
    ("t.tsv", b"a\tb\n", {"kind": "table", "rows": [["a", "b"]]}),
    ("t.txt", "°C\nzwei".encode(), {"kind": "text", "lines": ["°C", "zwei"]}),
    ("t.txt", "°C".encode("cp1252"), {"kind": "text", "lines": ["°C"]}),
    ("t.png", PNG, {}),
    ("t.html", b"<html><body>", {}),
]


@pytest.mark.parametrize(("name", "data", "shown"), PREVIEWS, ids=[name for name, *_ in PREVIEWS])
def test_a_preview_shows_how_a_text_begins(name: str, data: bytes, shown: Any) -> None:
    assert preview(sniff(data, name), data) == shown


@given(st.binary(max_size=400), st.sampled_from(["t.csv", "t.txt", "t.json", "t.bin"]))
def test_no_bytes_break_sniffing_or_the_preview(data: bytes, name: str) -> None:
    kind = sniff(data, name)

    assert "/" in kind
    assert isinstance(objection(kind, name, data, data), str)
    assert "\x00" not in str(preview(kind, data))


NAMES = [
    ("../../etc/passwd", "passwd"),
    ("C:\\Users\\ada\\gel.png", "gel.png"),
    ("gel\u202egnp.exe", "gelgnp.exe"),
    ("a\x00b\r\nc.csv", "abc.csv"),
    ("..", "file"),
    ("", "file"),
    (" .hidden ", "hidden"),
    ("Gel 3 – Größe.png", "Gel 3 – Größe.png"),
]


@pytest.mark.parametrize(("given_name", "kept"), NAMES)
def test_a_name_is_kept_without_folders_and_what_hides(given_name: str, kept: str) -> None:
    assert safe_filename(given_name) == kept


@given(st.text())
def test_every_name_becomes_a_safe_one(name: str) -> None:
    kept = safe_filename(name)

    assert 1 <= len(kept) <= LONGEST_NAME
    assert not set(kept) & set("/\\\x00\n\r\u202e")
    assert safe_filename(kept) == kept
