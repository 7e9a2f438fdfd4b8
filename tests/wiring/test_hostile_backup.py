"""A backup that somebody wrote on purpose: every digest fits, and nothing of it gets further than it should."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from biolab.accounts.models import User
from biolab.backup import box
from biolab.kernel import keys
from tests.factories.exports import make_export_bench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backup(settings: Any, tmp_path: Path) -> Any:
    """A backup of a lab whose store and keys are of this test alone."""
    store = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "store"}}
    settings.STORAGES = {**settings.STORAGES, "artifacts": store}
    settings.KEYS_DIR = tmp_path / "keys"
    keys.forget()
    make_export_bench()
    path = tmp_path / "backup.tar"
    call_command("backup", str(path))
    yield path
    keys.forget()


def written_anew(backup: Path, change: Any) -> Path:
    """Return the backup with its members changed and every digest made to fit."""
    with tarfile.open(backup) as tar:
        members = {one.name: tar.extractfile(one).read() for one in tar if one.name != box.SUMS}  # type: ignore[union-attr]
    change(members)
    path = backup.with_name("hostile.tar")
    with box.packing(path) as packer:
        for name, data in members.items():
            packer.add_bytes(name, data)
    return path


@pytest.mark.parametrize("name", ["objects//etc/passwd", "objects/./x", "keys//tmp/x", "objects/a/"])
def test_names_that_mean_another_place_are_refused_before_anything_is_touched(backup: Path, name: str) -> None:
    hostile = written_anew(backup, lambda members: members.update({name: b"x"}))

    with pytest.raises(CommandError, match="does not belong into a backup"):
        call_command("restore", str(hostile), "--force")

    assert User.objects.exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite goes back page by page")
def test_columns_are_names_and_nothing_but_names(backup: Path, tmp_path: Path) -> None:
    accounts, written = User._meta.db_table, tmp_path / "written"

    def change(members: dict[str, bytes]) -> None:
        told = json.loads(members["database/tables.json"])
        told["tables"][accounts] = f"\"id\") FROM PROGRAM 'touch {written}' --"
        members["database/tables.json"] = json.dumps(told).encode()

    with pytest.raises(CommandError, match=f"The columns of {accounts} are not those that are here"):
        call_command("restore", str(written_anew(backup, change)), "--force")

    assert User.objects.exists()
    assert not written.exists()
