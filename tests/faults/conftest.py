"""Houses of real processes, shared by the tests of a module where nothing is broken on purpose."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import house


@pytest.fixture(scope="module")
def embedded_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[house.House]:
    """Give an embedded BioLab."""
    with house.embedded(tmp_path_factory.mktemp("embedded")) as running:
        yield running


@pytest.fixture(scope="module")
def service_house(tmp_path_factory: pytest.TempPathFactory, own_redis: str) -> Iterator[house.House]:
    """Give service mode's processes."""
    folder = tmp_path_factory.mktemp("service")
    with house.service(folder, database_url=os.environ["BIOLAB_TEST_DATABASE_URL"], redis_url=own_redis) as running:
        yield running


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a Redis that no other test uses, so that it may be stopped and its queues stay apart."""
    from biolab import private_services

    folder: Path = tmp_path_factory.mktemp("redis")
    with private_services.redis(folder) as url:
        yield url
