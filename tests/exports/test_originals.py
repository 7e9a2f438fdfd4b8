"""Raw uploads, recordings and transcripts: frozen with the export, named in the dossier, packed byte for byte."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from biolab.kernel import storage
from biolab.kernel.errors import Conflict
from exports_app.archive.verify import check
from exports_app.models import FrozenObject, NarrativeExport
from sessions_app.models import Transcript
from telemetry_app.models import ImportJob
from tests.exports import archive_kit as kit
from tests.factories.accounts import client_of
from tests.factories.exports import make_archive, make_export, make_export_bench
from tests.factories.governance import Bench
from tests.factories.imports import make_failed_import
from tests.factories.speech import make_recording, make_task, silence

pytestmark = pytest.mark.django_db

LINES = 'reactor pH=7.1,state="foaming" 1772442000000000000\n'


@pytest.fixture
def bench() -> Bench:
    """A running session with an imported file, a body that says more than readings, a recording and a transcript."""
    bench = make_export_bench(ended=False)
    make_failed_import(bench.session, by=bench.lead)
    make_recording(bench.session, by=bench.lead, name="../spoken")
    make_task(bench.session, by=bench.lead, name="heard", status="done")
    answer = client_of(bench.lead).post(
        f"/influx/{bench.session.public_id}/api/v2/write?precision=ns", LINES, content_type="text/plain"
    )
    assert answer.status_code == 204, answer.content
    return bench


def test_originals_are_packed_as_they_came_and_the_dossier_names_each(bench: Bench, tmp_path: Path) -> None:
    export = make_archive(bench)

    path = tmp_path / "a.eln"
    path.write_bytes(b"".join(storage.read(export.artifact_name)))
    report = check(path)
    held = kit.members(path.read_bytes())
    assert (report.valid, report.first_bad) == (True, None)
    assert held["data/raw/01-bench.csv"] == b"time,pH\n"
    assert held["data/audio/03-spoken.wav"] == silence()
    (body,) = map(json.loads, held["data/raw/02-bodies.jsonl"].splitlines())
    assert base64.b64decode(body["body_base64"]).decode() == LINES
    heard = json.loads(held["data/transcripts/04-heard.json"])
    assert (heard["transcript"], heard["words"][0]["word"], heard["confirmed_by"]) == ("Foam rises.", "Foam", None)
    narrative = held["data/narrative.md"].decode()
    for original in export.originals.select_related("frozen"):
        assert original.frozen_id in narrative.partition("## Originals")[2]


def test_what_is_heard_later_changes_nothing_that_was_frozen(bench: Bench) -> None:
    export = make_export(bench)
    before = {original.frozen_id for original in export.originals.all()}

    Transcript.objects.filter(audio_chunk_id="heard").update(transcript="Foam fell.")
    later = make_export(bench)

    assert {original.frozen_id for original in NarrativeExport.objects.get(pk=export.pk).originals.all()} == before
    assert later.content_id != export.content_id
    assert len({original.frozen_id for original in later.originals.all()} - before) == 1


def test_an_original_that_was_changed_in_the_store_is_not_exported(bench: Bench, tmp_path: Path) -> None:
    job = ImportJob.objects.get()
    (tmp_path / "other").write_bytes(b"time,pO2\n")
    storage.put(tmp_path / "other", job.stored_as)
    before = FrozenObject.objects.count()

    with pytest.raises(Conflict) as refused:
        make_export(bench)

    assert refused.value.code == "original_changed"
    assert (NarrativeExport.objects.count(), FrozenObject.objects.count()) == (0, before)
