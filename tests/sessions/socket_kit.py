"""Opens sockets in a test, and reads them frame by frame."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from sessions_app.routing import websocket_urlpatterns


class OpenSocket:
    """A socket of the application under test, without a server in between."""

    def __init__(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        subprotocols: list[str] | None = None,
        routes: list[Any] = websocket_urlpatterns,
    ) -> None:
        raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        self.wire = WebsocketCommunicator(URLRouter(routes), path, headers=raw, subprotocols=subprotocols)
        self.accepted_protocol: str | None = None

    async def connect(self) -> None:
        accepted, self.accepted_protocol = await self.wire.connect(timeout=10)
        assert accepted

    async def frame(self, timeout_s: float = 5) -> dict[str, Any]:
        """Return the next frame."""
        output = await self.wire.receive_output(timeout=timeout_s)
        assert output["type"] == "websocket.send", output
        return json.loads(output["text"])

    async def until(self, event: str, timeout_s: float = 5) -> dict[str, Any]:
        """Return the next frame of this event; others before it are passed over."""
        async with asyncio.timeout(timeout_s):
            while True:
                frame = await self.frame(timeout_s)
                if frame.get("event") == event:
                    return frame

    async def events(self, number: int, timeout_s: float = 10) -> list[dict[str, Any]]:
        """Return the next ``number`` timeline events."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(timeout_s):
            while len(found) < number:
                frame = await self.frame(timeout_s)
                if frame.get("sequence") is not None:
                    found.append(frame)
        return found

    async def close_code(self, timeout_s: float = 5) -> int:
        """Return the code the server closes with; frames before it are passed over."""
        async with asyncio.timeout(timeout_s):
            while True:
                output = await self.wire.receive_output(timeout=timeout_s)
                if output["type"] == "websocket.close":
                    return int(output["code"])

    async def say(self, text: str) -> None:
        await self.wire.send_to(text_data=text)

    async def leave(self) -> None:
        await self.wire.disconnect()


@asynccontextmanager
async def socket(
    path: str,
    *,
    headers: dict[str, str] | None = None,
    subprotocols: list[str] | None = None,
    routes: list[Any] = websocket_urlpatterns,
) -> AsyncIterator[OpenSocket]:
    """Open a socket and leave it at the end, if it is still open."""
    opened = OpenSocket(path, headers, subprotocols, routes)
    await opened.connect()
    try:
        yield opened
    finally:
        await opened.leave()
