"""Reading JSON that is not quite typed: what counts as a number, and NaN that some clients write."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from telemetry_app.ingest.shapes import BAD_NAME, BAD_UNIT, NO_TIME, NOT_FINITE, Column, Row


class NotJSONError(ValueError):
    """The text is no JSON."""


def loose_json(body: bytes) -> Any:
    """Return the value of ``body``; the words NaN and Infinity, which are no JSON, are read so that rows can be named.

    Raises:
        NotJSONError: it is neither.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        strict = problem
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        reason = "it is no UTF-8"
    except RecursionError:
        reason = "it nests too deep"
    except ValueError:
        reason = str(strict) if body.strip() else "it is empty"
    raise NotJSONError(f"The body is not JSON: {reason.removesuffix('.')}.") from None


def number(value: Any) -> float | None:
    """Return ``value`` as a finite float64: a number, a number in a string, or a boolean; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        if not text or len(text) > 64 or not text.isascii() or "_" in text:
            return None
        value = text
    elif not isinstance(value, int | float):
        return None
    try:
        converted = float(value)
    except (ValueError, OverflowError):
        return None
    return converted if math.isfinite(converted) else None


def loose_row(row: Any, pointer: str, errors: list[dict[str, Any]]) -> Row:
    if not isinstance(row, dict):
        errors.append({"pointer": pointer, "detail": "Not an object."})
        return Row(channel="-", value=0.0)
    channel, unit, stamp = row.get("channel"), row.get("unit"), row.get("timestamp")
    value = number(row.get("value"))
    for wrong, field, detail in (
        (not isinstance(channel, str), "channel", BAD_NAME),
        (value is None, "value", NOT_FINITE),
        (not isinstance(unit, str | None), "unit", BAD_UNIT),
        (not isinstance(stamp, str | None), "timestamp", NO_TIME),
    ):
        if wrong:
            errors.append({"pointer": f"{pointer}/{field}", "detail": detail})
    return Row(
        channel=channel if isinstance(channel, str) else "-",
        value=value if value is not None else 0.0,
        timestamp=stamp if isinstance(stamp, str) else None,
        unit=unit if isinstance(unit, str) else None,
    )


def loose_column(column: Any, pointer: str, errors: list[dict[str, Any]]) -> Column:
    values = column.get("values") if isinstance(column, dict) else None
    if not isinstance(column, dict) or not isinstance(values, list):
        errors.append({"pointer": pointer, "detail": "Not an object with a list of values."})
        return Column(channel="-", values=[])
    stamps = column.get("timestamps")
    head = loose_row({"channel": column.get("channel"), "unit": column.get("unit"), "value": 0}, pointer, errors)
    numbers = [number(value) for value in values]
    for i, value in enumerate(numbers):
        if value is None:
            errors.append({"pointer": f"{pointer}/values/{i}", "detail": NOT_FINITE})
    if stamps is not None and not isinstance(stamps, list):
        errors.append({"pointer": f"{pointer}/timestamps", "detail": "Not a list of times."})
        stamps = None
    for i, stamp in enumerate(stamps or ()):
        if not isinstance(stamp, str):
            errors.append({"pointer": f"{pointer}/timestamps/{i}", "detail": NO_TIME})
    return Column(
        channel=head.channel,
        unit=head.unit,
        values=[value if value is not None else 0.0 for value in numbers],
        timestamps=[stamp if isinstance(stamp, str) else "1970-01-01T00:00:00Z" for stamp in stamps]
        if stamps is not None
        else None,
    )
