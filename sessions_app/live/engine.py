"""Socket.IO's transports, polling and WebSocket, kept within the house's bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import engineio
import socketio
from django.conf import settings
from engineio.exceptions import SocketIsClosedError

from biolab.accounts.auth import is_known_origin
from biolab.kernel.api import decode

_log = logging.getLogger("biolab.socket_io")
_log.setLevel(logging.ERROR)  # below it the library writes down what clients send: their tokens

PATH: Final = "/ws/socket.io"
MAX_TEXT: Final = 65_536
PING_TIMEOUT_S: Final = 20
LOBBY_S: Final = 10.0
FAREWELL_S: Final = 2.0
MESSAGES_WAITING: Final = 12
"""How many messages wait for one client: python-engineio's own client takes no more than 16 packets at a time."""
PACKETS_WAITING: Final = 64

CONNECT, DISCONNECT, EVENT = "0", "1", "2"
MESSAGE, STEERING, NONSENSE = "4", frozenset("1235"), "4!"
CLIENT_EVENTS: Final = frozenset({"resume", "slide_progress", "slide_completed", "error"})


class Outbox(asyncio.Queue):  # type: ignore[type-arg]
    """What waits to be sent to one client: messages wait for room, and beyond all bounds the connection counts as lost.

    Packets by which the transport steers itself never wait: a full box would keep them from ending the connection.
    """

    def __init__(self, patience_s: float) -> None:
        super().__init__()
        self._patience_s = patience_s
        self._room = asyncio.Event()

    async def put(self, item: Any) -> None:
        """Add a packet, or None to say that there will be no more.

        Raises:
            SocketIsClosedError: the client takes nothing.
        """
        kind = getattr(item, "packet_type", None)
        while kind == engineio.packet.MESSAGE and self.qsize() >= MESSAGES_WAITING:
            self._room.clear()
            try:
                await asyncio.wait_for(self._room.wait(), self._patience_s)
            except TimeoutError:
                raise SocketIsClosedError from None
        if kind == engineio.packet.NOOP and self.qsize() >= PACKETS_WAITING:
            raise SocketIsClosedError
        self.put_nowait(item)

    async def join(self) -> None:
        """Return when all was taken, or nobody takes it."""
        try:
            await asyncio.wait_for(super().join(), FAREWELL_S)
        except TimeoutError:
            return

    def _get(self) -> Any:
        self._room.set()
        return super()._get()


class Engine(engineio.AsyncServer):  # type: ignore[misc]
    """Engine.IO with bounded queues."""

    def create_queue(self, *_args: Any, **_kwargs: Any) -> Outbox:
        return Outbox(self.ping_interval + self.ping_timeout)


class Server(socketio.AsyncServer):  # type: ignore[misc]
    """Socket.IO for text, one namespace and the events this house knows; who connects and then says nothing is let go.

    There is no manager that joins processes: each of them reads a session by its own cursor.
    """

    def __init__(self) -> None:
        super().__init__(
            async_mode="asgi",
            async_handlers=False,  # one after the other, so that a client that floods waits for itself
            cors_allowed_origins=_may_connect,
            cors_credentials=False,
            ping_interval=settings.WS_HEARTBEAT_INTERVAL,
            ping_timeout=PING_TIMEOUT_S,
            max_http_buffer_size=MAX_TEXT,
            logger=_log,
            engineio_logger=_log,
        )

    # -- what a subclass says ------------------------------------------------------------------------------

    def is_known(self, eio_sid: str) -> bool:
        """Tell whether somebody has come in by this connection."""
        raise NotImplementedError

    async def forget(self, eio_sid: str) -> None:
        """Let go of whoever came in by this connection, which is gone."""
        raise NotImplementedError

    async def answer_nonsense(self, eio_sid: str) -> None:
        """Say that something was not understood."""
        raise NotImplementedError

    # -- what it may use -----------------------------------------------------------------------------------

    async def say(self, eio_sid: str, event: str, text: str) -> None:
        """Send an event whose one argument is JSON already; wait while too much waits.

        Raises:
            OSError: the client is gone.
        """
        if not self.is_open(eio_sid):
            raise OSError
        try:
            await self.eio.send(eio_sid, f'{EVENT}["{event}",{text}]')
        except SocketIsClosedError as error:
            raise OSError from error

    def is_open(self, eio_sid: str) -> bool:
        """Tell whether the connection still takes something."""
        socket = self.eio.sockets.get(eio_sid)
        return socket is not None and not socket.closed

    async def hang_up(self, sid: str, eio_sid: str) -> None:
        """Disconnect a client, and close the connection under it."""
        with suppress(SocketIsClosedError):
            await self.disconnect(sid)
        await self._close(eio_sid)

    async def _close(self, eio_sid: str) -> None:
        """Close a connection once the client has taken what waits for it, or does not."""
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            await socket.queue.join()
            await self.eio.disconnect(eio_sid)

    def expect(self, eio_sid: str, *, within_s: float) -> None:
        """Close the connection unless somebody comes in by it."""
        asyncio.get_running_loop().call_later(within_s, self._show_out, eio_sid)

    def _show_out(self, eio_sid: str) -> None:
        if eio_sid in self.eio.sockets and not self.is_known(eio_sid):
            self.start_background_task(self._close, eio_sid)

    # -- what the library calls ----------------------------------------------------------------------------

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def _handle_eio_connect(self, eio_sid: str, environ: Mapping[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        self.expect(eio_sid, within_s=LOBBY_S)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        socket = self.eio.sockets.get(eio_sid)
        await super()._handle_eio_disconnect(eio_sid, reason)
        await self.forget(eio_sid)
        if socket is not None:
            asyncio.get_running_loop().call_soon(self._end, eio_sid, socket)

    def _end(self, eio_sid: str, socket: Any) -> None:
        """Say behind the farewell that no more comes, which ends a poll and closes a WebSocket."""
        socket.queue.put_nowait(None)
        self.eio.sockets.pop(eio_sid, None)  # the library would fail on what still comes from there

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        if isinstance(data, str) and data.startswith(f"{CONNECT}/"):
            data = data.partition(",")[0]  # another namespace is refused, whatever is shown there
            await super()._handle_eio_message(eio_sid, data)
        elif _is_understood(data):
            await super()._handle_eio_message(eio_sid, data)
        else:
            await self.answer_nonsense(eio_sid)


def mounted(server: Server, other: Any) -> Any:
    """Return the ASGI application that serves ``server`` at its path and ``other`` everywhere else."""
    application = socketio.ASGIApp(server, other_asgi_app=other, socketio_path=PATH)

    async def entry(scope: Any, receive: Any, send: Any) -> None:
        async def framed() -> Any:
            message = await receive()
            if message["type"] == "websocket.receive":
                return {"type": "websocket.receive", "text": _as_packet(message.get("text"))}
            return message

        ours = scope["type"] in ("http", "websocket") and f"{scope['path']}/".startswith(f"{PATH}/")
        if ours and scope["type"] == "websocket":
            await application(scope, framed, send)
        elif ours and scope["method"] == "POST" and b"content-length" not in dict(scope["headers"]):
            await application(*await _measured(scope, receive), send)
        else:
            await application(scope, receive, send)

    return entry


async def _measured(scope: Any, receive: Any) -> tuple[Any, Any]:
    """Return a request whose body came in pieces with the body's length, without which the library reads none of it."""
    body, more = b"", True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        if len(body) <= MAX_TEXT:
            body += message.get("body", b"")

    async def whole() -> Any:
        return {"type": "http.request", "body": body}

    return {**scope, "headers": [*scope["headers"], (b"content-length", str(len(body)).encode())]}, whole


def _as_packet(text: object) -> str:
    """Return what a client sent by WebSocket if it is an Engine.IO packet of a fair size, else one that means nothing.

    What is neither would throw the library out of its loop.
    """
    if isinstance(text, str) and len(text) <= MAX_TEXT:
        if text[:1] == MESSAGE and text[1:2].isdigit():
            return text
        if text[:1] in STEERING and len(text) < 10:
            return text
    return NONSENSE


def _is_understood(data: object) -> bool:
    """Tell whether a text is a Socket.IO packet that a client may send here."""
    if not isinstance(data, str):
        return False
    body = data.lstrip("0123456789")
    if not 0 < len(data) - len(body) < 12:
        return False
    try:
        said = decode(body.encode()) if body else None
    except Exception:  # malformed, too deep, a lone surrogate: all of it is nonsense here
        return False
    if data[0] == CONNECT:
        return said is None or isinstance(said, dict)
    if data[0] == EVENT:
        return isinstance(said, list) and bool(said) and isinstance(said[0], str) and said[0] in CLIENT_EVENTS
    return data == DISCONNECT


def _may_connect(_origin: str, environ: Mapping[str, Any]) -> bool:
    return is_known_origin(environ["asgi.scope"])
