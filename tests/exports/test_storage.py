"""The store: whole or not at all, checked on the way back; the same on a folder and on a bucket."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import requests

from biolab.kernel.canonical import sha256
from exports_app import storage
from exports_app.errors import IntegrityFailed, StorageUnreachable
from tests.exports.buckets import make_bucket


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> str:
    """A store of this test alone."""
    backend: dict[str, Any] = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "store"},
    }
    if request.param == "bucket":
        backend = make_bucket()
    settings.STORAGES = {**settings.STORAGES, "artifacts": backend}
    settings.DATA_DIR = tmp_path
    return str(request.param)


def put(tmp_path: Path, data: bytes, name: str = "frozen/ab/one") -> str:
    path = tmp_path / "source"
    path.write_bytes(data)
    storage.put(path, name)
    return sha256(data)


def test_what_is_put_comes_back_checked(store: str, tmp_path: Path) -> None:
    data = os.urandom(3 * storage.CHUNK + 17)
    digest = put(tmp_path, data)

    with storage.fetch("frozen/ab/one", sha256=digest) as file:
        found = file.read()

    assert found == data
    assert list(storage.names_under("frozen")) == ["frozen/ab/one"]
    assert storage.stored_at("frozen/ab/one") is not None


def test_putting_again_replaces_and_never_renames(store: str, tmp_path: Path) -> None:
    put(tmp_path, b"first")

    digest = put(tmp_path, b"second")

    assert list(storage.names_under("frozen")) == ["frozen/ab/one"]
    with storage.fetch("frozen/ab/one", sha256=digest) as file:
        assert file.read() == b"second"


def test_other_bytes_than_expected_are_never_handed_over(store: str, tmp_path: Path) -> None:
    put(tmp_path, b"changed")

    with pytest.raises(IntegrityFailed) as refusal:
        storage.fetch("frozen/ab/one", sha256=sha256(b"original"))

    assert refusal.value.facts["observed"] == sha256(b"changed")


def test_what_is_not_there_is_unreachable_and_removing_it_is_fine(store: str) -> None:
    with pytest.raises(StorageUnreachable):
        storage.fetch("frozen/ab/none", sha256="0" * 64)

    storage.remove("frozen/ab/none")

    assert list(storage.names_under("frozen")) == []
    assert storage.stored_at("frozen/ab/none") is None


@pytest.mark.parametrize("store", ["folder"], indirect=True)
def test_a_full_disk_leaves_no_half_file(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(StorageUnreachable):
        put(tmp_path, b"data")

    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("store", ["bucket"], indirect=True)
def test_a_presigned_address_works_at_the_bucket_itself(store: str, tmp_path: Path) -> None:
    put(tmp_path, b"an archive", "narratives/x/v1/one.eln")

    url = storage.presigned_url("narratives/x/v1/one.eln", expires_in_s=60, filename="one.eln")

    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"an archive")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="one.eln"'
    assert requests.get(url.partition("?")[0], timeout=10).status_code == 403


def test_measuring_gives_size_and_digest(tmp_path: Path) -> None:
    measured = storage.measure([b"one ", b"two"], folder=tmp_path, media_type="text/plain")

    assert (measured.size, measured.sha256) == (7, sha256(b"one two"))
    assert storage.frozen_name(measured) == f"frozen/{measured.sha256[:2]}/{measured.sha256}"


def test_the_spool_leaves_nothing_behind(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path

    with storage.workbench() as folder:
        (folder / "file").write_bytes(b"x")

    assert list(storage.spool_folder().iterdir()) == []
