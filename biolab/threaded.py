"""Pages and REST under ASGI: each request runs whole in one thread of a pool, as it does under WSGI.

Nothing behind an HTTP path here is asynchronous. Django's own ASGI handler would hop between the event loop and a
thread at every middleware, and start a thread, with a database connection of its own, for every request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import IO, Any, cast
from wsgiref.types import StartResponse, WSGIApplication

from asgiref.wsgi import WsgiToAsgiInstance

from biolab.bodies import REFUSAL, declared, spool

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_REPEATS = 100
"""How often a request may repeat one header."""
PLAIN_HEADERS = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]


class ClientGone(ConnectionError):
    """Nobody reads the answer any more."""


class Threaded:
    """Serves a WSGI application's HTTP to an ASGI server.

    Args:
        threads: how many requests run at once; the others wait.
        limit: largest body in bytes.
    """

    def __init__(self, application: WSGIApplication, *, threads: int, limit: int) -> None:
        self.application = application
        self.limit = limit
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with spool() as body:
            size = await self._receive(scope, receive, body)
            if size is None:
                return
            if size > self.limit:
                length = (b"content-length", str(len(REFUSAL)).encode())
                await send({"type": "http.response.start", "status": 413, "headers": [*PLAIN_HEADERS, length]})
                await send({"type": "http.response.body", "body": REFUSAL})
                return
            body.seek(0)
            exchange = _Exchange(self.application, scope, send)
            leaving = asyncio.create_task(exchange.watch(receive))
            try:
                work = partial(copy_context().run, exchange.run, body, size)
                for message in await asyncio.get_running_loop().run_in_executor(self.pool, work):
                    await send(message)
            finally:
                leaving.cancel()

    async def _receive(self, scope: Scope, receive: Receive, body: IO[bytes]) -> int | None:
        """Write the request's body down and return its size; None where the client went away in the middle.

        Of a body beyond the limit no more is read than shows that it is.
        """
        told = dict(scope["headers"]).get(b"content-length", b"").decode("latin-1")
        size = declared(told) if told else 0
        if size > self.limit:
            return size
        size, more = 0, True
        while more and size <= self.limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            body.write(chunk)
            more = message.get("more_body", False)
        return size


class _Exchange(WsgiToAsgiInstance):
    """One request and its answer; asgiref translates what each side says to the other."""

    def __init__(self, application: WSGIApplication, scope: Scope, send: Send) -> None:
        super().__init__(application, MOST_REPEATS)  # type: ignore[no-untyped-call]
        self.scope = scope
        self.send = send
        self.loop = asyncio.get_running_loop()
        self.gone = False

    async def watch(self, receive: Receive) -> None:
        """Note when the client goes away."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True

    def say(self, message: Message) -> None:
        """Send from the request's thread, and wait until the server has taken it.

        Raises:
            ClientGone: the client has gone away.
        """
        if self.gone:
            raise ClientGone
        asyncio.run_coroutine_threadsafe(self._send(message), self.loop).result()

    async def _send(self, message: Message) -> None:
        await self.send(message)

    def run(self, body: IO[bytes], size: int) -> Sequence[Message]:
        """Answer the request, and return what of the answer is left to send: all of it, unless it comes in pieces.

        A client that goes away ends the work on its answer.
        """
        try:
            environ = self.build_environ(self.scope, body)  # type: ignore[no-untyped-call]
        except ValueError:  # a header repeated without end
            return {"type": "http.response.start", "status": 400, "headers": []}, {"type": "http.response.body"}
        if environ.pop("HTTP_TRANSFER_ENCODING", "") or size:
            environ["CONTENT_LENGTH"] = str(size)
        answer = cast(Iterable[bytes], self.wsgi_application(environ, cast(StartResponse, self.start_response)))
        try:
            if isinstance(answer, list) or not getattr(answer, "streaming", True):
                return self.response_start, {"type": "http.response.body", "body": b"".join(answer)}
            self.say(self.response_start)
            for piece in answer:
                self.say({"type": "http.response.body", "body": piece, "more_body": True})
            return ({"type": "http.response.body"},)
        except ClientGone:
            return ()
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()
