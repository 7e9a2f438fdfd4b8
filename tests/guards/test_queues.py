"""Every queue that a job may be put into has a worker that reads it, however BioLab is run."""

import re
from pathlib import Path

from django.conf import settings

from biolab.services_here import commands
from tests.guards.source import ROOT

QUEUES = {queue.name for queue in settings.CELERY_TASK_QUEUES}


def test_every_route_leads_to_a_queue_that_there_is() -> None:
    assert {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} <= QUEUES


def test_the_workers_of_service_mode_read_every_queue() -> None:
    worker = commands(host="127.0.0.1", web_port=1, live_port=2, data=Path("/nowhere"))["worker"]
    composed = re.search(r'-Q, "([\w,]+)"', (ROOT / "compose.yaml").read_text())

    assert set(worker[worker.index("-Q") + 1].split(",")) == QUEUES
    assert composed is not None
    assert set(composed[1].split(",")) == QUEUES
