"""What the clock does for ladders and templates."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from governance_app.services import drift
from governance_app.services.deadlines import escalate_overdue_stages


@shared_task(name="monitor_narrative_approval_slas")
def monitor_narrative_approval_slas() -> int:
    """Escalate the stages that are past their due date; running it twice tells nobody twice."""
    return escalate_overdue_stages(at=timezone.now())


@shared_task(name="report_drifted_snapshots")
def report_drifted_snapshots() -> int:
    """Report the snapshots whose text was changed behind their digest; each is told once."""
    return drift.report_drifted_snapshots(at=timezone.now())
