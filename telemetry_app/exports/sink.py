"""A file that hands on what was written to it, so that a writer of files can feed an answer."""

from __future__ import annotations

import io
from typing import Any


class Sink(io.RawIOBase):
    """Collects what is written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: Any) -> int:
        self._waiting.append(bytes(data))
        self._written += len(self._waiting[-1])
        return len(self._waiting[-1])

    def taken(self) -> bytes:
        """Return what has been written since the last time."""
        found = b"".join(self._waiting)
        self._waiting.clear()
        return found
