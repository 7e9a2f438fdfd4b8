"""The kernel's clockwork: the heartbeat, and forgetting what has run out."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from biolab.kernel import health, security
from biolab.kernel.api.idempotency import forget_old_keys


@shared_task(ignore_result=True)
def heartbeat() -> None:
    """Write down that beat and a worker live."""
    health.beat(at=timezone.now())


@shared_task(ignore_result=True)
def forget_what_ran_out() -> None:
    """Delete idempotency keys older than a day and gates that are open again."""
    now = timezone.now()
    forget_old_keys(at=now)
    security.forget_old_gates(at=now)
