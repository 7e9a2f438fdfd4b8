"""The main job's houses: embedded mode, and service mode's processes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from biolab import private_services
from tests.faults import house
from tests.flows.main_job import Job

EMBEDDED = pytest.param("embedded", marks=[pytest.mark.sqlite_only])
SERVICE = pytest.param("service", marks=[pytest.mark.services])


@pytest.fixture(scope="module", params=[EMBEDDED, SERVICE])
def job(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """Give a session that runs, in a house of its own."""
    folder = tmp_path_factory.mktemp("main-job")
    if request.param == "embedded":
        with house.embedded(folder) as running:
            yield Job(running)
        return
    database = os.environ["BIOLAB_TEST_DATABASE_URL"]
    with (
        private_services.redis(tmp_path_factory.mktemp("redis")) as redis_url,
        house.service(folder, database_url=database, redis_url=redis_url) as running,
    ):
        yield Job(running)
