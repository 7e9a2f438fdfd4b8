"""What the Prometheus API's parameters may say: times, steps, ranges."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import promql_parser as promql

from telemetry_app.codec import Times
from telemetry_app.instants import MICROSECOND, SECOND_US, in_calendar, parse_text
from telemetry_app.promql.errors import BadQueryError

MOST_STEPS: Final = 11_000
MOST_CHARACTERS: Final = 40
_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?")


def read_seconds(text: str) -> int | None:
    """Return the microseconds of a time in seconds since 1970; None where it is none, or outside the calendar."""
    if len(text) > MOST_CHARACTERS or not _NUMBER.fullmatch(text):
        return None
    us = round(float(text) * SECOND_US)
    return us if in_calendar(us) else None


def read_time(text: str, name: str) -> int:
    """Return the microseconds of a time in seconds since 1970 or in RFC 3339.

    Raises:
        BadQueryError: it is neither, or outside the calendar.
    """
    us = read_seconds(text)
    if us is None and len(text) <= MOST_CHARACTERS:
        us = parse_text(text)
    if us is None:
        raise BadQueryError(f"{name} takes seconds since 1970 or a time such as 2026-01-31T12:00:00Z.")
    return us


def read_step(text: str) -> int:
    """Return the microseconds of a step in seconds or as a duration such as 15s.

    Raises:
        BadQueryError: it is neither, or not above zero.
    """
    seconds = 0.0
    if len(text) <= MOST_CHARACTERS and _NUMBER.fullmatch(text):
        seconds = float(text)
    elif len(text) <= MOST_CHARACTERS:
        try:
            seconds = promql.parse_duration(text) / (MICROSECOND * SECOND_US)
        except (ValueError, OverflowError):
            seconds = 0.0
    if not 1e-3 <= seconds <= 1e11:
        raise BadQueryError("step takes a number of seconds from 0.001 on, or a duration such as 15s.")
    return round(seconds * SECOND_US)


def read_steps(start: str, end: str, step: str) -> Times:
    """Return the times of a range query's steps.

    Raises:
        BadQueryError: the range is turned round, or has too many steps.
    """
    first, last, width = read_time(start, "start"), read_time(end, "end"), read_step(step)
    if last < first:
        raise BadQueryError("The end lies before the start.")
    count = (last - first) // width + 1
    if count > MOST_STEPS:
        raise BadQueryError(f"A range has at most {MOST_STEPS:,} steps; take a longer step.")
    return first + np.arange(count, dtype=np.int64) * width
