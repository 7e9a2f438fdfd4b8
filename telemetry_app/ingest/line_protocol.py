"""Line protocol, as InfluxDB, Telegraf and many loggers write it, to columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from biolab.kernel.errors import Invalid
from telemetry_app.codec import Times
from telemetry_app.ingest.columns import AHEAD_US, Batch, Index, settle
from telemetry_app.ingest.line_protocol_grammar import Points, bad_line, read_lines
from telemetry_app.ingest.line_protocol_plain import read_plain
from telemetry_app.ingest.shapes import TOO_FAR_AHEAD
from telemetry_app.instants import in_calendar

NS: Final = {
    "ns": 1,
    "n": 1,
    "us": 1_000,
    "u": 1_000,
    "µ": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
}
"""Nanoseconds in the unit of time that a precision names."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What a body of lines holds.

    Attributes:
        batch: its readings; none at all where it holds text alone.
        skipped: fields that are text, and so no readings.
    """

    batch: Batch
    skipped: int


def decode_lines(body: bytes, *, received_us: int, unit_ns: int = 1) -> Lines:
    """Return the readings of a body of line protocol.

    Channels are named ``measurement.field,tag=value``; integers and booleans become numbers; a point without a time
    happened when it arrived. Times are kept to the microsecond.

    Args:
        body: UTF-8; lines end in LF or CRLF.
        received_us: when it arrived, microseconds since 1970.
        unit_ns: what one count of a timestamp is; one of ``NS``.

    Raises:
        Invalid: a line is wrong, named by ``line``, and none is taken; or there is no point at all.
        TooLarge: more than 100,000 fields, text included.
    """
    points = read_plain(body) or read_lines(body)
    if points.values.size == 0 and not points.skipped:
        raise Invalid("writing requires points", code="empty_batch")
    times = _times(points, received_us, unit_ns)
    ahead = np.flatnonzero(times > received_us + AHEAD_US)
    if ahead.size:
        raise bad_line(int(points.lines[ahead[0]]), f"bad timestamp: {TOO_FAR_AHEAD}")
    if times.size and not in_calendar(int(times.min())):
        raise bad_line(int(points.lines[times.argmin()]), "bad timestamp: before any calendar")
    names, index = _merged(points)
    batch = settle(
        names=names,
        units=("",) * len(names),
        index=index,
        times=times,
        values=points.values,
        received_us=received_us,
        timed=not points.bare.any(),
        batch_id=None,
    )
    return Lines(batch, points.skipped)


def _times(points: Points, received_us: int, unit_ns: int) -> Times:
    """Return when the readings happened, in microseconds since 1970.

    Readings without a time get the moment of receipt; of several in one channel each stands a microsecond after the
    one before, so that none overwrites another.
    """
    times: Times
    if unit_ns < 1_000:
        times = points.stamps // (1_000 // unit_ns)
    else:
        most = 2**62 // (unit_ns // 1_000)  # beyond any calendar, and within 64 bits
        times = np.clip(points.stamps, -most, most) * (unit_ns // 1_000)
    seen: dict[str, int] = {}
    for row in np.flatnonzero(points.bare).tolist():
        name = points.names[points.index[row]]
        times[row] = received_us + seen.get(name, 0)
        seen[name] = seen.get(name, 0) + 1
    return times


def _merged(points: Points) -> tuple[tuple[str, ...], Index]:
    """Return each channel once, and the readings' places among them: tags in another order name the same channel."""
    places: dict[str, int] = {}
    merged = [places.setdefault(name, len(places)) for name in points.names]
    return tuple(places), points.index if len(places) == len(merged) else np.array(merged)[points.index]
