"""Files: kept as received with their digest, bounded, and only for who may; orphans are swept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from biolab.accounts.roles import Role
from biolab.kernel import storage
from biolab.kernel.errors import Forbidden, Invalid, Refusal, TooLarge
from sessions_app.errors import SessionEnded
from sessions_app.models import LabFile, LabSession
from sessions_app.services.files import keep_file, open_file, sweep_files
from tests.factories.notebook import PNG, make_file
from tests.factories.sessions import NINE, SessionFactory, make_member
from tests.sessions.kit import kinds

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


def stored() -> set[str]:
    return set(storage.names_under("files"))


def test_a_file_is_kept_as_received_and_told_on_the_timeline(session: LabSession) -> None:
    file = make_file(session.created_by, session, PNG, filename="gel.png", description="Lane 3")

    assert (file.file_type, file.size, file.sha256) == ("image/png", len(PNG), hashlib.sha256(PNG).hexdigest())
    with open_file(file) as source:
        assert source.read() == PNG
    assert session.events.get(kind="file.uploaded").payload == {
        "file_id": file.public_id,
        "filename": "gel.png",
        "file_type": "image/png",
        "file_size": len(PNG),
        "sha256": file.sha256,
        "late_entry": False,
        "reason": "",
    }


@pytest.mark.parametrize(
    ("name", "data", "refusal"),
    [
        ("empty.txt", b"", Invalid),
        ("gel.png", b"<html><script>", Invalid),
        ("gel.png", PNG + b"<script>alert(1)</script>", Invalid),
        ("big.bin", b"\x00" * 2001, TooLarge),
    ],
)
def test_a_refused_file_leaves_nothing_behind(
    session: LabSession, settings: Any, name: str, data: bytes, refusal: type[Refusal]
) -> None:
    settings.UPLOAD_MAX_BYTES = 2000
    before, written = stored(), kinds(session)

    with pytest.raises(refusal):
        make_file(session.created_by, session, data, filename=name)

    assert not LabFile.objects.exists()
    assert (stored(), kinds(session)) == (before, written)
    assert not any(Path(storage.spool_folder()).iterdir())


def test_who_may_not_send_is_refused_before_a_byte_is_read(session: LabSession) -> None:
    def pieces() -> Iterator[bytes]:
        raise AssertionError("read")
        yield b""

    observer = make_member(session.team, Role.OBSERVER)
    with pytest.raises(Forbidden):
        keep_file(team=session.team, session=session, pieces=pieces(), filename="a", by=observer, at=NINE)

    assert not LabFile.objects.exists()


def test_a_file_for_an_ended_session_wants_a_reason_and_is_marked() -> None:
    session = SessionFactory(completed=True)
    with pytest.raises(SessionEnded):
        make_file(session.created_by, session)
    assert not LabFile.objects.exists()

    file = make_file(session.created_by, session, reason="Found on the camera")

    assert file.late_entry
    assert session.events.get(kind="file.uploaded").payload["reason"] == "Found on the camera"


def test_bytes_that_changed_in_storage_are_not_given_out(session: LabSession) -> None:
    file = make_file(session.created_by)
    with storage.workbench() as folder:
        storage.put(storage.measure([b"otherwise"], folder=folder, media_type="text/plain").path, file.stored_as)

    with pytest.raises(storage.IntegrityFailed):
        open_file(file)


def test_the_sweep_takes_old_files_that_no_row_names(session: LabSession) -> None:
    kept = make_file(session.created_by)
    with storage.workbench() as folder:
        storage.put(storage.measure([b"lost"], folder=folder, media_type="text/plain").path, "files/2026-03/lost")

    now = datetime.now(UTC)
    sweep_files(at=now)
    assert {"files/2026-03/lost", kept.stored_as} <= stored()
    sweep_files(at=now + timedelta(days=2))

    assert "files/2026-03/lost" not in stored()
    assert kept.stored_as in stored()
