"""The engines that the suite runs against."""

import pytest

from telemetry_app.stores import by_name
from telemetry_app.stores.base import ReadingStore
from tests.telemetry.engines import (  # noqa: F401  fixtures
    clickhouse_cluster_store,
    clickhouse_store,
    clickhouse_urls,
    plain_rows_store,
    timescale_store,
)

ENGINES = (
    "database",
    "plain_rows",
    "timescale",
    pytest.param("clickhouse", marks=pytest.mark.sqlite_only),
    pytest.param("clickhouse_cluster", marks=pytest.mark.sqlite_only),
)
"""Each has a fixture ``<name>_store``, which skips where the engine is absent."""


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest) -> ReadingStore:
    """Return the store of each engine in turn."""
    found: ReadingStore = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture
def database_store(db: None) -> ReadingStore:
    """Return the store that keeps readings in Django's own database."""
    return by_name("database")
