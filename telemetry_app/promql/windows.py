"""Functions over a range of readings, at every step of a query at once; pure.

Source:
    The behaviour is that of Prometheus 2.45: ranges include both ends, and rates reach out to the ends of their window
    as far as the readings' own distance allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from telemetry_app.codec import Times, Values
from telemetry_app.instants import SECOND_US

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """One series seen through a window that ends at each step.

    Attributes:
        times, values: shape (n,), times rising.
        ends: shape (steps,), microseconds since 1970.
        first, behind: shape (steps,), the place of each window's first reading and the one after its last.
    """

    times: Times
    values: Values
    ends: Times
    span_us: int
    first: Places
    behind: Places

    @classmethod
    def over(cls, times: Times, values: Values, ends: Times, span_us: int) -> Windows:
        first = np.searchsorted(times, ends - span_us, side="left")
        return cls(times, values, ends, span_us, first, np.searchsorted(times, ends, side="right"))

    @property
    def counts(self) -> Places:
        return self.behind - self.first

    def only(self, rows: NDArray[np.bool_]) -> Windows:
        """Return the windows of some steps."""
        return Windows(self.times, self.values, self.ends[rows], self.span_us, self.first[rows], self.behind[rows])


def applied(name: str, windows: Windows) -> tuple[Values, NDArray[np.bool_]]:
    """Return what the function called ``name`` gives at each step, and whether it gives anything there."""
    function, least = RANGE_FUNCTIONS[name]
    there = windows.counts >= least
    values = np.zeros(there.size)
    if there.any():
        with np.errstate(all="ignore"):
            values[there] = function(windows.only(there))
    return values, there


def _reduced(how: Any, windows: Windows, values: Values) -> Values:
    """Return ``how`` over each window, none of which is empty."""
    bounds = np.stack([windows.first, windows.behind], axis=1).reshape(-1)
    found: Values = how.reduceat(np.append(values, 0.0), bounds)[::2]
    return found


def _sum(windows: Windows) -> Values:
    return _reduced(np.add, windows, windows.values)


def _mean(windows: Windows) -> Values:
    mean: Values = _sum(windows) / windows.counts
    return mean


def _variance(windows: Windows) -> Values:
    centred = windows.values - windows.values.mean()
    mean = _reduced(np.add, windows, centred) / windows.counts
    return np.maximum(_reduced(np.add, windows, centred**2) / windows.counts - mean**2, 0.0)


def _steps(windows: Windows, counts: NDArray[Any]) -> Values:
    """Return how much a running count over pairs of neighbours grows inside each window."""
    running = np.concatenate([[0.0], np.cumsum(counts)])
    grown: Values = running[windows.behind - 1] - running[windows.first]
    return grown


def _drops(values: Values) -> Values:
    """Return what a counter had reached where it began anew, else 0; shape (n - 1,)."""
    return np.where(values[1:] < values[:-1], values[:-1], 0.0)


def _growth(windows: Windows, *, counter: bool) -> Values:
    """Return by how much the series grew over each window, reached out to the window's ends."""
    first, last = windows.first, windows.behind - 1
    grown = windows.values[last] - windows.values[first]
    if counter:
        grown = grown + _steps(windows, _drops(windows.values))
    covered = (windows.times[last] - windows.times[first]).astype(np.float64)
    distance = covered / (windows.counts - 1)
    before = (windows.times[first] - (windows.ends - windows.span_us)).astype(np.float64)
    after = (windows.ends - windows.times[last]).astype(np.float64)
    if counter:  # a counter is never below zero, so it began no earlier than where it would have been zero
        start = windows.values[first]
        to_zero = np.where((grown > 0) & (start >= 0), covered * (start / grown), np.inf)
        before = np.minimum(before, to_zero)
    near = distance * 1.1
    reached = covered + np.where(before < near, before, distance / 2) + np.where(after < near, after, distance / 2)
    return grown * (reached / covered)


def _rate(windows: Windows) -> Values:
    return _growth(windows, counter=True) / (windows.span_us / SECOND_US)


def _last_two(windows: Windows, *, rate: bool) -> Values:
    last, prior = windows.values[windows.behind - 1], windows.values[windows.behind - 2]
    if not rate:
        return last - prior
    seconds = (windows.times[windows.behind - 1] - windows.times[windows.behind - 2]) / SECOND_US
    return np.where(last < prior, last, last - prior) / seconds


RANGE_FUNCTIONS: Final[dict[str, tuple[Callable[[Windows], Values], int]]] = {
    "rate": (_rate, 2),
    "increase": (lambda w: _growth(w, counter=True), 2),
    "delta": (lambda w: _growth(w, counter=False), 2),
    "irate": (lambda w: _last_two(w, rate=True), 2),
    "idelta": (lambda w: _last_two(w, rate=False), 2),
    "sum_over_time": (_sum, 1),
    "avg_over_time": (_mean, 1),
    "min_over_time": (lambda w: _reduced(np.fmin, w, w.values), 1),
    "max_over_time": (lambda w: _reduced(np.fmax, w, w.values), 1),
    "count_over_time": (lambda w: w.counts.astype(np.float64), 1),
    "last_over_time": (lambda w: w.values[w.behind - 1], 1),
    "present_over_time": (lambda w: np.ones(w.ends.size), 1),
    "stdvar_over_time": (_variance, 1),
    "stddev_over_time": (lambda w: np.sqrt(_variance(w)), 1),
    "changes": (lambda w: _steps(w, w.values[1:] != w.values[:-1]), 1),
    "resets": (lambda w: _steps(w, w.values[1:] < w.values[:-1]), 1),
}
"""By name: the function, and how many readings a window needs for it."""
