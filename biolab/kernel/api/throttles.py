"""How often one person may read and write; the settings ``READ_RATE`` and ``WRITE_RATE``."""

from __future__ import annotations

import time
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

SAFE = ("GET", "HEAD", "OPTIONS")


class PersonThrottle(BaseThrottle):
    """Counts in the shared cache, in windows that start on the clock; a cache that is down lets everyone pass."""

    def __init__(self) -> None:
        self.left_s = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        kind = "read" if request.method in SAFE else "write"
        person = request.user.pk if request.user.is_authenticated else request.META.get("REMOTE_ADDR", "")
        passes, self.left_s = _count(kind, person)
        return passes

    def wait(self) -> float:
        return self.left_s


def may_pass(kind: str, person: Any) -> bool:
    """Count one more request of a person, who may be known by key or address, and tell whether the rate allows it.

    Args:
        kind: ``read`` or ``write``.
    """
    return _count(kind, person)[0]


def _count(kind: str, person: Any) -> tuple[bool, float]:
    """Return whether the rate allows one more request, and the seconds until the next window."""
    most, window_s = _rate(str(api_settings.DEFAULT_THROTTLE_RATES.get(kind) or ""))
    if most is None:
        return True, 0.0
    now = time.time()
    window = int(now // window_s)
    left_s = (window + 1) * window_s - now
    name = f"throttle:{kind}:{person}:{window}"
    try:
        return int(cache.incr(name)) <= most, left_s
    except ValueError:  # the first of its window, or there is no cache
        cache.add(name, 0, timeout=window_s + 1)
    try:
        return int(cache.incr(name)) <= most, left_s
    except (ValueError, TypeError):  # the counter ran out in between
        return True, left_s


_rates: dict[str, tuple[int | None, int]] = {"": (None, 1)}


def _rate(text: str) -> tuple[int | None, int]:
    """Return (how many, in how many seconds) for a text such as ``6000/min``."""
    if text not in _rates:
        parser = SimpleRateThrottle.__new__(SimpleRateThrottle)
        most, window_s = parser.parse_rate(text)
        _rates[text] = (most, window_s or 1)
    return _rates[text]
