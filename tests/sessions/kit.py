"""What the bench's tests share: a client that is signed in, and everything a refusal must leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from rest_framework.test import APIClient

from biolab.accounts.models import User
from biolab.kernel import append_only
from sessions_app.models import Checkpoint, LabSession, Protocol, ProtocolVersion, Step, TimelineEvent

CONSOLE = "/api/experiment-console/sessions"


def client_of(person: User) -> APIClient:
    """Return a client whose requests come from ``person``."""
    client = APIClient()
    client.force_authenticate(person)
    return client


def all_that_is_written() -> list[list[tuple[Any, ...]]]:
    """Return every row of the bench, so that two calls are equal when nothing was written in between."""
    tables = (LabSession, Step, TimelineEvent, Checkpoint, Protocol, ProtocolVersion)
    return [list(table.objects.order_by("pk").values_list()) for table in tables]


@contextmanager
def triggers_dropped() -> Iterator[None]:
    """Drop the append-only triggers for a while, as the owner of the database could, inside a test's transaction."""
    connection.check_constraints()  # PostgreSQL alters no table that deferred checks still wait for
    with append_only.lifted():
        yield
        connection.check_constraints()


def kinds(session: LabSession) -> list[str]:
    """Return the kinds of the session's events, oldest first."""
    return list(session.events.order_by("sequence").values_list("kind", flat=True))
