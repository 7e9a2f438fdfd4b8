"""A request whose head is too long is answered, where Twisted would hang up on it without a word."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any, Final

from twisted.web.http import HTTPChannel

LINE_MAX: Final = 32 * 1024
"""Bytes of the request line, or of one header line."""
HEAD_MAX: Final = 64 * 1024
LEFT_MAX: Final = 1024 * 1024
"""Of what comes after the refusal no more than this is taken in."""
_REQUEST_LINE: Final = re.compile(rb"[A-Za-z]+ ")
TOLD: Final = {
    HTTPStatus.REQUEST_URI_TOO_LONG: ("address_too_long", "The address is longer than this server accepts."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: ("headers_too_large", "The headers are longer than accepted."),
}


def refusal(status: HTTPStatus) -> bytes:
    """Return a whole answer that refuses a head, after which the connection ends."""
    code, detail = TOLD[status]
    problem = {"type": f"urn:biolab:problem:{code}", "title": status.phrase, "status": status.value}
    body = json.dumps({**problem, "detail": detail, "code": code}).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def too_long(line: bytes) -> HTTPStatus:
    """Return how a line that is too long is refused: a request line, or a header (no header's name holds a space)."""
    is_request = _REQUEST_LINE.match(line) is not None
    return HTTPStatus.REQUEST_URI_TOO_LONG if is_request else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class AnsweringChannel(HTTPChannel):
    """A connection that says what is wrong with a head, and lets the client finish before it ends."""

    MAX_LENGTH = LINE_MAX
    totalHeadersSize = HEAD_MAX  # noqa: N815
    left = LEFT_MAX
    refused = False

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802  Twisted's name
        self.refused = True
        transport: Any = self.transport
        transport.write(refusal(too_long(line)))
        transport.loseWriteConnection()  # ending both ways now would reset it before the answer is read

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Read on; of a client that was refused, and still sends, take in a bounded rest."""
        if not self.refused:
            super().dataReceived(data)  # type: ignore[no-untyped-call]
            return
        self.left -= len(data)
        if self.left < 0:
            transport: Any = self.transport
            transport.abortConnection()
