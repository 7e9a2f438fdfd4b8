"""Bodies as they were received, for doors that decode columns themselves."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from biolab.kernel.api.parsers import read_bounded
from biolab.kernel.errors import TooLarge


@dataclass(frozen=True, slots=True)
class Body:
    """A body's text, and the SHA-256 of its bytes as they came, before any decompression."""

    text: bytes
    sha256: str


class BodyParser(BaseParser):
    """Takes JSON, plain or gzip, without decoding it; bounded before and after decompression."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        received = read_bounded(stream, parser_context)
        request = (parser_context or {}).get("request")
        coding = "" if request is None else request.headers.get("Content-Encoding", "").strip().lower()
        return Body(decompressed(received, coding), hashlib.sha256(received).hexdigest())


class AnyBodyParser(BodyParser):
    """Takes a body whatever its media type says: instruments send text/plain, a form's, or none."""

    media_type = "*/*"


def decompressed(received: bytes, coding: str) -> bytes:
    """Return the body that ``received`` stands for under its Content-Encoding.

    Raises:
        TooLarge: it unpacks to more than ``REQUEST_MAX_BYTES``.
        ParseError: it is not what the header says.
        UnsupportedMediaType: a coding that this door does not read.
    """
    if coding in ("", "identity"):
        return received
    if coding not in ("gzip", "x-gzip"):
        raise UnsupportedMediaType(coding, detail=f"Content-Encoding {coding[:40]} is not read; send gzip or none.")
    limit: int = settings.REQUEST_MAX_BYTES
    reader = zlib.decompressobj(wbits=31)
    try:
        text = reader.decompress(received, limit + 1)
    except zlib.error:
        raise ParseError("The body is not gzip.") from None
    if len(text) > limit:
        raise TooLarge(f"The body unpacks to more than {limit} bytes.", code="body_too_large", limit_bytes=limit)
    if not reader.eof or reader.unused_data:
        raise ParseError("The body is not one whole gzip stream.")
    return text
