"""Governance in numbers: how long they take to compute and to read again, at two sizes a factor of ten apart."""

from __future__ import annotations

from tests.bench.apart import own_database, tables_of
from tests.bench.table import Table


def analytics(_: str) -> list[Table]:
    """Return what the numbers of 1,000 and of 10,000 sessions take on PostgreSQL, with a hundred events in each."""
    with own_database("test_bench_analytics") as environment:
        return tables_of("tests.bench.governance_work", **environment)
