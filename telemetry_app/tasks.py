"""Jobs of the instruments."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from biolab.kernel.leases import knock
from telemetry_app.services import importing
from telemetry_app.services.import_job import run_import
from telemetry_app.services.sealing import compact_readings
from telemetry_app.services.silence import look_for_silence
from telemetry_app.services.watching import believe_the_calm

COMPACT_FROM = 2_000
"""Readings waiting in a session that are worth folding at once."""

COMPACT_AFTER = timedelta(minutes=2)
"""How long fewer may wait."""


@shared_task(name="telemetry.compact_readings", ignore_result=True)
def compact() -> None:
    """Fold waiting readings into chunks; may run twice at once, since each session is folded by one alone."""
    compact_readings(least=COMPACT_FROM, idle_before=timezone.now() - COMPACT_AFTER)


_UP_SINCE = timezone.now()


@shared_task(name="telemetry.look_for_silence", ignore_result=True)
def listen() -> None:
    """Notice channels that fell silent, are heard again or came to rest; may run twice at once."""
    at = timezone.now()
    look_for_silence(at=at, listening_since=_UP_SINCE)
    believe_the_calm(at=at)


@shared_task(name=importing.RUN)
def take_in(job_id: str) -> bool:
    """Take one file of readings in, if it is due; may be delivered any number of times."""
    return run_import(job_id=UUID(job_id), clock=timezone.now)


@shared_task(name="telemetry.sweep_imports", ignore_result=True)
def sweep_imports() -> None:
    """Ring for every import that nobody works at: a lost message or a dead worker costs a while."""
    for job_id in importing.due_imports(at=timezone.now()):
        knock(importing.RUN, str(job_id))


@shared_task(name="telemetry.sweep_import_files", ignore_result=True)
def sweep_import_files() -> None:
    """Remove files that were handed in and that no import names."""
    importing.sweep_import_files(at=timezone.now())
