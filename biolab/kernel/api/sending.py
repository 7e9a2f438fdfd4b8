"""Send a checked local file: whole or one range of it, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, Final

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

CHUNK: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file on its way out: a checked local copy, open at its start; ``filename`` is plain ASCII."""

    file: IO[bytes]
    size: int
    checksum: str
    filename: str
    media_type: str


def etag(checksum: str) -> str:
    """Return the file's entity tag: its digest."""
    return f'"{checksum}"'


def is_known(request: HttpRequest, checksum: str) -> bool:
    """Tell whether the caller has these very bytes already (``If-None-Match``)."""
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    return etag(checksum) in tags or "*" in tags


def wanted_range(request: HttpRequest, *, size: int, checksum: str) -> tuple[int, int] | None:
    """Return the first byte and the one behind the last that are wanted; None for the whole.

    A range of another version (``If-Range``), of several parts or of another unit is answered with the whole.

    Raises:
        ValueError: the range lies outside the file.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    condition = request.headers.get("If-Range", "").strip()
    if found is None or found.groups() == ("", "") or (condition and condition != etag(checksum)):
        return None
    first, last = found.groups()
    if first == "":
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    if start >= stop:
        raise ValueError("outside the file")
    return start, stop


def send(request: HttpRequest, opened: OpenFile, span: tuple[int, int] | None) -> HttpResponseBase:
    """Return the answer that carries ``span`` of the file, or all of it, and closes the file when it is done."""
    start, stop = span or (0, opened.size)
    headers = {
        "Content-Type": opened.media_type,
        "Content-Length": str(stop - start),
        "Content-Disposition": f'attachment; filename="{opened.filename}"',
        "ETag": etag(opened.checksum),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-transform",
        "X-Content-Type-Options": "nosniff",
    }
    status = HTTPStatus.OK
    if span is not None:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{opened.size}"
    if request.method == "HEAD":
        opened.file.close()
        return HttpResponse(status=status, headers=headers)
    opened.file.seek(start)
    body = _pieces(opened.file, stop - start)
    response = StreamingHttpResponse(body, status=status, headers=headers)
    response._resource_closers.append(opened.file.close)  # type: ignore[attr-defined]
    return response


def unsatisfiable(opened: OpenFile) -> HttpResponseBase:
    """Return the answer to a range outside the file."""
    opened.file.close()
    headers = {"Content-Range": f"bytes */{opened.size}"}
    return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)


def _pieces(file: IO[bytes], left: int) -> Iterator[bytes]:
    while left and (piece := file.read(min(CHUNK, left))):
        left -= len(piece)
        yield piece
