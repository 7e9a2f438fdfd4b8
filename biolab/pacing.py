"""Daphne at the pace of its slowest reader: the next piece or frame waits until the last one has gone out.

Daphne itself takes every piece at once and keeps what the client has not read yet in memory, so that one slow reader of
a large file, or of a long timeline, would hold all of it there. And it leaves to Django what a form's body says:
Twisted would read every upload into memory once more, and hang up on a malformed one before anybody could say what is
wrong with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any
from weakref import WeakKeyDictionary

from daphne import http_protocol
from daphne.http_protocol import WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from biolab.heads import AnsweringChannel


class UnreadRequest(WebRequest):  # type: ignore[misc]
    """A request whose body nobody reads before the application does."""

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802  Twisted's name
        self._media_type = self.requestHeaders.getRawHeaders(b"content-type")
        self.requestHeaders.removeHeader(b"content-type")  # Twisted reads the forms that it recognises
        super().requestReceived(command, path, version)

    def process(self) -> None:
        """Hand the request on, whole again."""
        if self._media_type is not None:
            self.requestHeaders.setRawHeaders(b"content-type", self._media_type)
        super().process()


http_protocol.WebRequest = UnreadRequest  # what Daphne makes for every connection
http_protocol.HTTPFactory.protocol = AnsweringChannel


@implementer(IPushProducer)
class _Pace:
    """Told by the connection when it is full and when there is room again."""

    def __init__(self) -> None:
        self.room = asyncio.Event()
        self.room.set()

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        self.room.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self.room.set()

    def stopProducing(self) -> None:  # noqa: N802
        """Let whoever waits go on: the connection is gone, and the next piece finds that out."""
        self.room.set()


def _is_open(protocol: Any) -> bool:
    return isinstance(protocol, WebSocketProtocol) and protocol.state == protocol.STATE_OPEN


class PacedServer(Server):  # type: ignore[misc]
    """Daphne's server; sending a piece of an answer returns when there is room for the next."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._paces: MutableMapping[WebRequest | WebSocketProtocol, _Pace] = WeakKeyDictionary()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if message.get("type") == "websocket.close" and _is_open(protocol):
            # Its own way to close refuses the codes below 3000, 1008 among them.
            reason = message.get("reason") or ""
            protocol.sendCloseFrame(code=message.get("code", 1000), reasonUtf8=reason.encode())
            return
        if message.get("type") == "websocket.send" and _is_open(protocol):
            await self._send_frame(protocol, message)
            return
        if not isinstance(protocol, WebRequest) or message.get("type") != "http.response.body":
            await super().handle_reply(protocol, message)
            return
        if message.get("more_body"):
            if protocol not in self._paces and protocol.channel is not None:
                self._paces[protocol] = pace = _Pace()
                protocol.registerProducer(pace, True)
        elif self._paces.pop(protocol, None) is not None and protocol.channel is not None:
            protocol.unregisterProducer()
        await super().handle_reply(protocol, message)
        waiting = self._paces.get(protocol)
        if waiting is not None:
            await waiting.room.wait()

    async def _send_frame(self, protocol: WebSocketProtocol, message: dict[str, Any]) -> None:
        pace = self._paces.get(protocol)
        if pace is None:
            self._paces[protocol] = pace = _Pace()
            protocol.unregisterProducer()  # the HTTP channel that the connection began with
            protocol.registerProducer(pace, True)
        await super().handle_reply(protocol, message)
        await pace.room.wait()
