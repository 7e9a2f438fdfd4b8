"""What the clock does for ladders."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from governance_app.services.deadlines import escalate_overdue_stages


@shared_task(name="monitor_narrative_approval_slas")
def monitor_narrative_approval_slas() -> int:
    """Escalate the stages that are past their due date; running it twice tells nobody twice."""
    return escalate_overdue_stages(at=timezone.now())
