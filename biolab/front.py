"""One address for tries: passes sockets to the live server and everything else to the web server.

Real installations use a real proxy (see ``deploy/nginx.conf``). This one reads the head of a connection's first
request, chooses a server by its path and from there on only copies bytes. The web server is asked to end the
connection with its answer, for the next request may be a socket's that polls; the live server could serve any.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine

from biolab.heads import HEAD_MAX, LINE_MAX, refusal, too_long

BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"

Address = tuple[str, int]


def is_live(head: bytes) -> bool:
    """Return whether a request's head asks for a socket."""
    line = head.split(b"\r\n", 1)[0]
    target = line.split(b" ")[1] if line.count(b" ") >= 2 else b""
    return target.startswith(b"/ws/") or b"\nupgrade: websocket" in head.lower()


def alone(head: bytes) -> bytes:
    """Return a request's head that asks for the connection to end with the answer."""
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith((b"connection:", b"keep-alive:"))]
    return b"\r\n".join([*kept, b"Connection: close", b"", b""])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # either end may be gone at any time
        while data := await reader.read(HEAD_MAX):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _handler(
    web: Address, live: Address
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            to_live = is_live(head)
            upstream_reader, upstream = await asyncio.open_connection(*(live if to_live else web))
        except asyncio.IncompleteReadError:
            writer.close()
            return
        except asyncio.LimitOverrunError:
            writer.write(refusal(too_long(await reader.read(LINE_MAX))))
            writer.close()
            return
        except OSError:
            writer.write(BAD_GATEWAY)
            writer.close()
            return
        upstream.write(head if to_live else alone(head))
        try:
            await asyncio.gather(_copy(reader, upstream), _copy(upstream_reader, writer))
        finally:
            upstream.close()
            writer.close()

    return handle


async def pass_on(*, listen: Address, web: Address, live: Address) -> None:
    """Listen and pass connections on until cancelled; then those that are open end, too."""
    handle, handlers = _handler(web, live), set[asyncio.Task[None]]()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handle(reader, writer))
        handlers.add(task)
        task.add_done_callback(handlers.discard)

    server = await asyncio.start_server(take, *listen, limit=HEAD_MAX)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
