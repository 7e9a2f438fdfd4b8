"""Jobs of the exports. A task is a doorbell: what is to be done stands in the rows."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog
from celery import shared_task
from django.utils import timezone

from biolab.kernel import leases
from exports_app.services.decks import BUILD, build_deck, due_decks, sweep_deck_files
from exports_app.services.packaging import pack_export
from exports_app.services.stamps import STAMP, due_stamps, stamp_archive
from exports_app.services.upkeep import check_fixity, expire_artifacts, sweep_orphans, take_due

log = structlog.get_logger(__name__)

PACK: Final = "package_execution_narrative_export"


@shared_task(name=PACK)
def package_execution_narrative_export(export_id: str) -> bool:
    """Pack one export if it is due; may be delivered any number of times."""
    return pack_export(export_id=UUID(export_id), clock=timezone.now)


@shared_task(name="sweep_narrative_packaging")
def sweep_narrative_packaging() -> int:
    """Ring for every export that is due and that nobody works at: a lost message or a dead worker costs a while."""
    due = take_due(at=timezone.now())
    for export_id in due:
        knock(str(export_id))
    return len(due)


@shared_task(name=STAMP)
def stamp_narrative_artifact(stamp_id: str) -> bool:
    """Get one archive its time stamp if it is due; may be delivered any number of times."""
    return stamp_archive(stamp_id=UUID(stamp_id), clock=timezone.now)


@shared_task(name="sweep_time_stamps")
def sweep_time_stamps() -> None:
    """Ring for every archive that has no time stamp yet."""
    for stamp_id in due_stamps(at=timezone.now()):
        leases.knock(STAMP, str(stamp_id))


@shared_task(name=BUILD)
def build(job_id: str) -> bool:
    """Build one deck if it is due; may be delivered any number of times."""
    return build_deck(job_id=UUID(job_id), clock=timezone.now)


@shared_task(name="sweep_decks")
def sweep_decks() -> None:
    """Ring for every deck that nobody builds: a lost message or a dead worker costs a while."""
    for job_id in due_decks(at=timezone.now()):
        leases.knock(BUILD, str(job_id))


@shared_task(name="tidy_decks")
def tidy_decks() -> int:
    """Remove files that no deck names."""
    return sweep_deck_files(at=timezone.now())


@shared_task(name="keep_narrative_artifacts")
def keep_narrative_artifacts() -> int:
    """End retention where it is over, and remove stored objects that no row names."""
    now = timezone.now()
    return expire_artifacts(at=now) + sweep_orphans(at=now)


@shared_task(name="check_narrative_artifacts")
def check_narrative_artifacts() -> int:
    """Re-hash everything that is stored, write down what came of it, and return how many objects are wrong."""
    told = check_fixity(clock=timezone.now)
    for finding in told.findings:
        log.error("a stored object is wrong", **finding)
    return told.objects_wrong


def knock(export_id: str) -> None:
    """Ring for somebody to pack the export."""
    leases.knock(PACK, export_id)
