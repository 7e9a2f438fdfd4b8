"""Small pictures of pictures that were handed in. Pure."""

from __future__ import annotations

import io
import struct
from typing import IO, Final

from PIL import Image, ImageOps

FORMATS: Final = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/tiff": "TIFF",
}
MEDIA_TYPE: Final = "image/webp"
EDGE: Final = 320
"""Pixels; neither side of a small picture is longer."""
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_PIXELS: Final = 25_000_000
"""What is unpacked in memory; a JPEG counts as it is read, at an eighth of its size where that is enough."""
_BROKEN: Final = (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError)


def draw_thumbnail(source: IO[bytes], media_type: str) -> bytes | None:
    """Return a picture small, upright and without what its camera wrote into it; None where that cannot be.

    Args:
        media_type: what the content is; nothing else is tried.
    """
    known = FORMATS.get(media_type)
    if known is None:
        return None
    try:
        with Image.open(source, formats=[known]) as picture:
            picture.draft("RGB", (2 * EDGE, 2 * EDGE))
            if picture.width * picture.height > MOST_PIXELS:
                return None
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((EDGE, EDGE))
            small = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
            small.info.clear()
            drawn = io.BytesIO()
            small.save(drawn, "WEBP", quality=80)
    except _BROKEN:
        return None
    return drawn.getvalue()
