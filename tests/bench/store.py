"""The store by itself: readings in, folded, on disk and out again, beside rows with a primary key on PostgreSQL."""

from __future__ import annotations

from tempfile import TemporaryDirectory

from tests.bench.apart import own_database, tables_of
from tests.bench.table import Table

WORK = "tests.bench.store_work"


def store(folder: str) -> list[Table]:
    """Return what the store does with ten million readings of the bioreactor, on PostgreSQL and on SQLite.

    Args:
        folder: holds recordings as CSV, stored and measured too; empty for none.
    """
    with own_database("test_bench_store") as environment:
        tables = tables_of(WORK, BENCH_RECORDINGS=folder, **environment)
    with TemporaryDirectory(prefix="biolab-bench-") as data:
        here = {"BIOLAB_TEST_DATABASE_URL": "", "BIOLAB_TEST_REDIS_URL": "", "BIOLAB_TEST_DATA": data}
        tables += tables_of(WORK, BENCH_RECORDINGS=folder, **here)
    return tables
