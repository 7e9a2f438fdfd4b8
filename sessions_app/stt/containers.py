"""What a recording is, told from its first bytes. Pure."""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 64
WEBM, MP4, OGG, WAV = "audio/webm", "audio/mp4", "audio/ogg", "audio/wav"
SUFFIX: Final = {WEBM: "webm", MP4: "m4a", OGG: "ogg", WAV: "wav"}


def media_type_of(head: bytes) -> str | None:
    """Return the media type of a recording that begins with ``head``; None where it is none of the four."""
    if head[:4] == b"\x1aE\xdf\xa3" and b"webm" in head:
        return WEBM
    if head[4:8] == b"ftyp":
        return MP4
    if head[:4] == b"OggS":
        return OGG
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return WAV
    return None
