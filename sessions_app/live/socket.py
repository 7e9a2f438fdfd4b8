"""What every socket of the house does: identify whoever opened it, stay alive, send from a mailbox, close with a code.

A subclass says what it is about: ``open`` finds it, ``deliver`` sends it, ``ask_again`` asks whether that is still
allowed. Sockets are plain ASGI applications, so that one costs no channel of its own at the channel layer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, Final

import structlog
from django.conf import settings
from django.utils import timezone

from biolab.accounts.auth import Identity, authenticate_scope, bearer_protocol
from biolab.accounts.models import ServiceToken
from biolab.kernel.api import decode, dump
from biolab.kernel.errors import Forbidden, Missing, Refusal, Unauthenticated
from biolab.kernel.hub import hub
from biolab.kernel.realtime import person_topic
from sessions_app.live.mailbox import Mailbox
from sessions_app.live.threads import in_thread

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

NORMAL: Final = 1000
DEFECT: Final = 1011
MAX_TEXT: Final = 65_536
MAX_REASON_BYTES: Final = 123
PING: Final = dump({"type": "ping"}).decode()
PONG: Final = dump({"type": "pong"}).decode()


class Gone(Exception):
    """The client has left."""


class Socket:
    """One open socket."""

    codes: ClassVar[Mapping[str, int]] = {Unauthenticated.kind: 4401, Forbidden.kind: 4403, Missing.kind: 4404}
    refused_code: ClassVar[int] = 4400
    max_text: ClassVar[int] = MAX_TEXT

    identity: Identity

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, known: Identity | None = None) -> None:
        self.scope = scope
        self.mailbox = Mailbox()
        self._receive = receive
        self._send = send
        self._doubt = asyncio.Event()
        self._known = known

    @classmethod
    def as_asgi(cls) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """Return the application that serves one such socket per connection."""

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await cls(scope, receive, send).serve()

        return application

    # -- what a subclass says ------------------------------------------------------------------------------

    async def open(self) -> None:
        """Find what the socket is about; a refusal closes it."""

    async def deliver(self) -> None:
        """Send what there is, for ever."""
        while True:
            await self.mailbox.wait()
            await self.send_replies()

    async def ask_again(self) -> None:
        """Refuse when the socket may no longer be open."""
        if not await in_thread(self.identity.holds)(timezone.now()):
            raise Unauthenticated("This sign-in or token has ended.", code="token_revoked")

    async def closed(self) -> None:
        """Let go of what ``open`` took."""

    def complaint(self, message: str) -> str:
        """Return the frame that answers nonsense."""
        return dump({"type": "error", "message": message}).decode()

    async def take(self, text: str) -> bool:
        """Act on a text that is more than a frame, such as a batch of readings; tell whether it was one."""
        return False

    async def understand(self, said: Any) -> bool:
        """Act on what the client said beyond ping and pong; tell whether it made sense."""
        return False

    # -- the life of a socket -------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Accept, identify, serve, close. Refusals come after accepting: only then does their code reach the client."""
        if (await self._receive())["type"] != "websocket.connect":
            return
        code: int | None = DEFECT
        reason = ""
        try:
            await self._out({"type": "websocket.accept", "subprotocol": self._subprotocol()})
            self.identity = self._known or await self._identify()
            topic = person_topic(self.identity.person.pk)
            await hub().join(topic, self._heard)
            try:
                await self.open()
                await self._live()
            finally:
                await hub().leave(topic, self._heard)
        except Refusal as refusal:
            code = self.codes.get(refusal.kind, self.refused_code)
            reason = _short(refusal.sentence)
        except Gone:
            code = None
        except asyncio.CancelledError:
            code = None  # the server stops, or has lost the client
            raise
        except Exception:
            log.exception("socket_failed", path=self.scope.get("path", ""))
        finally:
            await self.closed()
            if code is not None:
                with suppress(Gone):
                    await self._out({"type": "websocket.close", "code": code, "reason": reason})

    async def send_text(self, text: str) -> None:
        """Send one frame; waits as long as the client does not read."""
        await self._out({"type": "websocket.send", "text": text})

    async def send_replies(self) -> None:
        for text in self.mailbox.take_replies():
            await self.send_text(text)

    async def _identify(self) -> Identity:
        try:
            return await in_thread(authenticate_scope)(self.scope)
        except Unauthenticated as refusal:
            if refusal.code != Unauthenticated.default_code:
                raise  # something was shown, and it does not hold
        try:
            said = _read(await asyncio.wait_for(self._hear(), settings.WS_FIRST_FRAME_TIMEOUT_S))
        except TimeoutError:
            said = None
        if not isinstance(said, dict):
            raise Unauthenticated("Show a token or sign in first.")
        return await in_thread(authenticate_scope)(self.scope, said)

    async def _live(self) -> None:
        tasks = [asyncio.create_task(part) for part in (self.deliver(), self._listen(), self._guard())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        raise next(result for result in results if isinstance(result, Exception))

    async def _listen(self) -> None:
        while True:
            text = await self._hear()
            if await self.take(text):
                continue
            said = _read(text)
            if text == "ping":
                self.mailbox.reply("pong")
            elif isinstance(said, dict) and said.get("type") == "ping":
                self.mailbox.reply(PONG)
            elif text == "pong" or (isinstance(said, dict) and said.get("type") in ("pong", "auth")):
                continue
            elif not await self.understand(said):
                self.mailbox.reply(self.complaint("This frame is not understood."))

    async def _guard(self) -> None:
        """Ping; and ask whether the socket may stay: at each ping, when the token runs out, when told to doubt."""
        loop = asyncio.get_running_loop()
        ping_at = loop.time() + settings.WS_HEARTBEAT_INTERVAL
        while True:
            until_s = min(ping_at - loop.time(), _seconds_left(self.identity, timezone.now()))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._doubt.wait(), max(until_s, 0.01))
            self._doubt.clear()
            if loop.time() >= ping_at:
                ping_at = loop.time() + settings.WS_HEARTBEAT_INTERVAL
                self.mailbox.reply(PING)
            await self.ask_again()

    def _heard(self, hint: Mapping[str, Any]) -> None:
        """The person's bell: sign-ins, tokens or memberships changed."""
        if not hint.get("pulse"):
            self._doubt.set()

    def _subprotocol(self) -> str | None:
        """Return the sub-protocol to accept: browsers insist that it is one of those they offered."""
        offered = self.scope.get("subprotocols") or ()
        return bearer_protocol(self.scope) or next(iter(offered), None)

    async def _hear(self) -> str:
        """Return the next text of the client; what is no text, or too long, comes back as nonsense."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        text = message.get("text")
        return text if isinstance(text, str) and len(text) <= self.max_text else ""

    async def _out(self, message: Message) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:  # what servers raise once the connection is lost
            raise Gone from error


def _read(text: str) -> Any:
    try:
        return decode(text.encode())
    except Exception:  # malformed, too deep, a lone surrogate: all of it is nonsense here
        return None


def _short(sentence: str) -> str:
    """Return as much of it as a closing frame holds."""
    return sentence.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


def _seconds_left(identity: Identity, now: datetime) -> float:
    """Return how long the token is still good; for ever where it does not say."""
    credential = identity.credential
    expires_at = credential.expires_at if isinstance(credential, ServiceToken) else None
    return float("inf") if expires_at is None else (expires_at - now).total_seconds()
