"""Controllers' JSON to columns: what can be read is kept row by row, and what cannot is named by its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from biolab.kernel.errors import Invalid
from telemetry_app.codec import Times, Values
from telemetry_app.ingest import shapes
from telemetry_app.ingest.columns import AHEAD_US, Index
from telemetry_app.ingest.loose import loose_json, number
from telemetry_app.instants import parse_column

NO_OBJECT: Final = "not_an_object"
UNKNOWN_EVENT: Final = "unknown_event"
BAD_VALUE: Final = "invalid_value"
BAD_TIME: Final = "invalid_timestamp"
TOO_FAR_AHEAD: Final = "timestamp_ahead"
WORDS: Final = {
    NO_OBJECT: ("", "Not an object."),
    BAD_VALUE: ("/value", shapes.NOT_FINITE),
    BAD_TIME: ("/timestamp", shapes.NO_TIME),
    TOO_FAR_AHEAD: ("/timestamp", shapes.TOO_FAR_AHEAD),
}
"""Where in a row, and in words, what a code says is wrong with it."""


class Point(msgspec.Struct, gc=False):
    """One reading as a controller sends it; without a time it happened when it arrived."""

    event_public_id: str
    value: float
    timestamp: str | None = None


class _Body(msgspec.Struct, gc=False):
    datapoints: list[Point]


_points = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Rows as a controller sent them.

    Attributes:
        events: the channels' ids as sent, each once.
        index: shape (n,), the place of each row's channel in ``events``.
        times: shape (n,), microseconds since 1970; meaningless where ``timed`` is False.
        timed: shape (n,), whether the row carried its own time.
        values: shape (n,).
        wrong: why a row cannot be a reading, by its place.
    """

    events: tuple[str, ...]
    index: Index
    times: Times
    timed: NDArray[np.bool_]
    values: Values
    wrong: dict[int, str]

    def __len__(self) -> int:
        return int(self.index.size)


def decode_points(body: bytes, *, received_us: int, most: int) -> Points:
    """Return the rows of ``{"datapoints": [{"event_public_id", "value", "timestamp"?}]}``.

    Args:
        body: JSON, UTF-8; NaN and Infinity are read, so that they cost their row alone.
        received_us: when it arrived, microseconds since 1970.
        most: rows that one body may hold.

    Raises:
        NotJSONError: the body is no JSON.
        Invalid: it has another shape, or more rows.
    """
    try:
        rows: Sequence[Any] = _points.decode(body).datapoints
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        parsed = loose_json(body)
        found = parsed.get("datapoints") if isinstance(parsed, dict) else None
        if not isinstance(found, list):
            detail = "Send {“datapoints”: [{“event_public_id”, “value”}]}."
            errors = [{"pointer": "/datapoints", "detail": detail}]
            raise Invalid(detail, code="bad_datapoints", errors=errors) from None
        rows = found
    if len(rows) > most:
        detail = f"A batch holds at most {most} datapoints."
        errors = [{"pointer": "/datapoints", "detail": detail}]
        raise Invalid(detail, code="batch_too_large", errors=errors, limit_rows=most)
    return _columns(rows, received_us)


def decode_point(body: bytes, *, received_us: int) -> Points:
    """Return the one row of ``{"event_public_id", "value", "timestamp"?}``.

    Raises:
        NotJSONError: the body is no JSON.
    """
    return _columns([loose_json(body)], received_us)


def _columns(rows: Sequence[Any], received_us: int) -> Points:
    wrong: dict[int, str] = {}
    points = [row if isinstance(row, Point) else _loose(row, place, wrong) for place, row in enumerate(rows)]
    places: dict[str, int] = {}
    index = np.fromiter(
        (places.setdefault(point.event_public_id, len(places)) for point in points), dtype=np.int64, count=len(points)
    )
    values = np.array([point.value for point in points], dtype=np.float64)
    timed = np.fromiter((point.timestamp is not None for point in points), dtype=np.bool_, count=len(points))
    times = np.zeros(len(points), dtype=np.int64)
    readable = np.ones(len(points), dtype=np.bool_)
    times[timed], readable[timed] = parse_column([point.timestamp for point in points if point.timestamp is not None])
    for rowwise, code in (
        (~np.isfinite(values), BAD_VALUE),
        (~readable, BAD_TIME),
        (times > received_us + AHEAD_US, TOO_FAR_AHEAD),
    ):
        for place in np.flatnonzero(rowwise).tolist():
            wrong.setdefault(place, code)
    return Points(tuple(places), index, times, timed, values, wrong)


def _loose(row: Any, place: int, wrong: dict[int, str]) -> Point:
    """Read a row that is not as typed: a number in a string, a boolean, or something that is no reading."""
    if not isinstance(row, dict):
        wrong[place] = NO_OBJECT
        return Point("", 0.0)
    event, stamp = row.get("event_public_id"), row.get("timestamp")
    value = number(row.get("value"))
    if not isinstance(event, str):
        wrong[place], event = UNKNOWN_EVENT, ""
    elif value is None:
        wrong[place] = BAD_VALUE
    elif not isinstance(stamp, str | None):
        wrong[place] = BAD_TIME
    return Point(event, value if value is not None else 0.0, stamp if isinstance(stamp, str) else None)
