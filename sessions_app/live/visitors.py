"""``/ws/socket.io``: the session's socket once more, for clients that speak Socket.IO."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import structlog
from socketio.exceptions import ConnectionRefusedError as Refused

from biolab.accounts.auth import Identity, authenticate_scope
from biolab.kernel.api import dump
from biolab.kernel.errors import Refusal, Unauthenticated
from sessions_app.consumers import SessionSocket
from sessions_app.live.engine import LOBBY_S, Server
from sessions_app.live.socket import DEFECT, NORMAL, Message, Scope, Socket
from sessions_app.live.threads import in_thread

log = structlog.get_logger(__name__)

ECHOES: Final[Mapping[str, str]] = {
    "slide_progress": "slide:progress",
    "slide_completed": "slide:completed",
    "error": "error",
}


@dataclass(frozen=True)
class Turned:
    """Why a socket was closed: the code of the other sockets, and a sentence."""

    code: int
    message: str

    def text(self) -> str:
        return dump({"code": self.code, "message": self.message}).decode()


class Lobby(Socket):
    """The socket of a client that watches no session: it greets, and closes when the credential ends."""

    async def open(self) -> None:
        hello = {"event": "connected", "session_id": None, "data": {"message": "Connected."}, "sequence": None}
        await self.send_text(dump(hello).decode())


class Line:
    """One socket of the house, carried by a Socket.IO connection: each frame is an event of the frame's name."""

    def __init__(self, visitor: Visitor, kind: type[Socket], scope: Scope) -> None:
        self._visitor = visitor
        self._connecting = True
        self._may_speak = asyncio.Event()
        self._outcome: asyncio.Future[Turned | None] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(kind(scope, self._hear, self._tell, known=visitor.identity).serve())

    async def opened(self) -> Turned | None:
        """Return once the socket has something to say, or why it has not."""
        either: tuple[asyncio.Future[Any], ...] = (self._outcome, self.task)
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return self._outcome.result() if self._outcome.done() else Turned(DEFECT, "The socket failed.")

    def speak(self) -> None:
        """Let it say what it has to say."""
        self._may_speak.set()

    async def end(self) -> None:
        """Close the socket; returns when it has let go of everything."""
        self.task.cancel()
        await asyncio.wait({self.task})

    async def _hear(self) -> Message:
        if self._connecting:
            self._connecting = False
            return {"type": "websocket.connect"}
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never  # what the client says comes as events

    async def _tell(self, message: Message) -> None:
        if message["type"] == "websocket.close":
            turned = Turned(message["code"], message["reason"])
            if self._outcome.done():
                await self._visitor.turn_out(self, turned)
            else:
                self._outcome.set_result(turned)
        elif message["type"] == "websocket.send":
            event = orjson.loads(message["text"]).get("event")
            if event is None:
                return  # a ping: this transport has its own
            if not self._outcome.done():
                self._outcome.set_result(None)
            await self._may_speak.wait()
            await self._visitor.say(event, message["text"])


class Visitor:
    """A Socket.IO client: who it is, and the one line by which it watches."""

    def __init__(self, server: Server, sid: str, eio_sid: str, scope: Scope, identity: Identity) -> None:
        self.identity = identity
        self._server = server
        self._sid = sid
        self._eio_sid = eio_sid
        self._scope = scope
        self._lines: set[Line] = set()

    async def say(self, event: str, text: str) -> None:
        await self._server.say(self._eio_sid, event, text)

    async def watch(self, session_id: str | None, after: int | None) -> Turned | None:
        """Watch a session from a cursor on instead of what was watched before, or return why not."""
        line = Line(self, Lobby if session_id is None else SessionSocket, self._scope_of(session_id, after))
        self._lines.add(line)
        turned = await line.opened()
        if turned is not None:
            self._lines.discard(line)  # gone already where the client left meanwhile
            await line.end()
            return turned
        for former in self._lines - {line}:
            self._lines.discard(former)
            await former.end()
        line.speak()
        return None

    async def turn_out(self, line: Line, turned: Turned) -> None:
        """Tell the client why, and hang up."""
        if line not in self._lines:
            return
        self._lines.discard(line)
        try:
            await self.say("closing", turned.text())
        finally:
            await self._server.hang_up(self._sid, self._eio_sid)

    async def leave(self) -> None:
        """Let go of everything."""
        lines, self._lines = self._lines, set()
        for line in lines:
            line.task.cancel()

    def _scope_of(self, session_id: str | None, after: int | None) -> Scope:
        query = urlencode({} if after is None else {"after": after}).encode()
        return {**self._scope, "query_string": query, "url_route": {"kwargs": {"sid": session_id}}}


class SessionServer(Server):
    """The house's Socket.IO server."""

    def __init__(self) -> None:
        super().__init__()
        self._visitors: dict[str, Visitor] = {}
        self.on("connect", self._come_in)
        self.on("disconnect", self._go)
        self.on("resume", self._resume)
        for event in ECHOES:
            self.on(event, self._echo_of(event))

    def is_known(self, eio_sid: str) -> bool:
        return eio_sid in self._visitors

    async def forget(self, eio_sid: str) -> None:
        visitor = self._visitors.pop(eio_sid, None)
        if visitor is not None:
            await visitor.leave()

    async def answer_nonsense(self, eio_sid: str) -> None:
        if eio_sid in self._visitors:
            await self.say(eio_sid, "error", dump({"message": "This is not understood."}).decode())

    async def _come_in(self, sid: str, environ: Mapping[str, Any], auth: Any) -> None:
        """Let a client in that shows a credential, to the session that it names.

        Raises:
            Refused: no credential that holds, no such session, no cursor; the client hears the code of other sockets.
        """
        eio_sid, scope = self._connection_of(sid), environ["asgi.scope"]
        shown = auth if isinstance(auth, dict) else {}
        try:
            visitor = Visitor(self, sid, eio_sid, scope, await _identify(scope, shown.get("token")))
            self._visitors[eio_sid] = visitor
            turned = await visitor.watch(_session_of(shown), _cursor_of(shown.get("after")))
            if turned is None and not self.is_open(eio_sid):
                turned = Turned(NORMAL, "The client has left.")  # while we asked who it is: nobody forgets it later
        except Refusal as refusal:
            turned = Turned(Socket.codes.get(refusal.kind, Socket.refused_code), refusal.sentence)
        except Exception:
            log.exception("socket_failed", path=scope["path"])
            turned = Turned(DEFECT, "The socket failed.")
        if turned is not None:
            await self.forget(eio_sid)
            self.expect(eio_sid, within_s=0)  # not before the refusal is on its way
            raise Refused(turned.message, {"code": turned.code})

    async def _go(self, sid: str, _reason: str) -> None:
        eio_sid = self._connection_of(sid)
        await self.forget(eio_sid)
        self.expect(eio_sid, within_s=LOBBY_S)

    async def _resume(self, sid: str, *said: Any) -> dict[str, Any]:
        """Give a session from a cursor on; what is answered goes to the client's callback, if it asked for one."""
        visitor = self._visitors.get(self._connection_of(sid))
        if visitor is None:  # a client that polls may ask before it is in
            return {"ok": False, "code": Socket.refused_code, "message": "Connect first."}
        asked = said[0] if said and isinstance(said[0], dict) else {}
        try:
            turned = await visitor.watch(_session_of(asked, needed=True), _cursor_of(asked.get("fromIndex")))
        except Refusal as refusal:
            turned = Turned(Socket.refused_code, refusal.sentence)
        if turned is None:
            return {"ok": True}
        await visitor.say("error", turned.text())
        return {"ok": False, "code": turned.code, "message": turned.message}

    def _echo_of(self, event: str) -> Any:
        async def echo(sid: str, *said: Any) -> None:
            await self.say(self._connection_of(sid), ECHOES[event], dump(said[0] if said else None).decode())

        return echo

    def _connection_of(self, sid: str) -> str:
        return str(self.manager.eio_sid_from_sid(sid, "/"))


async def _identify(scope: Scope, token: object) -> Identity:
    if token is None:
        return await in_thread(authenticate_scope)(scope)
    if not isinstance(token, str) or not token:
        raise Unauthenticated("The token is not a text.")
    return await in_thread(authenticate_scope)(scope, {"type": "auth", "token": token})


def _session_of(asked: Mapping[str, Any], *, needed: bool = False) -> str | None:
    """Return the session's id that the client gave, if it gave one."""
    session_id = asked.get("sessionId")
    if isinstance(session_id, str) or (session_id is None and not needed):
        return session_id
    raise Refusal("Name the session by its id, in sessionId.", code="bad_session")


def _cursor_of(value: object) -> int | None:
    """Return the cursor that the client gave; one that is no whole number is a refusal."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if text is None:
        return None
    if not (isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Refusal("The cursor is not a sequence number.", code="bad_cursor")
    return int(text)
