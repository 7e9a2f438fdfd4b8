"""Published snapshots whose text is no longer the one that was hashed: found, written down and told once each."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from biolab.accounts.models import User
from biolab.accounts.roles import PlatformRole
from biolab.accounts.services.notifications import notify
from biolab.accounts.states import Category, Priority
from biolab.kernel import security
from biolab.kernel.models import SecurityEntry
from governance_app.models import TemplateSnapshot

KIND = "template.drifted"


def report_drifted_snapshots(*, at: datetime) -> int:
    """Check every snapshot against its digest, report those that drifted since the last time, and return how many."""
    drifted = [snapshot for snapshot in TemplateSnapshot.objects.iterator(chunk_size=200) if snapshot.has_drifted]
    return sum(_report(snapshot, at=at) for snapshot in drifted)


@transaction.atomic
def _report(snapshot: TemplateSnapshot, *, at: datetime) -> bool:
    told = SecurityEntry.objects.filter(kind=KIND, canonical__contains=snapshot.public_id)
    if told.exists():
        return False
    notify(
        User.objects.filter(is_active=True, role=PlatformRole.ADMIN),
        title=f"The published template {snapshot} was changed behind its digest",
        message="Everything that would use it is refused. The snapshot's page shows the text as it is now.",
        category=Category.COMPLIANCE,
        priority=Priority.URGENT,
        action_url=f"/admin/governance_app/templatesnapshot/{snapshot.pk}/change/",
        key=f"{KIND}:{snapshot.public_id}",
        at=at,
    )
    security.note(KIND, person=None, at=at, snapshot_id=snapshot.public_id, digest=snapshot.digest)
    return True
