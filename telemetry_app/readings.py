"""Reading ids: an opaque, reversible encoding of what a reading is (channel, session or none, microsecond); pure."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple
from uuid import UUID

PREFIX = "tel_"
_NONE, _SESSION = b"\x00", b"\x01"


class ReadingKey(NamedTuple):
    """What makes a reading the one it is."""

    channel_id: UUID
    session_id: UUID | None
    us: int


def reading_id(key: ReadingKey) -> str:
    """Return the wire's id of a reading; it stays the same however the reading is stored."""
    session = _NONE if key.session_id is None else _SESSION + key.session_id.bytes
    packed = session + key.channel_id.bytes + key.us.to_bytes(8, "big", signed=True)
    return PREFIX + base64.b32encode(packed).decode().rstrip("=").lower()


def parse_reading_id(text: str) -> ReadingKey | None:
    """Return what a reading id names; None where it is none of ours."""
    if not text.startswith(PREFIX) or len(text) > 80:
        return None
    body = text.removeprefix(PREFIX)
    try:
        packed = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError):
        return None
    session_id: UUID | None
    if packed[:1] == _NONE and len(packed) == 25:
        session_id, rest = None, packed[1:]
    elif packed[:1] == _SESSION and len(packed) == 41:
        session_id, rest = UUID(bytes=packed[1:17]), packed[17:]
    else:
        return None
    key = ReadingKey(UUID(bytes=rest[:16]), session_id, int.from_bytes(rest[16:], "big", signed=True))
    return key if reading_id(key) == text else None
