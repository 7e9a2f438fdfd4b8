"""The engines beside Django's own database, as private servers for the length of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.db import connection

from biolab import private_services
from telemetry_app.stores.clickhouse import ClickHouseRows
from telemetry_app.stores.rows import RowStore
from telemetry_app.stores.timescale import HyperRows, TableRows

CLUSTER = "lab"


@pytest.fixture(scope="session")
def clickhouse_urls() -> Iterator[list[str]]:
    """Give the addresses of two ClickHouse servers that know each other as the shards of a cluster."""
    with TemporaryDirectory(prefix="biolab-clickhouse-", ignore_cleanup_errors=True) as folder:
        try:
            servers = private_services.clickhouse(Path(folder), shards=2, cluster=CLUSTER)
            urls = servers.__enter__()
        except private_services.NotInstalled as missing:
            pytest.skip(str(missing))
        try:
            yield urls
        finally:
            servers.__exit__(None, None, None)


def _prepared(rows: ClickHouseRows) -> Iterator[RowStore]:
    rows.prepare()
    yield RowStore("clickhouse", rows)
    rows.server.close()


@pytest.fixture
def clickhouse_store(db: None, clickhouse_urls: list[str]) -> Iterator[RowStore]:
    """Give the store of a single server."""
    yield from _prepared(ClickHouseRows(clickhouse_urls[0]))


@pytest.fixture
def clickhouse_cluster_store(db: None, clickhouse_urls: list[str]) -> Iterator[RowStore]:
    """Give the store of a cluster of two shards."""
    yield from _prepared(ClickHouseRows(clickhouse_urls[1], CLUSTER))


@pytest.fixture
def plain_rows_store(db: None) -> RowStore:
    """Return the store of ``timescale`` on a plain table, which is all of it but the hypertable and its buckets."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")
    return _made(TableRows())


@pytest.fixture
def timescale_store(db: None) -> RowStore:
    """Return the store of ``timescale``."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'")
        if not cursor.fetchone()[0]:
            pytest.skip("needs the extension timescaledb, which this PostgreSQL has not")
    return _made(HyperRows())


def _made(rows: TableRows) -> RowStore:
    rows.prepare()
    return RowStore("timescale", rows)
