"""A crowd of sockets that count what they hear, cheap enough to keep up with the server they measure."""

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

ADMITTED = b'"connected"'
AT_ONCE = 25
PING, TEXT = 9, 1


class Crowd:
    """The frames of one event that some sockets have heard together, each with when it came."""

    def __init__(self, event: str) -> None:
        self.begins = tuple(f'{{"event":{space}"{event}"'.encode() for space in ("", " "))
        self.heard_at: list[float] = []
        self._news = asyncio.Event()

    def hear(self) -> None:
        self.heard_at.append(time.monotonic())
        self._news.set()

    async def wait_for(self, count: int, *, timeout_s: float = 120) -> None:
        """Return once ``count`` of them were heard, or when no more came in time."""
        deadline = time.monotonic() + timeout_s
        while len(self.heard_at) < count and time.monotonic() < deadline:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                return


class Listener(asyncio.Protocol):
    """One socket; parses frames, answers pings and drops what it has read."""

    def __init__(self, crowd: Crowd, request: bytes) -> None:
        self.admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._crowd = crowd
        self._request = request
        self._rest = b""
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.admitted.done():
            self.admitted.set_exception(error or ConnectionError("closed before it was admitted"))

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            self._open = True
        at = 0
        while len(data) >= at + 4:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            if len(data) < start + size:
                break
            self._frame(data[at] & 15, data[start : start + size])
            at = start + size
        self._rest = data[at:]

    def _frame(self, opcode: int, body: bytes) -> None:
        if opcode == TEXT and body.startswith(self._crowd.begins):
            self._crowd.hear()
        elif opcode == TEXT and not self.admitted.done() and ADMITTED in body:
            self.admitted.set_result(None)
        elif opcode == PING:
            self.transport.write(bytes([0x8A, 0x80 | len(body), 0, 0, 0, 0]) + body)


async def gather(
    url: str, count: int, headers: Mapping[str, str], *, event: str = "note.created"
) -> tuple[Crowd, list[Listener]]:
    """Connect ``count`` sockets that count ``event`` and return them once all were admitted."""
    parts, crowd, doors = urlsplit(url), Crowd(event), asyncio.Semaphore(AT_ONCE)
    given = {
        "Host": parts.netloc,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        **headers,
    }
    asked = f"GET {parts.path or '/'} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.items())

    async def one() -> Listener:
        async with doors:
            loop = asyncio.get_running_loop()
            _, listener = await loop.create_connection(
                lambda: Listener(crowd, f"{asked}\r\n".encode()), parts.hostname, parts.port
            )
            await listener.admitted
            return listener

    return crowd, await asyncio.gather(*(one() for _ in range(count)))
