"""A pooled connection is looked at before its use: one that the server ended is replaced, one with news is kept."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]

MANY = 4


def server_process() -> int:
    """Use a connection of the pool as a request does, and return which process of the server it led to."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


def fill_the_pool() -> set[int]:
    """Return the processes of as many connections as were in use at once."""
    together = Barrier(MANY)

    def use(_number: int) -> int:
        connection.ensure_connection()
        together.wait(20)
        return server_process()

    with ThreadPoolExecutor(MANY) as threads:
        return set(threads.map(use, range(MANY)))


def test_connections_that_the_server_ended_fail_nobody() -> None:
    before = fill_the_pool()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    mine = connection.connection.info.backend_pid
    connection.close()

    after = {server_process() for _ in range(3 * MANY)}

    assert len(before) == MANY
    assert not (before - {mine}) & after
    assert all_are_back()


def all_are_back() -> bool:
    """Tell whether the pool has all its connections, the new ones too, which it opens in a thread of its own."""
    for _ in range(500):
        stats = connection.pool.get_stats()
        if stats["pool_available"] == stats["pool_size"]:
            return True
        time.sleep(0.01)
    return False


def test_a_connection_that_was_told_something_is_kept() -> None:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN news")
    listener = connection.connection.info.backend_pid
    teller = connection.pool.getconn()
    connection.close()
    teller.execute("NOTIFY news")
    connection.pool.putconn(teller)

    used = {server_process() for _ in range(connection.pool.get_stats()["pool_size"])}

    assert listener in used
