"""Many at once, each with a database connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections


def run_at_once(work: Callable[[Any], Any], subjects: Iterable[Any]) -> list[Any]:
    """Run ``work`` for every subject in a thread of its own, all starting together, and return what came out."""
    subjects = list(subjects)
    start = Barrier(len(subjects))

    def one(subject: Any) -> Any:
        start.wait(30)
        try:
            return work(subject)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(subjects)) as pool:
        return list(pool.map(one, subjects))


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """Return ``run_at_once``."""
    return run_at_once
