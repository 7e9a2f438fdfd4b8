"""Whole columns of ISO 8601 times to microseconds since 1970 and back; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray

from telemetry_app.codec import Times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US

_LAST_US = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // MICROSECOND
_FIRST_US = (datetime(1, 1, 2, tzinfo=UTC) - EPOCH) // MICROSECOND
_DATE_MARKS = {4: "-", 7: "-", 13: ":", 16: ":"}
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def to_us(at: datetime) -> int:
    """Return the microseconds since 1970 of an aware time, exactly."""
    return (at - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """Return the aware UTC time of ``us`` microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def in_calendar(us: int) -> bool:
    """Whether ``us`` is a time that a calendar can show (years 1 to 9999)."""
    return _FIRST_US <= us <= _LAST_US


def iso_us(us: int) -> str:
    """Return ``us`` as ISO 8601 in UTC with ``Z``; a fraction only where there is one."""
    return from_us(us).isoformat().replace("+00:00", "Z")


def iso_column(times: Times) -> list[str]:
    """Return every time of ``times`` as :func:`iso_us` would."""
    if times.size == 0:
        return []
    texts = np.datetime_as_string(times.astype("datetime64[us]"), unit="us").tolist()
    return [f"{text[:-7]}Z" if text.endswith(".000000") else f"{text}Z" for text in texts]


def parse_text(text: str) -> int | None:
    """Return the microseconds of one ISO 8601 time with an offset; nothing where it is none, or names no offset."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            return None
        us = to_us(at)
    except (ValueError, OverflowError):
        return None
    return us if us >= _FIRST_US and len(text) >= len("2020-01-01T00Z") else None


def parse_column(texts: Sequence[str]) -> tuple[Times, NDArray[np.bool_]]:
    """Return (times, readable) of a column of ISO 8601 times; offsets are converted, digits beyond µs are cut.

    Times of the common form ``YYYY-MM-DDTHH:MM:SS[.f…]Z`` are read a column at a time, others one by one.

    Args:
        texts: shape (n,).

    Returns:
        times: shape (n,), 0 where unreadable.
        readable: shape (n,), False where a text is no time or names no offset.
    """
    times = np.zeros(len(texts), dtype=np.int64)
    readable = np.zeros(len(texts), dtype=np.bool_)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    for length in np.unique(lengths):
        where = np.flatnonzero(lengths == length)
        group = list(texts) if where.size == len(texts) else [texts[i] for i in where.tolist()]
        times[where], readable[where] = _parse_even(group, int(length))
    for i in np.flatnonzero(~readable).tolist():
        us = parse_text(texts[i])
        if us is not None:
            times[i], readable[i] = us, True
    return times, readable


def _parse_even(texts: list[str], length: int) -> tuple[Times, NDArray[np.bool_]]:
    """Read texts of one length that end in Z; what has another form is left unreadable."""
    count = len(texts)
    nothing = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    if not (length == 20 or 22 <= length <= 30):
        return nothing
    joined = "".join(texts)
    if not joined.isascii():
        return nothing
    raw = np.frombuffer(joined.encode("ascii"), dtype=np.uint8).reshape(count, length)
    fine = (raw[:, -1] == ord("Z")) & ((raw[:, 10] == ord("T")) | (raw[:, 10] == ord(" ")))
    for place, mark in _DATE_MARKS.items():
        fine &= raw[:, place] == ord(mark)
    places = [i for i in range(19) if i not in _DATE_MARKS and i != 10] + list(range(20, length - 1))
    if length > 20:
        fine &= raw[:, 19] == ord(".")
    digits = raw[:, places] - np.uint8(ord("0"))
    fine &= (digits <= 9).all(axis=1)
    parts = (digits.astype(np.float64) @ _weights(length - 21 if length > 20 else 0)).astype(np.int64)
    year, month, day, hour, minute, second, micros = parts.T
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = _MONTH_DAYS[np.where(month <= 12, month, 0)] + (leap & (month == 2))
    fine &= (year >= 1) & (month >= 1) & (day >= 1) & (day <= days) & (hour <= 23) & (minute <= 59) & (second <= 59)
    times = _days_since_1970(year, month, day) * DAY_US
    times += ((hour * 60 + minute) * 60 + second) * SECOND_US + micros
    fine &= times >= _FIRST_US
    return np.where(fine, times, 0), fine


@cache
def _weights(fraction_digits: int) -> NDArray[np.float64]:
    """Return what each digit adds to (year, month, day, hour, minute, second, µs); one product reads a column."""
    weights = np.zeros((14 + fraction_digits, 7))
    weights[:4, 0] = 1000, 100, 10, 1
    for part in range(5):
        weights[4 + 2 * part : 6 + 2 * part, 1 + part] = 10, 1
    for digit in range(min(fraction_digits, 6)):
        weights[14 + digit, 6] = 10 ** (5 - digit)
    return weights


def _days_since_1970(year: Times, month: Times, day: Times) -> Times:
    """Count days of the proleptic Gregorian calendar.

    Source:
        Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    """
    year = year - (month <= 2)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: Times = era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
    return days
