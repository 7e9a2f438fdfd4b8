"""Jobs of the bench."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from biolab.kernel.leases import knock
from sessions_app.services import files, logs, recordings, transcripts
from sessions_app.services.transcribing import run_transcription


@shared_task(name=transcripts.RUN)
def transcribe(task_id: str) -> bool:
    """Transcribe one recording, if it is due; may be delivered any number of times."""
    return run_transcription(task_id=UUID(task_id), clock=timezone.now)


@shared_task(name="speech.sweep", ignore_result=True)
def sweep_speech() -> None:
    """Ring for every recording that nobody works at: a lost message or a dead worker costs a while."""
    for task_id in recordings.due_speech(at=timezone.now()):
        knock(transcripts.RUN, str(task_id))


@shared_task(name="speech.tidy", ignore_result=True)
def tidy_recordings() -> None:
    """Remove recordings that were handed in and that no task names."""
    recordings.sweep_recordings(at=timezone.now())


@shared_task(name="files.tidy", ignore_result=True)
def tidy_files() -> None:
    """Remove files that were handed in and that no row names."""
    files.sweep_files(at=timezone.now())


@shared_task(name="logs.forget_old", ignore_result=True)
def forget_old_logs() -> None:
    """Delete what has been read in the instruments' log long ago."""
    logs.forget_old_logs(at=timezone.now(), days=settings.LOG_RETENTION_DAYS)
