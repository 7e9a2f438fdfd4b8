"""Where sockets ask the database: a few threads of their own, so that pages never wait for them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, cast

from channels.db import database_sync_to_async
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

_POOL: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live")


def in_thread(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return ``function`` as a coroutine function that runs in one of the threads, with a connection of its own."""

    @wraps(function)
    def once(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()  # back to the pool at once: these threads wait far longer than they work

    return cast(
        Callable[P, Coroutine[Any, Any, T]], database_sync_to_async(once, thread_sensitive=False, executor=_POOL)
    )
