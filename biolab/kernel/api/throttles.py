"""How often one person may read and write; the settings ``READ_RATE`` and ``WRITE_RATE``."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from biolab.kernel.errors import TooMany

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

    def passes(self, kind: str, rate: str, request: Request) -> bool:
        """Count one more of ``kind``, which has a rate of its own such as ``30/min``."""
        person = request.user.pk if request.user.is_authenticated else request.META.get("REMOTE_ADDR", "")
        passes, self.left_s = _count(kind, person, rate)
        return passes

    def wait(self) -> float:
        return self.left_s


def may_pass(kind: str, person: Any) -> bool:
    """Count one more request of a person, who may be known by key or address, and tell whether the rate allows it.

    Args:
        kind: ``read`` or ``write``.
    """
    return _count(kind, person)[0]


def require_pass(kind: str, who: str, rate: str) -> None:
    """Count one more of ``kind``, which has a rate of its own such as ``30/min``.

    Args:
        who: a person's key, or an address.

    Raises:
        TooMany: the rate does not allow it.
    """
    passes, left_s = _count(kind, who, rate)
    if not passes:
        left_s = math.ceil(left_s)
        raise TooMany(f"That was too often. Try again in {left_s} seconds.", retry_after_s=left_s, code="throttled")


@dataclass(slots=True)
class _Lease:
    """Requests of one person that this process may let pass without asking the shared counter."""

    window: int
    left: int = 0
    counted: int = 0


LEASE_SHARE: Final = 100
"""A process takes a hundredth of what is left at once: few questions, and close to the limit each request asks."""

LEASES_MAX: Final = 10_000
_leases: dict[tuple[str, Any], _Lease] = {}
_lock = threading.Lock()


def _count(kind: str, person: Any, rate: str | None = None) -> tuple[bool, float]:
    """Return whether the rate allows one more request, and the seconds until the next window."""
    most, window_s = _rate(str(api_settings.DEFAULT_THROTTLE_RATES.get(kind) or "") if rate is None else rate)
    if most is None:
        return True, 0.0
    now = time.time()
    window = int(now // window_s)
    left_s = (window + 1) * window_s - now
    with _lock:
        lease = _leases.get((kind, person))
        if lease is None or lease.window != window:
            if len(_leases) >= LEASES_MAX:
                _leases.clear()
            lease = _leases[kind, person] = _Lease(window)
        if lease.left > 0:
            lease.left -= 1
            return True, left_s
        wanted = max(1, (most - lease.counted) // LEASE_SHARE)
    counted = _counted(f"throttle:{kind}:{person}:{window}", wanted, window_s)
    granted = min(wanted, most - (counted - wanted))
    with _lock:
        lease.counted = max(lease.counted, counted)
        lease.left += max(0, granted - 1)
    return granted > 0, left_s


def _counted(name: str, more: int, window_s: int) -> int:
    """Add to a counter of the shared cache and return what it says; ``more`` alone where there is no cache."""
    try:
        return int(cache.incr(name, more))
    except ValueError:  # the first of its window, or there is no cache
        cache.add(name, 0, timeout=window_s + 1)
    try:
        return int(cache.incr(name, more))
    except (ValueError, TypeError):  # the counter ran out in between
        return more


_rates: dict[str, tuple[int | None, int]] = {"": (None, 1)}


def _rate(text: str) -> tuple[int | None, int]:
    """Return (how many, in how many seconds) for a text such as ``6000/min``."""
    if text not in _rates:
        parser = SimpleRateThrottle.__new__(SimpleRateThrottle)
        most, window_s = parser.parse_rate(text)
        _rates[text] = (most, window_s or 1)
    return _rates[text]
