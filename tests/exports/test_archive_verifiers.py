"""One archive, five verifiers that are not the program that packed it, and notebooks that import it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import bagit
import pytest

from exports_app.archive import verify
from tests.exports import archive_kit as kit
from tests.exports.outside import crate_issues, import_problems, run_minisign


@pytest.fixture(scope="module", params=["plain", "hostile"])
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive on disk; once with peaceful texts, once with hostile ones in every field."""
    wild = {"text": kit.HOSTILE, "filename": kit.HOSTILE_NAME}
    contents = kit.contents(**wild if request.param == "hostile" else {})  # type: ignore[arg-type]
    path = tmp_path_factory.mktemp("archive") / "session.eln"
    path.write_bytes(kit.pack(contents))
    return path


@pytest.fixture(scope="module")
def bag(archive: Path) -> Path:
    """The same archive, unpacked."""
    return kit.unpack(archive.read_bytes(), archive.parent)


def test_any_zip_program_opens_it_under_one_root_with_plain_names(archive: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
        damaged = file.testzip()

    assert damaged is None
    assert {name.split("/")[0] for name in names} == {"session-sess_01k0000000000000000000000a-v1"}
    assert names == sorted(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]+", name) and ".." not in name for name in names)


def test_bagit_py_validates_the_bag(bag: Path) -> None:
    bagit.Bag(str(bag)).validate()

    info = bagit.Bag(str(bag)).info
    assert info["External-Identifier"] == kit.EXPORT
    assert info["Left-Out"].startswith("narrative.pdf: ")


def test_rocrate_validator_accepts_the_crate_without_a_network(bag: Path, tmp_path: Path) -> None:
    issues = crate_issues(bag, tmp_path)

    assert issues == []


@pytest.mark.slow
def test_the_crate_validator_would_have_noticed(tmp_path: Path) -> None:
    bag = kit.unpack(kit.pack(), tmp_path)
    metadata = bag / verify.CRATE
    crate = json.loads(metadata.read_text())
    for node in crate["@graph"]:
        if node["@id"] == "./":
            del node["datePublished"]
    metadata.write_text(json.dumps(crate))

    issues = crate_issues(bag, tmp_path)

    assert "datePublished" in json.dumps(issues)


def test_minisign_accepts_the_signature_with_the_key_of_the_guide(bag: Path) -> None:
    run = run_minisign(bag)

    assert run.returncode == 0, run.stderr
    assert "Signature and comment signature verified" in run.stdout
    assert "Trusted comment: sess_01k0000000000000000000000a export 1 2026-03-02T17:30:01Z" in run.stdout


def test_minisign_notices_a_changed_crate(tmp_path: Path) -> None:
    bag = kit.unpack(kit.pack(), tmp_path)
    metadata = bag / verify.CRATE
    metadata.write_bytes(metadata.read_bytes().replace(b"Fed-batch", b"Fad-batch", 1))

    run = run_minisign(bag)

    assert run.returncode != 0
    assert "Signature verification failed" in run.stderr


def test_py_minisign_reads_the_same_signature(bag: Path) -> None:
    import minisign

    key = minisign.PublicKey.from_base64(re.search(rb"-P (\S+)", (bag / "data/VERIFY.md").read_bytes()).group(1))  # type: ignore[union-attr]
    signature = minisign.Signature.from_bytes((bag / verify.SIGNATURE_FILE).read_bytes())

    key.verify((bag / verify.CRATE).read_bytes(), signature)


def _verify_py(*arguments: str, program: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(program), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_verifier_inside_finds_the_bag_it_lies_in(bag: Path, tmp_path: Path) -> None:
    run = _verify_py(program=bag / "data/verify.py", cwd=tmp_path)

    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("ok ") == 7
    assert run.stdout.endswith("The archive is whole.\n")
    assert not list(bag.rglob("__pycache__")), "verifying must not add to the bag"


def test_the_verifier_takes_the_file_and_the_key(archive: Path, bag: Path, tmp_path: Path) -> None:
    own, other = kit.Key().public_key().hex(), kit.Key(2).public_key().hex()

    with_key = _verify_py(str(archive), "--key", own, program=bag / "data/verify.py", cwd=tmp_path)
    with_other = _verify_py(str(archive), "--key", other, program=bag / "data/verify.py", cwd=tmp_path)

    assert with_key.returncode == 0, with_key.stdout
    assert "container: one folder" in with_key.stdout
    assert with_other.returncode == 1
    assert "not made with the key you named" in with_other.stdout


def test_the_verifier_needs_nothing_but_an_old_standard_library(bag: Path) -> None:
    source = (bag / "data/verify.py").read_text()

    tree = ast.parse(source, feature_version=(3, 9))

    assert source == Path(verify.__file__).read_text()
    roots = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    roots |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {root.split(".")[0] for root in roots} <= sys.stdlib_module_names


def test_a_notebook_imports_every_part(archive: Path) -> None:
    problems = import_problems(archive.read_bytes())

    assert problems == []


def test_people_carry_address_and_both_names(archive: Path) -> None:
    people = [node for node in kit.crate(archive.read_bytes()).values() if node["@type"] == "Person"]

    assert people[0]["email"] == "ada@lab.invalid"
    assert all(person["familyName"] and person["givenName"] for person in people)


def test_the_web_page_asks_nobody_for_anything(bag: Path) -> None:
    page = (bag / verify.PREVIEW).read_text()

    assert "default-src 'none'" in page
    assert not re.search(r"<(script|img|iframe|link|object|embed|form|a|svg|base)\b", page, re.IGNORECASE)
    assert not re.search(r"<[^>]*\b(?:href|src|on\w+|style)\s*=", page.partition("<body>")[2], re.IGNORECASE)
