"""Archives read back: verified first, kept as they are, readable for one team, and added to by nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from biolab.accounts.roles import PlatformRole, Role
from biolab.kernel import storage
from biolab.kernel.errors import Refusal
from exports_app.archive.sign import minisign_public_key
from exports_app.services.exports import ask_export
from exports_app.services.importing import import_archive
from exports_app.services.upkeep import verify_artifacts
from sessions_app.models import ImportedSession, LabSession, TimelineEvent
from sessions_app.services.files import keep_file
from sessions_app.services.notes import write_note
from sessions_app.services.sessions import change_session
from sessions_app.verification import verify_session
from telemetry_app import stores
from telemetry_app.models import Channel
from tests.exports import archive_kit as kit
from tests.exports.doors import client_of
from tests.factories.exports import make_archive, make_export_bench
from tests.factories.sessions import NINE, make_member, make_team

pytestmark = pytest.mark.django_db

KEY = minisign_public_key(kit.Key())


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of another laboratory: an ended session with steps, readings of two channels and four events."""
    contents = kit.contents()
    ended = replace(contents.facts.session, started_at=kit.STARTED, ended_at=kit.STARTED)
    path = tmp_path / "foreign.eln"
    path.write_bytes(kit.pack(replace(contents, facts=replace(contents.facts, session=ended))))
    return path


def administrator() -> Any:
    return make_member(None, role_on_platform=PlatformRole.ADMIN)


def test_a_session_comes_back_with_its_history_and_its_readings(archive: Path) -> None:
    team = make_team()
    Channel.objects.create(team=team, name="pH", unit="mV")

    session = import_archive(path=archive, team=team, by=administrator(), at=NINE, key=KEY)

    report = verify_session(session.pk)
    assert (report.valid, report.events, report.checkpoints) == (True, kit.EVENTS, 1)
    assert (session.public_id, session.status, session.name) == (kit.SESSION, "completed", "Fed-batch 12")
    hashes = list(session.events.order_by("sequence").values_list("hash", flat=True))
    lines = kit.members(archive.read_bytes())["data/events.jsonl"].decode().splitlines()
    assert hashes == [json.loads(line)["hash"] for line in lines]
    assert [step.instruction for step in session.steps.order_by("index")] == ["Inoculate", "Harvest"]
    held = Channel.objects.filter(pk__in=stores.current().summary(session.pk)).order_by("name")
    assert [(channel.name, channel.unit) for channel in held] == [("pH [1]", "1"), ("temperature", "1")]
    origin = ImportedSession.objects.get()
    assert b"".join(storage.read(origin.stored_as)) == archive.read_bytes()
    assert origin.sha256 == session.imported_from


def test_the_walk_through_the_store_looks_at_what_was_imported(archive: Path) -> None:
    import_archive(path=archive, team=make_team(), by=administrator(), at=NINE, key=KEY)
    kept = ImportedSession.objects.get().stored_as
    good = {found.name: found.trouble for found in verify_artifacts(at=NINE)}

    storage.remove(kept)
    gone = {found.name: found.trouble for found in verify_artifacts(at=NINE)}

    assert (good[kept], gone[kept]) == ("", "storage does not return it")


def test_the_team_reads_it_and_nobody_else_does(archive: Path) -> None:
    team = make_team()
    import_archive(path=archive, team=team, by=administrator(), at=NINE, key=KEY)

    reader = make_member(team, Role.LEAD)
    member, stranger = client_of(reader), client_of(make_member(make_team("Another"), Role.LEAD))

    path = f"/api/experiment-console/sessions/{kit.SESSION}/timeline"
    assert (member.get(path).status_code, stranger.get(path).status_code) == (200, 404)
    assert member.get(f"{path}/verify").json()["valid"] is True
    page = Client()
    page.force_login(reader)
    assert "Imported, read-only" in page.get(f"/sessions/{kit.SESSION}").content.decode()


def _rename(session: LabSession, by: Any) -> None:
    change_session(session=session, by=by, at=NINE, name="Mine", reason="Because.")


def _note(session: LabSession, by: Any) -> None:
    write_note(session=session, by=by, at=NINE, timestamp=NINE, content="Late.", reason="Because.")


def _file(session: LabSession, by: Any) -> None:
    keep_file(
        team=session.team, session=session, pieces=[b"a,b\n1,2\n"], filename="x.csv", by=by, at=NINE, reason="So."
    )


def _export(session: LabSession, by: Any) -> None:
    ask_export(session=session, by=by, at=NINE)


@pytest.mark.parametrize("write", [_rename, _note, _file, _export])
def test_nobody_adds_anything_to_it(archive: Path, write: Callable[[LabSession, Any], None]) -> None:
    team = make_team()
    session = import_archive(path=archive, team=team, by=administrator(), at=NINE, key=KEY)

    with pytest.raises(Refusal) as refused:
        write(session, make_member(team, Role.LEAD))

    assert refused.value.code == "session_imported"
    assert LabSession.objects.get(pk=session.pk).name == "Fed-batch 12"
    assert (verify_session(session.pk).valid, session.events.count()) == (True, kit.EVENTS)
    assert not session.notes.exists()
    assert not session.narrative_exports.exists()


def test_a_changed_event_of_an_imported_session_shows(archive: Path) -> None:
    session = import_archive(path=archive, team=make_team(), by=administrator(), at=NINE, key=KEY)
    LabSession.objects.filter(pk=session.pk).update(head_hash="00" * 32)

    assert verify_session(session.pk).valid is False


REFUSED: list[tuple[str, dict[str, str], str]] = [
    ("changed", {"key": KEY}, "archive_refused"),
    ("whole", {}, "key_unknown"),
    ("whole", {"key": minisign_public_key(kit.Key(2))}, "archive_refused"),
    ("running", {"key": KEY}, "session_not_ended"),
    ("no archive", {"key": KEY}, "archive_refused"),
    ("twice", {"key": KEY}, "session_exists"),
]


@pytest.mark.parametrize(("which", "given", "code"), REFUSED)
def test_what_may_not_be_read_back_leaves_nothing(
    archive: Path, tmp_path: Path, which: str, given: dict[str, str], code: str
) -> None:
    by, team = administrator(), make_team()
    if which == "changed":
        archive.write_bytes(archive.read_bytes().replace(b"Foam at 3 cm", b"Foam at 9 cm"))
    elif which == "running":
        archive.write_bytes(kit.pack())
    elif which == "no archive":
        archive.write_bytes(b"PK")
    elif which == "twice":
        import_archive(path=archive, team=team, by=by, at=NINE, key=KEY)
    before = LabSession.objects.count(), Channel.objects.count(), TimelineEvent.objects.count()

    with pytest.raises(Refusal) as refused:
        import_archive(path=archive, team=team, by=by, at=NINE, **given)

    assert refused.value.code == code
    assert (LabSession.objects.count(), Channel.objects.count(), TimelineEvent.objects.count()) == before


def test_only_administrators_import(archive: Path) -> None:
    team = make_team()

    with pytest.raises(Refusal, match="Only administrators"):
        import_archive(path=archive, team=team, by=make_member(team, Role.OWNER), at=NINE, key=KEY)

    assert not LabSession.objects.exists()


def test_an_archive_of_this_instance_needs_no_key_and_its_session_must_be_gone(tmp_path: Path) -> None:
    bench = make_export_bench(readings=3)
    export = make_archive(bench)
    path = tmp_path / "own.eln"
    path.write_bytes(b"".join(storage.read(export.artifact_name)))

    with pytest.raises(Refusal) as refused:
        import_archive(path=path, team=bench.team, by=administrator(), at=NINE)

    assert refused.value.code == "session_exists"


def test_the_command_prints_where_the_session_is_read(archive: Path) -> None:
    team, by, out = make_team(), administrator(), StringIO()

    call_command("import_archive", str(archive), team=team.name, by=by.email, key=KEY, stdout=out)

    told = json.loads(out.getvalue())
    assert (told["session_id"], told["events"], told["path"]) == (kit.SESSION, kit.EVENTS, f"/sessions/{kit.SESSION}")
    with pytest.raises(CommandError, match="here already"):
        call_command("import_archive", str(archive), team=team.public_id, by=by.email, key=KEY)
    with pytest.raises(CommandError, match="No team"):
        call_command("import_archive", str(archive), team="Nobody's", by=by.email, key=KEY)
