"""What may come in as JSON: bounded, shallow, and nothing a database or a later reader chokes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Final

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from biolab.kernel.errors import Invalid, TooLarge

MAX_DEPTH: Final = 64


class StrictJSONParser(BaseParser):
    """Reads UTF-8 JSON of at most ``REQUEST_MAX_BYTES`` and 64 levels.

    Malformed text (NaN, Infinity and lone surrogates included) is 400, too much of it 413, too deep or with a NUL
    character 422.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return decode(read_bounded(stream, parser_context))


def read_bounded(stream: IO[Any], parser_context: Mapping[str, Any] | None = None) -> bytes:
    """Return the whole body.

    Raises:
        TooLarge: it is longer than ``REQUEST_MAX_BYTES``, by its header or in fact.
    """
    limit: int = settings.REQUEST_MAX_BYTES
    request = (parser_context or {}).get("request")
    stated = str(request.META.get("CONTENT_LENGTH") or "") if request is not None else ""
    body = b"" if stated.isdecimal() and int(stated) > limit else stream.read(limit + 1)
    if (stated.isdecimal() and int(stated) > limit) or len(body) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes.", code="body_too_large", limit_bytes=limit)
    return bytes(body)


def decode(body: bytes) -> Any:
    """Return the value that the JSON text ``body`` describes.

    Raises:
        ParseError: it is not JSON.
        Invalid: it is deeper than 64 levels, or a string holds a NUL character.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "depth" in str(error) or "recursion" in str(error).lower():
            raise _too_deep() from None
        raise ParseError(f"The body is not JSON: {error}.") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth_exceeds(value, MAX_DEPTH):
        raise _too_deep()
    if b"\\u0000" in body:
        _refuse_nul(value)
    return value


def _too_deep() -> Invalid:
    detail = f"The body nests deeper than {MAX_DEPTH} levels."
    return Invalid(detail, code="json_too_deep", errors=[{"pointer": "", "detail": detail}])


def _depth_exceeds(value: Any, limit: int) -> bool:
    """Tell whether containers nest deeper than ``limit``, level by level and without recursion."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for container in level
            if isinstance(container, dict | list)
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _refuse_nul(value: Any) -> None:
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        pointer, item = waiting.pop()
        if isinstance(item, str) and "\x00" in item:
            detail = "Text must not hold NUL characters."
            raise Invalid(detail, code="nul_character", errors=[{"pointer": pointer, "detail": detail}])
        if isinstance(item, list):
            waiting += [(f"{pointer}/{index}", child) for index, child in enumerate(item)]
        elif isinstance(item, dict):
            for key, child in item.items():
                waiting += [(pointer, key), (f"{pointer}/{key}", child)]
