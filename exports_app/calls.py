"""Calls to servers elsewhere: over when their time is over, whatever the server does, and read as they come."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

AS_IT_IS: Final = {"Accept-Encoding": "identity"}
"""Header of every call; with ``iter_raw``, so that a kilobyte on the wire is never a gigabyte here."""

_CONNECTED: Final = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})


@contextlib.contextmanager
def hung_up_after(seconds: float) -> Iterator[dict[str, Any]]:
    """Give a request's ``extensions``; its connection is cut when the time is over, wherever the answer stands.

    httpx bounds each wait alone: a server that sends a byte now and then, or one interim answer after the other, would
    be heard for ever.

    Raises:
        httpx.ReadTimeout: the time was over before the block was.
    """
    held: list[socket.socket] = []
    over = threading.Event()

    def cut() -> None:
        over.set()
        for one in held:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def told(event: str, info: Mapping[str, Any]) -> None:
        if event in _CONNECTED:
            held.append(info["return_value"].get_extra_info("socket"))
            if over.is_set():
                cut()

    timer = threading.Timer(max(0.0, seconds), cut)
    timer.daemon = True
    timer.start()
    try:
        yield {"trace": told}
    except (httpx.HTTPError, OSError) as error:
        if over.is_set():
            raise httpx.ReadTimeout("the time is over") from error
        raise
    finally:
        timer.cancel()
    if over.is_set():  # what ends with its connection may look whole
        raise httpx.ReadTimeout("the time is over")
