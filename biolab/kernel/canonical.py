"""One way to turn a record into bytes, and bytes into a digest."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import rfc8785

GENESIS: Final = b"\x00"
EVENT: Final = b"\x01"
CHECKPOINT: Final = b"\x02"
SIGNATURE: Final = b"\x03"
SECURITY: Final = b"\x04"


def canonical(record: Any) -> bytes:
    """Return the RFC 8785 (JSON Canonicalization Scheme) bytes of ``record``.

    Raises:
        ValueError: a value that JSON cannot carry exactly (NaN, an integer beyond 2^53, a lone surrogate).
    """
    return rfc8785.dumps(record)


def digest(domain: bytes, *parts: bytes) -> str:
    """Return the SHA-256, in hex, of ``parts`` behind one byte that names the kind of record.

    Every part but the last must have a fixed length, so that no two lists of parts give the same bytes.
    """
    return hashlib.sha256(domain + b"".join(parts)).hexdigest()


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hex."""
    return hashlib.sha256(data).hexdigest()
