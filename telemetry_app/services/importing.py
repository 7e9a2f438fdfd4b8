"""Files of readings: looked into, kept as received, and queued; ``import_job`` takes them in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
import structlog
from django.conf import settings
from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.policies import require, require_scope
from biolab.accounts.roles import Right, Scope
from biolab.kernel import storage
from biolab.kernel.leases import knock
from sessions_app import timeline
from sessions_app.models import LabSession
from telemetry_app.facts import ImportQueued
from telemetry_app.ingest.files import look_into
from telemetry_app.ingest.files_layout import Layout, Sample, Wish
from telemetry_app.ingest.files_rows import FileReader
from telemetry_app.instants import to_us
from telemetry_app.models import ImportJob
from telemetry_app.services.ingest import require_live
from telemetry_app.states import IMPORT_MACHINE, RETRY_IMPORT

log = structlog.get_logger(__name__)

RUN: Final = "telemetry.run_import"
FOLDER: Final = "imports"
ANY: Final = "application/octet-stream"
SHOWN_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Glance:
    """What a file would give: how it is read, its first rows as they are, its first readings, what is wrong there."""

    layout: Layout
    sample: Sample
    readings: list[tuple[int, str, float, str]]
    wrong: list[str]


def ask_import(
    *, session: LabSession, pieces: Iterable[bytes], file_name: str, wish: Wish, by: User, at: datetime
) -> ImportJob:
    """Keep a file of readings as it was received, queue its import and return the job.

    Args:
        pieces: the file's bytes; read only once it is clear that the person may send them.

    Raises:
        Forbidden: the person's role or token does not allow it.
        SessionEnded, SessionNotRunning: the session takes no readings now.
        TooLarge: the file is larger than ``UPLOAD_MAX_BYTES``.
        Invalid: it cannot be told how the file is to be read.
        StorageUnreachable: the file could not be kept.
    """
    require_importer(session, by)
    require_live(session.status)
    with storage.workbench() as folder:
        kept = storage.measure(pieces, folder=folder, media_type=ANY, limit=settings.UPLOAD_MAX_BYTES)
        layout, _ = look_into(kept.path, wish)
        job = ImportJob(
            session=session,
            asked_by=by,
            token=by.credential,
            file_name=file_name,
            format=layout.format,
            size=kept.size,
            sha256=kept.sha256,
            mapping=msgspec.to_builtins(layout),
            created_at=at,
        )
        job.stored_as = f"{FOLDER}/{session.public_id}/{job.public_id}"
        storage.put(kept.path, job.stored_as)
    with transaction.atomic():
        session = LabSession.objects.hold(session.pk)
        require_live(session.status)
        job.save(force_insert=True)
        fact = ImportQueued(id=job.public_id, file_name=file_name, sha256=job.sha256, size=job.size)
        timeline.record(session, fact, by=by, at=at)
        transaction.on_commit(partial(knock, RUN, str(job.pk)), robust=True)
    return job


def preview_import(*, session: LabSession, pieces: Iterable[bytes], wish: Wish, by: User, at: datetime) -> Glance:
    """Return what a file, or the beginning of a CSV file, would give; nothing of it is kept.

    Raises:
        As :func:`ask_import`.
    """
    require_importer(session, by)
    with storage.workbench() as folder:
        kept = storage.measure(pieces, folder=folder, media_type=ANY, limit=settings.UPLOAD_MAX_BYTES)
        layout, sample = look_into(kept.path, wish)
        with kept.path.open("rb") as file:
            reader = FileReader(file, layout, to_us(at))
            rows = next(reader.rows(), None)
            wrong = [str(one) for one in reader.wrong()]
    readings = []
    if rows is not None:
        shown = zip(rows.times.tolist(), rows.index.tolist(), rows.values.tolist(), strict=True)
        readings = [(us, rows.names[place], value, rows.units[place]) for us, place, value in list(shown)[:SHOWN_ROWS]]
    return Glance(layout, sample, readings, wrong)


def retry_import(*, job: ImportJob, by: User, at: datetime) -> ImportJob:
    """Queue an import that failed once more; it goes on where it stopped.

    Raises:
        Forbidden: the person's role or token does not allow it.
        MoveRefused: it has not failed.
        SessionEnded, SessionNotRunning: the session takes no readings now.
    """
    require_importer(job.session, by)
    with transaction.atomic():
        session = LabSession.objects.hold(job.session_id)
        require_live(session.status)
        job = ImportJob.objects.select_related("session", "asked_by").get(pk=job.pk)
        IMPORT_MACHINE.make(RETRY_IMPORT, job)
        job.attempts, job.error, job.lease, job.lease_until, job.finished_at = 0, "", None, None, None
        job.save()
        transaction.on_commit(partial(knock, RUN, str(job.pk)), robust=True)
    return job


def due_imports(*, at: datetime) -> list[uuid.UUID]:
    """Return the jobs that nobody works at and whose time has come."""
    return list(ImportJob.objects.due(at).order_by("created_at").values_list("pk", flat=True)[:200])


def sweep_import_files(*, at: datetime) -> int:
    """Remove files older than a day that no job names, and return how many."""
    return storage.sweep_orphans(FOLDER, at=at, is_named=lambda name: ImportJob.objects.filter(stored_as=name).exists())


def require_importer(session: LabSession, by: User) -> None:
    """Refuse who may not send this session a file of readings.

    Raises:
        Forbidden: the person's role or token does not allow it.
    """
    require_scope(by, Scope.TELEMETRY_WRITE)
    require(by, Right.RUN, session.team_id)
