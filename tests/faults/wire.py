"""A TCP proxy on loopback that can be slow, silent, cut off in the middle of a message, or closed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator


class Wire:
    """What the proxy does to bytes on their way; may be changed while it runs.

    ``latency_s`` delays every piece; ``is_silent`` swallows them; ``cut_after`` resets a connection once so many bytes
    went through it towards the server; ``is_down`` resets every connection at once.
    """

    def __init__(self, port: int) -> None:
        self.to = port
        self.port = 0
        self.heal()

    def heal(self) -> None:
        """Let everything through."""
        self.latency_s = 0.0
        self.is_silent = self.is_down = False
        self.cut_after: int | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        writers = [writer]
        try:
            if not self.is_down:
                server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.to)
                writers.append(server_writer)
                await asyncio.gather(self._pump(reader, server_writer, True), self._pump(server_reader, writer, False))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in writers:
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_upward: bool) -> None:
        passed = 0
        while piece := await reader.read(65536):
            while self.is_silent and not self.is_down:
                await asyncio.sleep(0.02)
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            passed += len(piece)
            if self.is_down or (is_upward and self.cut_after is not None and passed > self.cut_after):
                raise ConnectionResetError
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


@contextlib.contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    """Run the proxy in a thread, in front of a port of this machine."""
    wire, loop, ready = Wire(port), asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(wire.pass_on, "127.0.0.1", 0)
        wire.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            with contextlib.suppress(asyncio.CancelledError):
                await server.serve_forever()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner, contextlib.suppress(asyncio.CancelledError):
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield wire
    finally:
        wire.is_down = True
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        thread.join(10)
