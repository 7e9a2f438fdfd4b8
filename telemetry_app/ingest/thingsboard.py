"""Telemetry as ThingsBoard devices send it, to columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from biolab.kernel.errors import TooLarge
from telemetry_app.ingest.columns import AHEAD_US, MAX_ROWS, Batch, settle
from telemetry_app.ingest.loose import loose_json, number
from telemetry_app.ingest.shapes import BAD_NAME, MAX_NAME, NOT_FINITE, TOO_FAR_AHEAD, refusal
from telemetry_app.instants import in_calendar

NO_STAMP = "Not a time in milliseconds since 1970."


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a device sent: its readings, perhaps none, and how many values are neither number nor boolean."""

    batch: Batch
    skipped: int


@dataclass(slots=True)
class _Rows:
    """Readings as they are found, and what is wrong with some."""

    received_us: int
    places: dict[str, int] = field(default_factory=dict)
    index: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    arrivals: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def take(self, us: int | None, values: Mapping[str, Any], pointer: str) -> None:
        """Take the values of one moment; without a time, the moment of receipt, one microsecond apart."""
        for name, value in values.items():
            if not (1 <= len(name) <= MAX_NAME and name.isprintable() and not name.isspace()):
                self.errors.append({"pointer": f"{pointer}/{_shown(name)}", "detail": BAD_NAME})
                continue
            converted = number(value)
            if converted is None:
                self.skipped += 1
                if isinstance(value, int | float):
                    self.errors.append({"pointer": f"{pointer}/{_shown(name)}", "detail": NOT_FINITE})
                continue
            self.index.append(self.places.setdefault(name, len(self.places)))
            self.values.append(converted)
            if us is None:
                self.times.append(self.received_us + self.arrivals.get(name, 0))
                self.arrivals[name] = self.arrivals.get(name, 0) + 1
            else:
                self.times.append(us)
        if len(self.values) > MAX_ROWS:
            detail = f"A batch holds at most {MAX_ROWS} readings."
            raise TooLarge(detail, code="batch_too_large", limit_rows=MAX_ROWS)


def decode_telemetry(body: bytes, *, received_us: int) -> Telemetry:
    """Return the readings of ``{key: value}``, ``{"ts": milliseconds, "values": {key: value}}`` or an array of either.

    Numbers in text and booleans are numbers; other text, objects and nulls are skipped.

    Args:
        body: JSON, UTF-8.
        received_us: when it arrived, microseconds since 1970.

    Raises:
        NotJSONError: the body is no JSON.
        Invalid: values are wrong; the first 20 are named and none is taken.
        TooLarge: more than 100,000 readings.
    """
    sent = loose_json(body)
    rows = _Rows(received_us)
    for place, message in enumerate(sent if isinstance(sent, list) else [sent]):
        pointer = f"/{place}" if isinstance(sent, list) else ""
        if not isinstance(message, dict):
            rows.errors.append({"pointer": pointer, "detail": "Not an object."})
        elif "ts" in message and isinstance(message.get("values"), dict):
            us = _moment(message["ts"], pointer, rows)
            rows.take(us, message["values"], f"{pointer}/values")
        else:
            rows.take(None, message, pointer)
    if rows.errors:
        raise refusal(rows.errors, len(rows.errors))
    batch = settle(
        names=tuple(rows.places),
        units=("",) * len(rows.places),
        index=np.array(rows.index, dtype=np.int64),
        times=np.array(rows.times, dtype=np.int64),
        values=np.array(rows.values, dtype=np.float64),
        received_us=received_us,
        timed=not rows.arrivals,
        batch_id=None,
    )
    return Telemetry(batch, rows.skipped)


def _shown(name: str) -> str:
    """Return a key as part of a JSON pointer; half a surrogate pair, which no answer can carry, as its escape."""
    text = name[:MAX_NAME].encode("utf-8", "backslashreplace").decode()
    return text.replace("~", "~0").replace("/", "~1")


def _moment(stamp: object, pointer: str, rows: _Rows) -> int:
    """Return a device's time in microseconds; a wrong one is noted."""
    us = stamp * 1000 if isinstance(stamp, int) and not isinstance(stamp, bool) else None
    if us is None or not in_calendar(us):
        rows.errors.append({"pointer": f"{pointer}/ts", "detail": NO_STAMP})
        return 0
    if us > rows.received_us + AHEAD_US:
        rows.errors.append({"pointer": f"{pointer}/ts", "detail": TOO_FAR_AHEAD})
        return 0
    return us
