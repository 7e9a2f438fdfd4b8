"""Servers that never come to an end are hung up on in time, and what they pack small stays small."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from exports_app.calls import AS_IT_IS, hung_up_after
from exports_app.decks import images
from exports_app.decks.images import Fetched, fetch_picture

pytestmark = pytest.mark.sqlite_only

HEAD = b"HTTP/1.1 200 OK\r\n"
Say = Callable[[socket.socket], None]


@contextmanager
def saying(say: Say) -> Iterator[str]:
    """Give the address of a server that reads each request and then says what it likes."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                caller, _ = server.accept()
                with caller, suppress(OSError):
                    caller.recv(65536)
                    say(caller)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    finally:
        server.close()


def drip(before: bytes, drop: bytes) -> Say:
    def say(caller: socket.socket) -> None:
        caller.sendall(before)
        for _ in range(200):
            caller.sendall(drop)
            time.sleep(0.05)

    return say


ENDLESS = {
    "headers": drip(HEAD, b"X-More: 1\r\n"),
    "interim answers": drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a body of no length": drip(HEAD + b"\r\n", b"x"),
    "a body in chunks": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
}


@pytest.mark.parametrize("say", ENDLESS.values(), ids=ENDLESS)
def test_a_server_that_never_ends_is_hung_up_on(say: Say) -> None:
    began = time.monotonic()

    with (
        saying(say) as url,
        pytest.raises(httpx.ReadTimeout),
        hung_up_after(0.3) as watched,
        httpx.Client(timeout=5) as client,
        client.stream("GET", url, extensions=watched) as answer,
    ):
        list(answer.iter_raw())

    assert time.monotonic() - began < 3


def test_an_answer_in_time_is_left_alone() -> None:
    with (
        saying(lambda caller: caller.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")) as url,
        hung_up_after(5) as watched,
        httpx.Client() as client,
        client.stream("GET", url, headers=AS_IT_IS, extensions=watched) as answer,
    ):
        assert b"".join(answer.iter_raw()) == b"ok"


def fetch(url: str) -> Fetched:
    return fetch_picture(url, resolver=lambda host, port: ["127.0.0.1"], allowed=lambda address: True)


def test_a_picture_whose_headers_never_end_is_a_placeholder_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "LONGEST_S", 0.3)
    began = time.monotonic()

    with saying(ENDLESS["headers"]) as url:
        found = fetch(url)

    assert (found.data, found.trouble) == (None, "It took too long.")
    assert time.monotonic() - began < 3


def test_a_packed_picture_is_never_unpacked() -> None:
    packed = gzip.compress(bytes(100 * 1024 * 1024))
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

    with saying(lambda caller: caller.sendall(head + packed)) as url:
        found = fetch(url)

    assert (found.data, found.trouble) == (None, "It is no picture that can be read.")
