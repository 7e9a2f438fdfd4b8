"""Readings as PostgreSQL's binary COPY carries them, made and read as whole columns; pure.

Source:
    PostgreSQL documentation, COPY, "Binary Format"; timestamps are microseconds since 2000, all numbers big-endian.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

import numpy as np

from telemetry_app.stores.packing import Readings

SINCE_2000_US = 946_684_800_000_000

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_WRITTEN = np.dtype(
    [
        ("fields", ">i2"),
        *(("session_size", ">i4"), ("session", "V16"), ("channel_size", ">i4"), ("channel", "V16")),
        *(("at_size", ">i4"), ("at", ">i8"), ("value_size", ">i4"), ("value", ">f8")),
        *(("position_size", ">i4"), ("position", ">i8")),
    ]
)
_READ = np.dtype(
    [
        *(("fields", ">i2"), ("channel_size", ">i4"), ("channel", "V16")),
        *(("at_size", ">i4"), ("at", ">i8"), ("value_size", ">i4"), ("value", ">f8")),
    ]
)


def packed(session_id: UUID, runs: Mapping[UUID, Readings], position: int) -> Iterator[bytes]:
    """Yield rows of (session, channel, at, value, position), a run at a time."""
    yield _HEADER
    for channel, (times, values) in runs.items():
        rows = np.zeros(times.size, dtype=_WRITTEN)
        rows["fields"] = 5
        rows["session_size"] = rows["channel_size"] = 16
        rows["at_size"] = rows["value_size"] = rows["position_size"] = 8
        rows["session"], rows["channel"] = np.void(session_id.bytes), np.void(channel.bytes)
        rows["at"], rows["value"], rows["position"] = times - SINCE_2000_US, values, position
        yield rows.tobytes()
    yield _TRAILER


def unpacked(blocks: Iterable[bytes | bytearray | memoryview]) -> dict[UUID, Readings]:
    """Return each channel's run from rows of (channel, at, value), ordered so."""
    raw = b"".join(blocks)
    rows = np.frombuffer(raw[len(_HEADER) : -len(_TRAILER)], dtype=_READ)
    if not rows.size:
        return {}
    halves = np.ascontiguousarray(rows["channel"]).view(">u8").reshape(-1, 2)
    starts = np.flatnonzero(np.insert(np.any(halves[1:] != halves[:-1], axis=1), 0, True))
    times, values = rows["at"].astype(np.int64) + SINCE_2000_US, rows["value"].astype(np.float64)
    return {
        UUID(bytes=rows["channel"][start].tobytes()): (times[start:end], values[start:end])
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), rows.size], strict=True)
    }
