"""Speaks Socket.IO to the application in a test, packet by packet, without a server in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from channels.testing import WebsocketCommunicator

from sessions_app.live.engine import PATH, Server, mounted
from sessions_app.live.visitors import SessionServer


class IoClient:
    """A Socket.IO client by WebSocket: ``0{…}`` opens, ``40{…}`` connects, ``42[…]`` is an event.

    Clear ``reads`` and it is a client that takes nothing from its connection.
    """

    def __init__(self, server: Server, headers: dict[str, str] | None = None, query: str = "") -> None:
        self.server = server
        asked = [("Connection", "Upgrade"), ("Upgrade", "websocket"), *(headers or {}).items()]
        raw = [(name.lower().encode(), value.encode()) for name, value in asked]
        path = f"{PATH}/?EIO=4&transport=websocket{query}"
        application = mounted(server, None)

        async def read_when_wished(scope: Any, receive: Any, send: Any) -> None:
            async def out(message: Any) -> None:
                await self.reads.wait()
                await send(message)

            await application(scope, receive, out)

        self.reads = asyncio.Event()
        self.reads.set()
        self.wire = WebsocketCommunicator(read_when_wished, path, headers=raw)
        self.hello: dict[str, Any] = {}

    async def open(self) -> None:
        """Open the transport."""
        accepted, _ = await self.wire.connect(timeout=10)
        assert accepted
        self.hello = json.loads((await self.packet())[1:])

    async def connect(self, **auth: Any) -> str:
        """Connect with ``auth`` and return the answer's text: ``40…`` for yes, ``44…`` for no."""
        await self.say(f"40{json.dumps(auth) if auth else ''}")
        return await self.packet()

    async def refusal(self, **auth: Any) -> int:
        """Connect and return the code of the refusal."""
        answer = await self.connect(**auth)
        assert answer.startswith("44"), answer
        code: int = json.loads(answer[2:])["data"]["code"]
        return code

    async def packet(self, timeout_s: float = 5) -> str:
        """Return the next packet."""
        output = await self.wire.receive_output(timeout=timeout_s)
        assert output["type"] == "websocket.send", output
        return str(output["text"])

    async def event(self, timeout_s: float = 5) -> tuple[str, dict[str, Any]]:
        """Return the next event and its argument; the transport's pings are answered."""
        while (packet := await self.packet(timeout_s)) == "2":
            await self.say("3")
        assert packet.startswith("42"), packet
        name, argument = json.loads(packet[2:])
        return name, argument

    async def until(self, name: str, timeout_s: float = 5) -> dict[str, Any]:
        """Return the argument of the next event of this name; others before it are passed over."""
        async with asyncio.timeout(timeout_s):
            while True:
                found, argument = await self.event(timeout_s)
                if found == name:
                    return argument

    async def events(self, number: int, timeout_s: float = 10) -> list[tuple[str, int]]:
        """Return name and sequence of the next ``number`` timeline events."""
        found: list[tuple[str, int]] = []
        async with asyncio.timeout(timeout_s):
            while len(found) < number:
                name, frame = await self.event(timeout_s)
                if frame.get("sequence") is not None:
                    assert frame["event"] == name
                    found.append((name, frame["sequence"]))
        return found

    async def emit(self, event: str, *arguments: Any) -> None:
        await self.say("42" + json.dumps([event, *arguments]))

    async def say(self, text: str) -> None:
        await self.wire.send_input({"type": "websocket.receive", "text": text})

    async def end(self, timeout_s: float = 5) -> list[str]:
        """Return what comes until the server closes the transport."""
        packets = []
        async with asyncio.timeout(timeout_s):
            while (output := await self.wire.receive_output(timeout=timeout_s))["type"] != "websocket.close":
                packets.append(str(output["text"]))
        return packets


@asynccontextmanager
async def io_client(
    headers: dict[str, str] | None = None, *, query: str = "", server: Server | None = None
) -> AsyncIterator[IoClient]:
    """Open a client's transport, at a server of its own if none is given, and leave at the end."""
    own = server or SessionServer()
    client = IoClient(own, headers, query)
    await client.open()
    try:
        yield client
    finally:
        await client.wire.disconnect()
        if server is None:
            await own.shutdown()
