"""The bodies that doors take, as types, and what can be wrong with them."""

from __future__ import annotations

from typing import Any

import msgspec

from biolab.kernel.errors import Invalid

MAX_NAME = 255
MAX_UNIT = 64
ERRORS_SHOWN = 20

NO_TIME = "Not an ISO 8601 time with an offset, such as 2026-01-31T12:00:00Z."
TOO_FAR_AHEAD = "More than 24 hours ahead of this server's clock."
NOT_FINITE = "Not a finite number."
BAD_NAME = f"A channel has a name of 1 to {MAX_NAME} printable characters."
BAD_UNIT = f"A unit has at most {MAX_UNIT} printable characters."
TWO_UNITS = "This channel has another unit in the same batch."


class Row(msgspec.Struct, gc=False):
    """One reading; without a time it happened when it arrived."""

    channel: str
    value: float
    timestamp: str | None = None
    unit: str | None = None


class Column(msgspec.Struct, gc=False):
    """The readings of one channel, times and values side by side."""

    channel: str
    values: list[float]
    timestamps: list[str] | None = None
    unit: str | None = None


class Body(msgspec.Struct, gc=False):
    """A batch: rows or columns."""

    data: list[Row] | None = None
    columns: list[Column] | None = None
    batch_id: str | None = None


def refusal(errors: list[dict[str, Any]], count: int) -> Invalid:
    """Return the refusal of a whole batch: how many things are wrong with it, and where the first ones stand."""
    things = "One thing is" if count == 1 else f"{count} things are"
    shown = sorted(errors, key=lambda error: _natural(error["pointer"]))[:ERRORS_SHOWN]
    return Invalid(f"{things} wrong; no reading was stored.", code="bad_readings", errors=shown, error_count=count)


def _natural(pointer: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in pointer.split("/")]
