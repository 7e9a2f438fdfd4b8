"""One queue for the batches of readings that come to a session and for whoever ends it, so that neither starves.

On PostgreSQL a new ``FOR KEY SHARE`` slips past a waiting ``FOR UPDATE`` as long as any other is held: under steady
readings the end of a session would wait for ever. Advisory locks are given in the order in which they were asked for,
so both take one before they touch the row. SQLite has one writer at a time and needs none.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection

TURNSTILE = 0x62_69_6F_74
"""The first half of the lock's key; the second is made of the session's."""

OUTSIDE = UUID(int=0)
"""Stands for readings outside any session, which share one turnstile."""

PASSING = "pg_advisory_xact_lock_shared(%s, uuid_hash(%s))"
"""To stand first in a FROM that then locks the session's row; takes :func:`key`."""


def key(session_id: UUID | None) -> list[int | UUID]:
    """Return the parameters that name a session's turnstile."""
    return [TURNSTILE, session_id or OUTSIDE]


def pass_through(session_id: UUID | None) -> None:
    """Let this transaction through, beside others; it waits for one that holds the turnstile or asked for it before."""
    _ask(f"SELECT 1 FROM {PASSING}", session_id)  # noqa: S608


def close(session_id: UUID | None) -> None:
    """Hold the turnstile until the transaction ends, once everybody has left who came before."""
    _ask("SELECT pg_advisory_xact_lock(%s, uuid_hash(%s))", session_id)


def _ask(statement: str, session_id: UUID | None) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(statement, key(session_id))
