"""Times that are written as numbers: seconds, milliseconds, microseconds or nanoseconds since 1970; pure."""

from __future__ import annotations

from typing import Final

from telemetry_app.instants import SECOND_US

US_IN: Final = {"s": SECOND_US, "ms": 1000, "us": 1}
UNTIL: Final = {"s": 1e11, "ms": 1e14, "us": 1e17}
EARLIEST_US: Final = 30 * 365 * 86_400 * SECOND_US
"""Numbers before the year 2000 are seconds since some start, not since 1970."""

_LATEST_US: Final = 250_000_000_000 * SECOND_US


def unit_of(value: float) -> str:
    """Return what a time that is written as a number counts, by its size: s, ms, us or ns since 1970."""
    return next((unit for unit, end in UNTIL.items() if abs(value) < end), "ns")


def epoch_us(value: float) -> int | None:
    """Return the microseconds since 1970 that a number names; nothing where it names no time since 2000.

    Whole numbers are read exactly, others to float64's precision.
    """
    unit = unit_of(value)
    if not EARLIEST_US <= (value // 1000 if unit == "ns" else value * US_IN[unit]) <= _LATEST_US:
        return None
    if unit == "ns":
        return int(value) // 1000
    return value * US_IN[unit] if isinstance(value, int) else round(value * US_IN[unit])
