"""Dossiers as pages and PDFs: drawn and printed once, kept by digest, in the archive and at their doors."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from biolab.kernel import storage
from exports_app.archive.verify import check
from exports_app.archive.write import write_archive
from exports_app.charts import draw_chart
from exports_app.narrative import press
from exports_app.narrative.page import for_print, render_page
from exports_app.services.contents import archive_contents
from tests.exports import archive_kit as kit
from tests.exports.doors import client_of, path_of
from tests.factories.exports import approve, make_archive, make_export, make_export_bench, pack

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]

NAN = float("nan")


def packed_bytes(name: str) -> bytes:
    return b"".join(storage.read(name))


def test_the_first_pack_prints_and_every_other_packs_the_same_bytes(settings: Settings, tmp_path: Path) -> None:
    settings.ARCHIVE_PDF = True
    bench = make_export_bench(readings=200)
    export = make_archive(bench)
    path = tmp_path / "a.eln"
    path.write_bytes(packed_bytes(export.artifact_name))

    with zipfile.ZipFile(path) as bag:
        held = {name.partition("/")[2]: bag.read(name) for name in bag.namelist()}
    with (tmp_path / "b.eln").open("wb") as out:
        write_archive(out, archive_contents(export, folder=tmp_path))
    (tmp_path / "c.eln").write_bytes(path.read_bytes().replace(b"%PDF-1", b"%PDF-9"))

    assert (tmp_path / "b.eln").read_bytes() == path.read_bytes()
    assert held["data/narrative.pdf"].startswith(b"%PDF-")
    assert b"Left-Out" not in held["bag-info.txt"]
    page = held["ro-crate-preview.html"].decode()
    assert re.findall(r'<img alt="([^"]*)" src="data:image/svg', page) == [
        "Readings of pH (°C) over time",
        "Readings of temperature (°C) over time",
    ]
    assert check(path).valid
    assert check(tmp_path / "c.eln").first_bad == "data/narrative.pdf: changed (its CRC-32 in the zip does not fit)"
    client = client_of(bench.asker)
    shown = client.get(f"{path_of(bench.session, export)}/dossier.pdf")
    assert (shown.status_code, b"".join(shown.streaming_content)) == (200, held["data/narrative.pdf"])


def test_a_page_has_its_own_policy_and_the_signatures_so_far() -> None:
    bench = make_export_bench(readings=5)
    export = approve(make_export(bench), bench)

    answer = client_of(bench.asker).get(f"{path_of(bench.session, export)}/dossier.html")

    page = b"".join(answer.streaming_content).decode()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"] + page
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for person in (bench.reviewer, bench.approver):
        assert f"<h3>{person.printed_name}</h3>" in page
    assert re.search(r"<li>meaning: \w+</li>", page)
    assert "signed_at, UTC: 2026-03-02T10:02:00Z" in page


def test_where_nothing_can_print_the_archive_says_so_and_the_door_answers_503(tmp_path: Path) -> None:
    bench = make_export_bench()
    export = pack(approve(make_export(bench), bench))

    answer = client_of(bench.asker).get(f"{path_of(bench.session, export)}/dossier.pdf")

    assert (answer.status_code, answer.json()["code"]) == (503, "pdf_unavailable")
    path = tmp_path / "a.eln"
    path.write_bytes(packed_bytes(export.artifact_name))
    assert check(path).valid
    info = kit.members(path.read_bytes())["bag-info.txt"].decode()
    assert "Left-Out: data/narrative.pdf: this installation renders none" in info


def test_without_pango_the_press_says_that_it_cannot_print(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limits: list[Any] = []
    monkeypatch.setattr(press.resource, "setrlimit", lambda *given: limits.append(given))
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    (tmp_path / press.PAGE).write_text("<p>x</p>")

    assert press.main("pdf", tmp_path) == press.NO_PANGO
    assert limits
    assert not (tmp_path / press.PDF).exists()


def test_print_shows_the_first_events_and_says_where_the_others_are() -> None:
    events = kit.chain([("note.created", {"content": str(number)}) for number in range(9)])
    narrative = kit.contents(events=events).content
    assert isinstance(narrative, bytes)

    whole, cut = ("".join(for_print([narrative.decode()], most_events=most)) for most in (9, 4))

    assert whole == narrative.decode()
    assert cut.count("\n## [") == 4
    assert "5 further events are not printed here" in cut
    assert cut.endswith(narrative.decode()[narrative.decode().index("\n## Evidence") :])


def test_pictures_stand_under_their_channels_and_hostile_names_stay_text() -> None:
    contents = kit.contents(text=kit.HOSTILE)
    assert isinstance(contents.content, bytes)

    page = "".join(render_page("x", [contents.content.decode()], ["<svg/>"]))

    body = page.partition("<body>")[2]
    assert body.count("<img ") == 1
    assert re.search(r'<p><img alt="[^"<>]*" src="data:image/svg\+xml;base64,PHN2Zy8\+"></p>', body)
    assert not re.search(r"<(script|iframe|link|object|embed|form|a|svg|base)\b", body, re.IGNORECASE)


CHARTS: list[tuple[str, str, list[float], list[float], list[float]]] = [
    ("pH", "1", [0.0, 60.0, 120.0], [7.0, NAN, 7.2], [7.1, NAN, 7.4]),
    (kit.HOSTILE, kit.HOSTILE, [1.77e9, 1.77e9 + 1e6], [-1.7e308, 0.0], [1.7e308, 0.0]),
    ("one", "$x^2$", [5.0], [1.0], [1.0]),
    ("none", "", [], [], []),
]


@pytest.mark.parametrize(("title", "unit", "times", "low", "high"), CHARTS)
@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_same_readings_draw_the_same_bytes(
    title: str, unit: str, times: list[float], low: list[float], high: list[float], form: Any
) -> None:
    first = draw_chart(title, unit, times, low, None, high, form=form)

    assert first == draw_chart(title, unit, times, low, None, high, form=form)
    assert b"<script" not in first.lower()
    assert b"2026-11" not in first, "nothing tells when it was drawn"
