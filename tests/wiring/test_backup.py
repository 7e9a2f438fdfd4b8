"""Backup, wipe, restore, verify: on SQLite and on PostgreSQL, with the tables that only grow guarded again."""

from __future__ import annotations

import shutil
import tarfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from biolab.accounts.models import User
from biolab.backup import box
from biolab.backup.databases import last_of
from biolab.kernel import keys, security
from biolab.kernel.models import SecurityEntry
from exports_app.models import FixityCheck, NarrativeExport
from exports_app.services.readings import stored_runs
from sessions_app.models import LabSession, TimelineEvent
from tests.conftest import empty_tables
from tests.exports.doors import client_of, path_of
from tests.factories.exports import make_archive, make_export_bench
from tests.factories.sessions import SessionFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(settings: Any, tmp_path: Path) -> Path:
    """A store and keys of this test alone."""
    store = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "store"}}
    settings.STORAGES = {**settings.STORAGES, "artifacts": store}
    settings.KEYS_DIR = tmp_path / "keys"
    keys.forget()
    return tmp_path


@pytest.fixture(autouse=True)
def _keys_of_the_run(house: Path) -> Any:
    yield
    keys.forget()


def run(command: str, *arguments: object) -> str:
    said = StringIO()
    call_command(command, *map(str, arguments), stdout=said)
    return said.getvalue()


def wipe(house: Path) -> None:
    empty_tables()
    shutil.rmtree(house / "store")
    shutil.rmtree(house / "keys")
    keys.forget()


def told_readings(session: LabSession) -> str:
    return repr([[repr(part) for part in run] for run in stored_runs(session)])


def test_annex_11_backup_wipe_restore_verify(house: Path) -> None:
    bench = make_export_bench(readings=200)
    export, key = make_archive(bench), keys.key_id()
    readings = told_readings(bench.session)
    events = list(TimelineEvent.objects.order_by("pk").values_list("pk", "canonical", "hash"))
    backup = house / "backup.tar"

    made = run("backup", backup)
    wipe(house)
    told = run("restore", backup)

    assert "SHA-256" in made
    assert backup.stat().st_mode & 0o077 == 0
    assert "1 sessions" in told
    assert " 0 wrong." in told
    assert keys.key_id() == key
    assert list(TimelineEvent.objects.order_by("pk").values_list("pk", "canonical", "hash")) == events
    assert told_readings(LabSession.objects.get()) == readings
    answer = client_of(User.objects.get(pk=bench.asker.pk)).get(path_of(bench.session, export, "artifact"))
    assert (answer.status_code, len(b"".join(answer.streaming_content))) == (200, export.artifact_size)
    assert security.verify().valid
    assert SecurityEntry.objects.order_by("-sequence").first().kind == "backup.restored"
    assert FixityCheck.objects.filter(objects_wrong=0).exists()
    with pytest.raises(DatabaseError), transaction.atomic():
        TimelineEvent.objects.update(hash="0" * 64)
    SessionFactory(team=bench.team, by=bench.lead)  # numbers that the database counts go on from where they were


def test_what_is_here_is_replaced_only_by_force(house: Path) -> None:
    bench = make_export_bench()
    backup = house / "backup.tar"
    run("backup", backup)
    later = SessionFactory(team=bench.team, by=bench.lead)

    with pytest.raises(CommandError, match=r"something here already: .* 2 sessions\. Use --force"):
        run("restore", backup)
    still = LabSession.objects.count()
    run("restore", backup, "--force")

    assert still == 2
    assert list(LabSession.objects.all()) == [bench.session]
    assert not LabSession.objects.filter(pk=later.pk).exists()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = data.index(b"-----") if b"-----" in data else len(data) // 3
    data[place] ^= 1
    path.write_bytes(data)


def put_something_outside(path: Path) -> None:
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))


def be_something_else(path: Path) -> None:
    path.write_bytes(b"no backup at all")


@pytest.mark.parametrize("damage", [cut_short, flip_a_bit, put_something_outside, be_something_else])
@pytest.mark.sqlite_only
def test_a_damaged_backup_touches_nothing(house: Path, damage: Any) -> None:
    make_archive(make_export_bench())
    backup = house / "backup.tar"
    run("backup", backup)
    damage(backup)

    with pytest.raises(CommandError):
        run("restore", backup, "--force")

    assert NarrativeExport.objects.get().artifact_status == "ready"
    assert not SecurityEntry.objects.filter(kind="backup.restored").exists()
    assert run("verify_artifacts").endswith(" 0 wrong.\n")


@pytest.mark.sqlite_only
def test_a_backup_never_overwrites_another_and_goes_into_a_folder_by_itself(house: Path) -> None:
    first = house / "one.tar"
    run("backup", first)

    with pytest.raises(CommandError, match="never overwrites"):
        run("backup", first)
    run("backup", house)
    run("backup", f"{house}/new/")

    assert [path.name for path in house.rglob("*.part")] == []
    assert len(list(house.glob("biolab-*.tar"))) == len(list(house.glob("new/biolab-*.tar"))) == 1


@pytest.mark.sqlite_only
def test_a_backup_of_another_database_or_a_newer_version_is_refused(house: Path) -> None:
    for number, about in enumerate(
        [
            b'{"format": 2}',
            b'{"format": 1, "engine": "postgresql", "migrations": []}',
            b'{"format": 1, "engine": "sqlite", "migrations": [["exports_app", "9999_to_come"]]}',
        ]
    ):
        with box.packing(house / f"{number}.tar") as packer:
            packer.add_bytes("backup.json", about)

        with pytest.raises(CommandError, match=r"newer version|postgresql database"):
            run("restore", house / f"{number}.tar", "--force")

    assert connection.vendor == "sqlite"


@pytest.mark.sqlite_only
def test_an_empty_database_is_told_the_fewest_migrations_that_bring_all_others() -> None:
    graph = MigrationLoader(None, ignore_no_migrations=True).graph

    told = last_of(graph, set(graph.nodes))

    plans = {each: set(graph.forwards_plan(each)) for each in told}
    assert set().union(*plans.values()) == set(graph.nodes)
    assert not [each for each in told if any(each in plan for other, plan in plans.items() if other != each)]
