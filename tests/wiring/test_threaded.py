"""HTTP under ASGI: each request whole in one thread, its body whole and bounded, its answer piece by piece."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse

from biolab.threaded import Message, Threaded

LIMIT = 200_000
HANG_UP: Message = {"type": "http.disconnect"}
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def pieces_of(*chunks: bytes) -> list[Message]:
    last = len(chunks) - 1
    return [{"type": "http.request", "body": one, "more_body": i < last} for i, one in enumerate(chunks)]


class Caller:
    """A client of one request: says what it has to say, hears the answer and hangs up when told to."""

    def __init__(self, messages: list[Message], *headers: tuple[bytes, bytes]) -> None:
        self.messages = messages
        self.headers = headers
        self.heard: list[Message] = []
        self.hung_up = asyncio.Event()

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop(0)
        await self.hung_up.wait()
        return HANG_UP

    async def send(self, message: Message) -> None:
        self.heard.append(message)

    async def ask(self, app: App) -> None:
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": "/a",
            "query_string": b"",
            "headers": list(self.headers),
        }
        await Threaded(app, threads=2, limit=LIMIT)(scope, self.receive, self.send)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.heard)


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("X-Length", environ.get("CONTENT_LENGTH", "none"))])
    return [environ["wsgi.input"].read()]


@pytest.mark.parametrize("chunks", [[b"a"], [b"ab", b"", b"c"], [b"x" * 70_000, b"y" * 70_000]])
async def test_a_chunked_body_reaches_the_application_with_its_length(chunks: list[bytes]) -> None:
    caller = Caller(pieces_of(*chunks), (b"transfer-encoding", b"chunked"))

    await caller.ask(echo)

    assert caller.body == b"".join(chunks)
    assert caller.heard[0]["headers"] == [(b"x-length", str(len(caller.body)).encode())]


async def test_a_request_without_a_body_has_no_length() -> None:
    caller = Caller(pieces_of(b""))

    await caller.ask(echo)

    assert caller.heard[0]["headers"] == [(b"x-length", b"none")]


@pytest.mark.parametrize(
    ("chunks", "headers"),
    [([b"x" * LIMIT, b"y"], ()), ([b""], ((b"content-length", str(LIMIT + 1).encode()),))],
    ids=["as it comes", "as it is told"],
)
async def test_a_body_beyond_the_limit_is_refused(
    chunks: list[bytes], headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    reached: list[str] = []
    caller = Caller(pieces_of(*chunks), *headers)

    await caller.ask(lambda environ, _: reached.append("application") or [])  # type: ignore[func-returns-value]

    assert caller.heard[0]["status"] == 413
    assert json.loads(caller.body)["code"] == "body_too_large"
    assert reached == []


async def test_half_a_body_reaches_nobody() -> None:
    reached: list[str] = []
    caller = Caller([{"type": "http.request", "body": b"half", "more_body": True}, HANG_UP])

    await caller.ask(lambda environ, _: reached.append("application") or [])  # type: ignore[func-returns-value]

    assert (reached, caller.heard) == ([], [])


async def test_a_header_repeated_without_end_is_a_bad_request() -> None:
    caller = Caller(pieces_of(b""), *[(b"x-again", b"1")] * 200)

    await caller.ask(echo)

    assert caller.heard[0]["status"] == 400


async def test_a_plain_answer_is_closed_once_and_keeps_nothing_while_it_is_sent() -> None:
    closed: list[int] = []
    caller = Caller(pieces_of(b""))

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        answer = HttpResponse(b"whole")
        answer._resource_closers.append(lambda: closed.append(len(caller.heard)))  # type: ignore[attr-defined]
        return answer

    await caller.ask(app)

    assert caller.body == b"whole"
    assert closed == [0]


async def test_a_stream_is_handed_on_piece_by_piece_and_ends_when_the_client_goes() -> None:
    caller, taken, over = Caller(pieces_of(b"")), [], threading.Event()
    loop, go_on = asyncio.get_running_loop(), threading.Event()

    def pieces() -> Iterator[bytes]:
        try:
            for number in range(1000):
                taken.append(number)
                yield b"%d" % number
                if number == 1:
                    loop.call_soon_threadsafe(caller.hung_up.set)
                    go_on.wait(5)
        finally:
            over.set()

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return StreamingHttpResponse(pieces())

    asking = asyncio.create_task(caller.ask(app))
    await asyncio.wait_for(caller.hung_up.wait(), 5)
    await asyncio.sleep(0.01)
    go_on.set()
    await asking

    assert over.is_set()
    assert taken == [0, 1, 2]
    assert caller.body == b"01"
