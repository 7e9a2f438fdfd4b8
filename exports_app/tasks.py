"""Jobs of the exports. A task is a doorbell: what is to be done stands in the rows."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog
from celery import shared_task
from django.utils import timezone

from biolab.kernel import leases
from exports_app.services.packaging import pack_export
from exports_app.services.upkeep import expire_artifacts, sweep_orphans, take_due, verify_artifacts

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


@shared_task(name="keep_narrative_artifacts")
def keep_narrative_artifacts() -> int:
    """End retention where it is over, and remove stored objects that no row names."""
    now = timezone.now()
    return expire_artifacts(at=now) + sweep_orphans(at=now)


@shared_task(name="check_narrative_artifacts")
def check_narrative_artifacts() -> int:
    """Re-hash everything that is stored and return how many objects are wrong."""
    troubles = [finding for finding in verify_artifacts(at=timezone.now()) if finding.trouble]
    for finding in troubles:
        log.error("a stored object is wrong", name=finding.name, trouble=finding.trouble)
    return len(troubles)


def knock(export_id: str) -> None:
    """Ring for somebody to pack the export."""
    leases.knock(PACK, export_id)
