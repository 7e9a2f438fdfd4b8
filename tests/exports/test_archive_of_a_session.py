"""An archive that the whole house made, session to release, before the verifiers of other houses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bagit
import pytest

from biolab.cli import main as biolab
from biolab.kernel import keys
from exports_app import storage
from exports_app.archive.sign import minisign_public_key
from tests.exports import archive_kit as kit
from tests.exports.outside import crate_issues, import_problems, run_minisign
from tests.factories.exports import evidence_of, make_archive, make_export_bench

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    bench = make_export_bench(ended=True, readings=120)
    export = make_archive(bench, attachments=[evidence_of(bench.session, label="The beginning")], notes="For release.")
    path = tmp_path / "downloaded.eln"
    with storage.fetch(export.artifact_name, sha256=export.artifact_checksum) as file:
        path.write_bytes(file.read())
    return path


def test_all_five_verifiers_and_a_notebook_accept_it(archive: Path, tmp_path: Path) -> None:
    bag = kit.unpack(archive.read_bytes(), tmp_path / "unpacked")
    program = [sys.executable, "-I", "-S", str(bag / "data/verify.py")]

    inside = subprocess.run(program, capture_output=True, text=True, check=False)
    signature = run_minisign(bag, key=minisign_public_key(keys))

    bagit.Bag(str(bag)).validate()
    assert crate_issues(bag, tmp_path) == []
    assert signature.returncode == 0, signature.stderr
    assert inside.returncode == 0, inside.stdout
    assert biolab(["verify", str(archive), "--key", keys.public_key().hex()]) == 0
    assert import_problems(archive.read_bytes()) == []


def test_each_kind_of_damage_is_found_by_the_verifier_for_it(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = kit.unpack(archive.read_bytes(), tmp_path / "unpacked")
    note = bag / "data/narrative.md"
    note.write_bytes(note.read_bytes().replace(b"status", b"Status", 1))
    crate = bag / "ro-crate-metadata.json"
    graph = json.loads(crate.read_text())
    graph["@graph"][1].pop("datePublished")
    crate.write_text(json.dumps(graph))

    code = biolab(["verify", str(bag)])

    assert code == 1
    assert "WRONG bag: ro-crate-metadata.json: changed" in capsys.readouterr().out
    with pytest.raises(bagit.BagValidationError, match=r"data/narrative\.md"):
        bagit.Bag(str(bag)).validate()
    assert "Signature verification failed" in run_minisign(bag).stderr
    assert crate_issues(bag, tmp_path) != []
