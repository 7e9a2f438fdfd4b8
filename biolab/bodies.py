"""Request bodies arrive whole and bounded, with or without a Content-Length, under every server we ship.

Django and DRF take a body without Content-Length (a chunked one) for an empty one. Such a body is spooled to a bounded
temporary file first, here under WSGI and in ``biolab.threaded`` under ASGI, and Django is told how long it is; a body
beyond the limit is answered with 413 before Django runs.

A refusal that comes before its body was read, such as 401 or 413, would be lost on many senders: they write all before
they read, and a server that closes on unread bytes resets the connection. So what a door leaves is read here.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import IO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

CHUNK = 64 * 1024
IN_MEMORY = 1024 * 1024
LEFT_MAX = 64 * 1024 * 1024
"""Of what a door left unread no more than this is taken in; who sends still more may find the connection reset."""
REFUSAL = json.dumps(
    {
        "type": "about:blank",
        "title": "Content Too Large",
        "status": 413,
        "detail": "The request's body is larger than this server accepts.",
        "code": "body_too_large",
    }
).encode()


def spool() -> IO[bytes]:
    """Return a file for a body: in memory while it is small."""
    return SpooledTemporaryFile(max_size=IN_MEMORY)


def declared(text: str) -> int:
    """Return a Content-Length as a number; nonsense counts as no length."""
    return int(text) if text.isascii() and text.isdecimal() else -1


def read_on(body: IO[bytes]) -> None:
    """Take in and forget what a door left unread."""
    left = LEFT_MAX
    with suppress(OSError):  # the sender may be gone
        while left > 0 and (chunk := body.read(CHUNK)):
            left -= len(chunk)


class _ClosingAfter:
    """An answer that closes the spooled request once the server has sent it."""

    def __init__(self, answer: Iterable[bytes], body: IO[bytes]) -> None:
        self.answer = answer
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.answer)

    def close(self) -> None:
        """Close both, as servers do after the last piece."""
        self.body.close()
        close = getattr(self.answer, "close", None)
        if close is not None:
            close()


class WholeBodies:
    """Wraps a WSGI application.

    Args:
        limit: largest body in bytes.
    """

    def __init__(self, application: WSGIApplication, *, limit: int) -> None:
        self.application = application
        self.limit = limit

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or ""
        if length:
            if declared(length) > self.limit:
                return self._refuse(start_response)
            answer = self.application(environ, start_response)
            if environ.get("wsgi.input_terminated"):  # elsewhere, reading past the end would wait for ever
                read_on(environ["wsgi.input"])
            return answer
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        if not (chunked or environ.get("wsgi.input_terminated")):
            return self.application(environ, start_response)
        body = spool()
        size = 0
        while chunk := environ["wsgi.input"].read(CHUNK):
            size += len(chunk)
            if size > self.limit:
                body.close()
                return self._refuse(start_response)
            body.write(chunk)
        body.seek(0)
        environ["wsgi.input"] = body
        environ["CONTENT_LENGTH"] = str(size)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return _ClosingAfter(self.application(environ, start_response), body)

    @staticmethod
    def _refuse(start_response: StartResponse) -> Iterable[bytes]:
        headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(REFUSAL)))]
        start_response("413 Content Too Large", headers)
        return [REFUSAL]
