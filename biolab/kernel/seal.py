"""The digest that seals a channel's readings: the one definition for store, export and verifier."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64] | Sequence[int]
Values = npt.NDArray[np.float64] | Sequence[float]

_ROW = np.dtype([("at", ">i8"), ("value", ">f8")])


class ReadingDigest:
    """The SHA-256 of one channel's readings, fed in time order, in runs of any length.

    Each reading adds 16 bytes: its time as microseconds since 1970-01-01T00:00:00Z (signed, 8 bytes, big-endian), then
    its value as an IEEE 754 double (8 bytes, big-endian). How the runs were cut makes no difference. A channel
    without readings has the digest of no bytes.

    The timeline's ``telemetry.sealed`` event carries ``channels``: by name, an object with at least ``count`` and
    ``sha256`` (64 hex digits). An archive's verifier re-computes them.
    """

    __slots__ = ("_hash", "count")

    def __init__(self) -> None:
        self._hash: Any = hashlib.sha256()
        self.count = 0

    def update(self, times: Times, values: Values) -> None:
        """Add readings.

        Args:
            times: shape (n,), microseconds since the epoch, ascending, after everything fed before.
            values: shape (n,), in the channel's unit; finite.
        """
        rows = np.empty(len(times), dtype=_ROW)
        rows["at"] = times
        rows["value"] = values
        self._hash.update(rows.tobytes())
        self.count += len(rows)

    def hexdigest(self) -> str:
        """Return the digest of all that was fed so far, 64 hex digits."""
        return str(self._hash.hexdigest())


def reading_digest(times: Times, values: Values) -> str:
    """Return the digest of one channel's readings, given whole and in time order (see ``ReadingDigest``)."""
    seal = ReadingDigest()
    seal.update(times, values)
    return seal.hexdigest()
