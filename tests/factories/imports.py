"""Imports of files."""

from __future__ import annotations

from biolab.accounts.models import User
from biolab.kernel import storage
from sessions_app.models import LabSession
from telemetry_app.models import ImportJob
from telemetry_app.states import ImportStatus


def make_failed_import(session: LabSession, *, by: User) -> ImportJob:
    """Return an import of the session that was given up, with its file."""
    name = f"imports/{session.public_id}/given-up"
    with storage.workbench() as folder:
        kept = storage.measure([b"time,pH\n"], folder=folder, media_type="text/csv")
        storage.put(kept.path, name)
    return ImportJob.objects.create(
        session=session,
        asked_by=by,
        file_name="bench.csv",
        format="csv",
        size=kept.size,
        sha256=kept.sha256,
        stored_as=name,
        status=ImportStatus.FAILED,
        error="The artifact store does not answer as it should.",
    )
