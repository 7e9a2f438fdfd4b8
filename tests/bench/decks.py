"""Decks of sessions: how long five slides by the facts engine take, at two sizes a factor of ten apart."""

from __future__ import annotations

from tests.bench.apart import own_database, tables_of
from tests.bench.table import Table


def deck(_: str) -> list[Table]:
    """Return what a deck of a session with 1,000 and with 10,000 events takes on PostgreSQL, half of them notes."""
    with own_database("test_bench_decks") as environment:
        return tables_of("tests.bench.decks_work", **environment)
