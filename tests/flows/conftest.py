"""The houses of the flows, in embedded mode and as service mode's processes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from biolab import private_services
from tests.faults import house
from tests.flows.live_lab import Lab
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


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[house.House]:
    with house.embedded(tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[house.House]:
    folder, database = tmp_path_factory.mktemp("live-service"), os.environ["BIOLAB_TEST_DATABASE_URL"]
    with (
        private_services.redis(tmp_path_factory.mktemp("redis")) as redis_url,
        house.service(folder, database_url=database, redis_url=redis_url, DEFAULT_TEAM_NAME="Main lab") as running,
    ):
        yield running


@pytest.fixture(params=["embedded", pytest.param("service", marks=pytest.mark.services)])
def lab(request: pytest.FixtureRequest) -> Lab:
    return Lab(request.getfixturevalue(request.param))
