"""Times: aware and UTC inside, ISO 8601 with ``Z`` outside, microseconds kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from django.utils.dateparse import parse_datetime

from biolab.kernel.errors import Invalid


def iso(at: datetime) -> str:
    """Return ``at`` as ``2026-01-31T12:00:00.000123Z``; the fraction is left out when it is zero."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def iso_or_none(at: datetime | None) -> str | None:
    """Return ``iso(at)``, or None where there is no time."""
    return None if at is None else iso(at)


def parse_utc(text: object, *, naive: Literal["refuse", "utc"] = "refuse", pointer: str = "") -> datetime:
    """Return the UTC time that ``text`` names.

    Args:
        naive: what a time without an offset means: an error, or UTC.
        pointer: where the text stood in the request, for the error.

    Raises:
        Invalid: not an ISO 8601 time, out of the calendar, or without an offset where one is needed.
    """
    try:
        at = parse_datetime(text) if isinstance(text, str) and len(text) <= 40 else None
        if at is not None and at.tzinfo is None and naive == "utc":
            at = at.replace(tzinfo=UTC)
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    detail = (
        "Give a time with an offset, such as 2026-01-31T12:00:00Z."
        if at is not None
        else "Not an ISO 8601 time, such as 2026-01-31T12:00:00Z."
    )
    raise Invalid(detail, code="bad_time", errors=[{"pointer": pointer, "detail": detail}])
