"""The grammar of InfluxDB's line protocol, one line after the other, and what is wrong with a line."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biolab.kernel.errors import Invalid, TooLarge
from telemetry_app.codec import Values
from telemetry_app.ingest.columns import MAX_ROWS, Index
from telemetry_app.ingest.shapes import MAX_NAME

EXACT: Final = 2**53
"""The largest whole number up to which float64 holds every one."""

_SHOWN = 120
_DIGEST = 16
_MAX_HEAD = 65_535
_STAMP_DIGITS = len(str(-(2**63)))
_TRUTHS: Final = {
    **dict.fromkeys((b"t", b"T", b"true", b"True", b"TRUE"), 1.0),
    **dict.fromkeys((b"f", b"F", b"false", b"False", b"FALSE"), 0.0),
}

# In names a backslash takes a following separator into the name and is itself otherwise, two in a row included.
_HEAD = rb"(?:[^ \n\\]++|\\ ?+)++"
_KEY = rb"(?:[^ ,=\n\\]++|\\[ ,=]?+)++"
_TEXT = rb'"(?:[^"\\]++|\\[\s\S])*+"'
_VALUE = rb'(?:%b|[^" ,\n\r\t\0]++)' % _TEXT
_FIELDS = rb"%b=%b(?:,%b=%b)*+" % (_KEY, _VALUE, _KEY, _VALUE)
_GAP = rb" [ \t\0]*+"
_EMPTY = rb"[ \t\0\r]*+(?:#[^\n]*+)?+\n"
_LINE = re.compile(
    rb"[ \t\0\r]*+(?:#[^\n]*+|(%b)%b(%b)(?:%b(-?\d++))?+[ \t\0\r]*+)?+(?:\n(?:%b)*+|\Z)"
    % (_HEAD, _GAP, _FIELDS, _GAP, _EMPTY)
)
_FIELD = re.compile(rb"(%b)=(%b)(?:,|\Z)" % (_KEY, _VALUE))
_STAGES = (
    (re.compile(rb"[ \t\0\r]*+(?!,)%b" % _HEAD), "missing measurement"),
    (re.compile(_GAP + rb"(?![\r\n]|\Z)"), "missing fields"),
    (re.compile(_FIELDS), "invalid field format"),
)
_COMMA, _EQUALS = re.compile(rb"(?<!\\),"), re.compile(rb"(?<!\\)=")
_ESCAPED_IN_MEASUREMENT, _ESCAPED = re.compile(rb"\\([, ])"), re.compile(rb"\\([, =])")
_FLOAT = re.compile(rb"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(rb"-?\d{1,20}i|\d{1,20}u")


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The readings of a body, in its order; one for each field that is no text.

    Attributes:
        names: the channel of each series; two series may share one.
        index: shape (n,), the series of each reading.
        stamps: shape (n,), its time in the unit of the request; 0 where it has none.
        bare: shape (n,), True where it has no time.
        values: shape (n,), finite.
        lines: shape (n,), the line it stands in, from 1.
        skipped: fields that are text.
    """

    names: list[str]
    index: Index
    stamps: NDArray[np.int64]
    bare: NDArray[np.bool_]
    values: Values
    lines: Index
    skipped: int


def read_lines(body: bytes) -> Points:
    """Return the readings of any body.

    Raises:
        Invalid: a line is wrong; the first such is named and explained.
        TooLarge: more fields than a batch may hold, text included.
    """
    names: dict[tuple[bytes, bytes], str] = {}
    places: dict[tuple[bytes, bytes], int] = {}
    index: list[int] = []
    stamps: list[int] = []
    bare: list[bool] = []
    values: list[float] = []
    lines: list[int] = []
    skipped, start, line = 0, 0, 1
    while start < len(body):
        found = _LINE.match(body, start)
        if found is None:
            raise bad_line(line, _explained(body, start), _line_at(body, start))
        head, fields, stamp = found.groups()
        try:
            for field in _FIELD.finditer(fields or b""):
                key, text = field.groups()
                series = head, key
                if series not in names:
                    names[series] = _channel_name(*_split_head(head), key)
                if skipped + len(values) == MAX_ROWS:
                    raise too_many()
                if text.startswith(b'"'):
                    skipped += 1
                    continue
                values.append(field_value(text))
                index.append(places.setdefault(series, len(places)))
                stamps.append(_stamp(stamp))
                bare.append(stamp is None)
                lines.append(line)
        except ValueError as problem:
            raise bad_line(line, str(problem), _line_at(body, start)) from None
        line += body.count(b"\n", start, found.end())
        start = found.end()
    return Points(
        names=[names[series] for series in places],
        index=np.array(index, dtype=np.int64),
        stamps=np.array(stamps, dtype=np.int64),
        bare=np.array(bare, dtype=np.bool_),
        values=np.array(values, dtype=np.float64),
        lines=np.array(lines, dtype=np.int64),
        skipped=skipped,
    )


def channel_names(series: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the channel of each (measurement and tags, field).

    It reads ``measurement.field``, then ``,key=value`` for each tag in the order of the keys; beyond 255 characters it
    ends in a digest of all of it.

    Raises:
        ValueError: with what is wrong.
    """
    split = cache(_split_head)  # fields of one point share it
    return [_channel_name(*split(head), key) for head, key in series]


def _channel_name(measurement: str, tags: str, key: bytes) -> str:
    if not key:
        raise ValueError("missing field key")
    name = f"{measurement}.{_unescaped(_ESCAPED, key)}{tags}"
    if not name.isprintable():
        raise ValueError("a name holds characters that cannot be shown")
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: MAX_NAME - _DIGEST - 1]}~{digest}"


def _split_head(head: bytes) -> tuple[str, str]:
    """Return the measurement, and the tags as they stand in a name."""
    if len(head) > _MAX_HEAD:
        raise ValueError("max key length exceeded")
    measurement, *parts = _COMMA.split(head)
    if not measurement:
        raise ValueError("missing measurement")
    tags: dict[str, str] = {}
    for part in parts:
        key, *rest = _EQUALS.split(part)
        if not key:
            raise ValueError("missing tag key")
        if len(rest) > 1:
            raise ValueError("invalid tag format")
        if not rest or not rest[0]:
            raise ValueError("missing tag value")
        name = _unescaped(_ESCAPED, key)
        if name in tags:
            raise ValueError("duplicate tags")
        tags[name] = _unescaped(_ESCAPED, rest[0])
    return _unescaped(_ESCAPED_IN_MEASUREMENT, measurement), "".join(f",{key}={tags[key]}" for key in sorted(tags))


def _unescaped(escapes: re.Pattern[bytes], name: bytes) -> str:
    try:
        return (escapes.sub(rb"\1", name) if b"\\" in name else name).decode()
    except UnicodeDecodeError:
        raise ValueError("a name is not UTF-8") from None


def field_value(text: bytes) -> float:
    """Return the number that a field holds which is no text.

    Raises:
        ValueError: with what is wrong.
    """
    if text.endswith((b"i", b"u")) and _WHOLE.fullmatch(text):
        whole = int(text[:-1])
        if abs(whole) > EXACT:
            raise ValueError("integer beyond 2^53, which float64 does not hold exactly")
        return float(whole)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError("number beyond float64")
        return value
    if text in _TRUTHS:
        return _TRUTHS[text]
    raise ValueError("invalid number" if text[:1] in b"+-.0123456789nNiI" else "invalid boolean")


def _stamp(text: bytes | None) -> int:
    if text is None:
        return 0
    if len(text) > _STAMP_DIGITS or not -(2**63) <= int(text) < 2**63:
        raise ValueError("timestamp out of range")
    return int(text)


def bad_line(line: int, reason: str, text: bytes = b"") -> Invalid:
    """Return the refusal of a body because of one of its lines, in the words of InfluxDB's own."""
    shown = text[:_SHOWN].decode(errors="replace")
    told = f"unable to parse '{shown}': {reason}" if shown else reason
    return Invalid(told, code="bad_line", line=line)


def too_many() -> TooLarge:
    return TooLarge(f"A body of lines holds at most {MAX_ROWS} fields.", code="batch_too_large", limit_rows=MAX_ROWS)


def _line_at(body: bytes, start: int) -> bytes:
    return body[start:].split(b"\n", 1)[0].strip()


def _explained(body: bytes, start: int) -> str:
    """Return what keeps a line from being one."""
    for stage, reason in _STAGES:
        found = stage.match(body, start)
        if found is None:
            opened = reason == "invalid field format" and body.find(b'="', start) >= 0
            return "unbalanced quotes" if opened and body.count(b'"', start) % 2 else reason
        start = found.end()
    return "bad timestamp" if body[start : start + 1] == b" " else "invalid field format"
