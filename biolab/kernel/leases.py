"""Leases: a row is the job, whoever holds its lease works at it, and Celery is only the doorbell.

A worker that dies leaves a lease that runs out, and a sweep rings for another. A worker that was only slow finds that
its lease is gone and must not publish what it made.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from celery import current_app
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=30)
RENEW_EVERY_S: Final = 8.0
LONGEST: Final = timedelta(minutes=30)
FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 600.0

Clock = Callable[[], datetime]


class LeaseLost(Exception):
    """Somebody else has the job now, or nobody needs it any more."""


@contextlib.contextmanager
def kept_lease(mine: QuerySet[Any], clock: Clock) -> Iterator[None]:
    """Renew a lease from a thread beside the work, for half an hour at most.

    Args:
        mine: the job's row as long as the lease is this worker's; its ``lease_until`` is moved on.
    """
    done = threading.Event()
    last = clock() + LONGEST

    def renew() -> None:
        try:
            while not done.wait(RENEW_EVERY_S) and clock() < last:
                with contextlib.suppress(DatabaseError):  # the next turn may find the database again
                    if not mine.update(lease_until=clock() + LEASE):
                        return
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def pause_after(tries: int) -> timedelta:
    """Return how long to wait after the ``tries``-th failure: longer each time, and never all at once."""
    wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (tries - 1))
    return timedelta(seconds=wait_s * random.uniform(0.5, 1.5))  # noqa: S311  no secret


def knock(task: str, job_id: str) -> None:
    """Ring for a worker; a broker that is down is no trouble, since a sweep rings again."""
    try:
        current_app.send_task(task, args=[job_id], retry=False)
    except (OperationalError, OSError):
        log.warning("the broker did not take a job; the sweep will ring again", task=task, job_id=job_id)
