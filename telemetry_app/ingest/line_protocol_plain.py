"""Line protocol a column at a time, for bodies as instruments mostly send them."""

from __future__ import annotations

from typing import Final

import numpy as np

from telemetry_app.codec import Values
from telemetry_app.ingest.columns import MAX_ROWS
from telemetry_app.ingest.line_protocol_grammar import EXACT, Points, channel_names, field_value, too_many

_SPECIAL: Final = (b'"', b"\\", b"#", b"\r", b"\t", b"\0")
_OF_STAMPS: Final = b"-0123456789"
_OF_FLOATS: Final = b"-.0123456789eE"
_OF_WHOLES: Final = b"-0123456789i"


def read_plain(body: bytes) -> Points | None:
    """Return the readings of a body whose every line reads ``series fields time``, with nothing quoted or escaped.

    None for any other, legal or not: it takes reading line by line to tell.

    Raises:
        TooLarge: more readings than a batch may hold.
    """
    if any(mark in body for mark in _SPECIAL) or body.count(b"\n") > MAX_ROWS:
        return None
    rows = body.removesuffix(b"\n").split(b"\n")
    places: dict[tuple[bytes, bytes], int] = {}
    index: list[int] = []
    texts: list[bytes] = []
    stamps: list[bytes] = []
    sizes: list[int] = []
    try:
        for row in rows:
            head, fields, stamp = row.split(b" ")
            pairs = fields.split(b",")
            for pair in pairs:
                key, _, text = pair.partition(b"=")
                index.append(places.setdefault((head, key), len(places)))
                texts.append(text)
            sizes.append(len(pairs))
            stamps.append(stamp)
            if len(texts) > MAX_ROWS:
                raise too_many()
        names, values = channel_names(places), _values(texts)
        if b"".join(stamps).translate(None, _OF_STAMPS):
            return None
        times = np.fromiter(map(int, stamps), dtype=np.int64, count=len(stamps))
    except (ValueError, OverflowError):
        return None
    return Points(
        names=names,
        index=np.array(index, dtype=np.int64),
        stamps=np.repeat(times, sizes),
        bare=np.zeros(len(texts), dtype=np.bool_),
        values=values,
        lines=np.repeat(np.arange(1, len(rows) + 1), sizes),
        skipped=0,
    )


def _values(texts: list[bytes]) -> Values:
    """Return the numbers that fields hold.

    Raises:
        ValueError, OverflowError: one is none.
    """
    joined = b"".join(texts)
    if not joined.translate(None, _OF_FLOATS):
        values = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
        if not np.isfinite(values).all():
            raise ValueError("number beyond float64")
        return values
    if not joined.translate(None, _OF_WHOLES) and joined.count(b"i") == len(texts):
        wholes = np.fromiter((int(text[:-1]) for text in texts), dtype=np.int64, count=len(texts))
        if ((wholes > EXACT) | (wholes < -EXACT)).any():
            raise ValueError("integer beyond 2^53")
        return wholes.astype(np.float64)
    return np.array(list(map(field_value, texts)), dtype=np.float64)
