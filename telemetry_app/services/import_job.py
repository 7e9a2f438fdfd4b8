"""Take files of readings in: checked as a whole, then stored batch by batch.

The row is the job and a lease says who is at work. A batch and the count of rows done commit together, and every batch
is named after the job and its place in the file, so a worker that dies costs a while and nothing is stored twice.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import IO, Final

import msgspec
import structlog
from django.db import transaction
from django.db.models import F, QuerySet

from biolab.accounts.models import User
from biolab.kernel import realtime, storage
from biolab.kernel.errors import Forbidden, Invalid, Refusal, Unavailable, Unreachable
from biolab.kernel.leases import LEASE, Clock, LeaseLost, kept_lease, pause_after
from sessions_app import timeline
from sessions_app.models import LabSession
from telemetry_app.facts import ImportFailed, ImportFinished
from telemetry_app.ingest.files import ERRORS_SHOWN
from telemetry_app.ingest.files_layout import Layout
from telemetry_app.ingest.files_rows import MAX_READINGS, FileReader
from telemetry_app.instants import to_us
from telemetry_app.models import Channel, ImportJob
from telemetry_app.services.ingest import ingest
from telemetry_app.states import FINISH_IMPORT, GIVE_UP_IMPORT, IMPORT_MACHINE, PAUSE_IMPORT, TAKE_IMPORT
from telemetry_app.units import same_unit

log = structlog.get_logger(__name__)

TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One worker's turn at a job."""

    job: ImportJob
    lease: uuid.UUID
    by: User
    clock: Clock

    @property
    def row(self) -> QuerySet[ImportJob]:
        """The job's row, as long as the lease is this worker's."""
        return ImportJob.objects.filter(pk=self.job.pk, lease=self.lease)


def run_import(*, job_id: uuid.UUID, clock: Clock) -> bool:
    """Take the job's readings in, if it is due, and tell whether this call finished it.

    Called twice, or for something that is not due, it does nothing. What goes wrong is written on the row, and tried
    again later, or given up.
    """
    attempt = _claim(job_id, clock)
    if attempt is None:
        return False
    job = attempt.job
    try:
        with kept_lease(attempt.row, clock), storage.fetch(job.stored_as, sha256=job.sha256) as file:
            if job.rows_total is None:
                _check(attempt, file)
                file.seek(0)
            _store(attempt, file)
            _finish(attempt)
    except LeaseLost:
        log.info("an import was called off", job_id=job.public_id)
        return False
    except Exception as error:
        log.info("an import failed", job_id=job.public_id, error=repr(error), exc_info=not isinstance(error, Refusal))
        _note_failure(attempt, error)
        return False
    return True


def _claim(job_id: uuid.UUID, clock: Clock) -> _Attempt | None:
    """Take the job, if it is due; None when there is nothing to do."""
    at = clock()
    session_id = ImportJob.objects.due(at).filter(pk=job_id).values_list("session_id", flat=True).first()
    if session_id is None:
        return None
    with transaction.atomic():
        session = LabSession.objects.hold(session_id)
        found = ImportJob.objects.due(at).select_related("session", "asked_by", "token").filter(pk=job_id).first()
        if found is None:
            return None
        if found.attempts >= TRIES:
            _give_up(session, found, "The worker stopped in the middle of it, again and again.", at)
            return None
        IMPORT_MACHINE.make(TAKE_IMPORT, found)
        lease = uuid.uuid4()
        found.lease, found.lease_until, found.attempts = lease, at + LEASE, found.attempts + 1
        found.save(update_fields=["status", "lease", "lease_until", "attempts"])
        by = found.asked_by
        by.credential = found.token
        return _Attempt(found, lease, by, clock)


def _check(attempt: _Attempt, file: IO[bytes]) -> None:
    """Read the whole file once; refuse it where any row is wrong, before any reading is stored."""
    job = attempt.job
    reader = FileReader(file, msgspec.convert(job.mapping, Layout), to_us(job.created_at))
    rows = readings = 0
    for part in reader.rows():
        rows, readings = rows + part.count, readings + part.index.size
        if len(reader.wrong()) >= ERRORS_SHOWN or readings > MAX_READINGS:
            break
    if wrong := reader.wrong():
        more = "These rows are wrong" if len(wrong) < ERRORS_SHOWN else "These are the first rows that are wrong"
        raise Invalid("\n".join([f"{more}; no reading was stored.", *map(str, wrong)]))
    if not readings:
        raise Invalid("The file holds no readings.")
    if readings > MAX_READINGS:
        raise Invalid(f"The file holds more than {MAX_READINGS} readings.")
    _check_units(job, reader.units)
    job.rows_total = rows
    if not attempt.row.update(rows_total=rows):
        raise LeaseLost
    _ring(job)


def _check_units(job: ImportJob, units: dict[str, str]) -> None:
    recorded = Channel.objects.in_use().filter(team_id=job.session.team_id, name__in=units).exclude(unit="")
    mixed = [
        f"“{name}” is recorded in {unit}, not in {units[name]}."
        for name, unit in recorded.order_by("name").values_list("name", "unit")
        if units[name] and not same_unit(units[name], unit)
    ]
    if mixed:
        raise Invalid("\n".join(["Units differ; no reading was stored.", *mixed[:ERRORS_SHOWN]]))


def _store(attempt: _Attempt, file: IO[bytes]) -> None:
    """Store the file's readings from the first row that is not stored yet, each batch with the count of rows done."""
    job = attempt.job
    received_us = to_us(job.created_at)
    read = 0
    for number, rows in enumerate(FileReader(file, msgspec.convert(job.mapping, Layout), received_us).rows()):
        read += rows.count
        if read <= job.rows_done:
            continue
        batch = rows.batch(received_us=received_us, batch_id=f"import:{job.public_id}:{number}")
        created = late = flagged = 0
        with transaction.atomic():
            if batch is not None:
                _require_still_allowed(attempt)
                counts = ingest(
                    session=job.session,
                    batch=batch,
                    by=attempt.by,
                    at=attempt.clock(),
                    body_sha256=job.sha256,
                    address_kind="import",
                ).counts
                created, late, flagged = counts.created, counts.late, counts.flagged
            told = attempt.row.update(
                rows_done=read, created=F("created") + created, late=F("late") + late, flagged=F("flagged") + flagged
            )
            if not told:
                raise LeaseLost
        job.rows_done = read
        _ring(job)


def _require_still_allowed(attempt: _Attempt) -> None:
    token, at = attempt.job.token, attempt.clock()
    if not attempt.by.is_active or (token is not None and not token.is_good(at)):
        raise Forbidden("Whoever asked for this import has no access any more.")


def _finish(attempt: _Attempt) -> None:
    at = attempt.clock()
    with transaction.atomic():
        session = LabSession.objects.hold(attempt.job.session_id)
        job = _held(attempt)
        IMPORT_MACHINE.make(FINISH_IMPORT, job)
        job.lease, job.lease_until, job.finished_at = None, None, at
        job.save()
        fact = ImportFinished(
            id=job.public_id, file_name=job.file_name, sha256=job.sha256, rows=job.rows_done, created=job.created
        )
        timeline.record(session, fact, by=attempt.by, at=at)
        transaction.on_commit(partial(_ring, job))


def _note_failure(attempt: _Attempt, error: Exception) -> None:
    """Write down that an attempt failed: tried again later, or given up where another try cannot help."""
    at = attempt.clock()
    hopeless = isinstance(error, Refusal) and not isinstance(error, Unreachable | Unavailable)
    told = str(error) if isinstance(error, Refusal) else f"{type(error).__name__} while importing."
    try:
        with transaction.atomic():
            session = LabSession.objects.hold(attempt.job.session_id)
            job = _held(attempt)
            if hopeless or job.attempts >= TRIES:
                _give_up(session, job, told, at)
                return
            IMPORT_MACHINE.make(PAUSE_IMPORT, job)
            job.lease, job.lease_until, job.error = None, at + pause_after(job.attempts), told
            job.save()
            transaction.on_commit(partial(_ring, job))
    except LeaseLost:
        log.info("a failed attempt had lost its lease", job_id=attempt.job.public_id)


def _held(attempt: _Attempt) -> ImportJob:
    job = attempt.row.select_related("session").first()
    if job is None:
        raise LeaseLost
    return job


def _give_up(session: LabSession, job: ImportJob, error: str, at: datetime) -> None:
    IMPORT_MACHINE.make(GIVE_UP_IMPORT, job)
    if job.rows_done:
        error = f"{error}\n{job.rows_done} of {job.rows_total} rows had been stored by then, and stay."
    job.lease, job.lease_until, job.finished_at, job.error = None, None, at, error
    job.save()
    fact = ImportFailed(
        id=job.public_id,
        file_name=job.file_name,
        sha256=job.sha256,
        rows=job.rows_done,
        error=error.partition("\n")[0],
    )
    timeline.record(session, fact, by=None, at=at)
    transaction.on_commit(partial(_ring, job))


def _ring(job: ImportJob) -> None:
    """Tell whoever watches the session how far its import is."""
    realtime.ring(
        job.session.topic,
        import_id=job.public_id,
        import_status=job.status,
        rows_done=job.rows_done,
        rows_total=job.rows_total,
    )
