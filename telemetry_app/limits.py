"""Which readings lie outside a channel's limits, and when that is worth a fact; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry_app.codec import Values
from telemetry_app.states import Standing

HYSTERESIS = 0.02
"""Share of the allowed range by which a value must come back inside before the crossing counts as over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The allowed range of a channel in its unit; None leaves that side open."""

    low: float | None = None
    high: float | None = None

    @property
    def any(self) -> bool:
        return self.low is not None or self.high is not None

    @property
    def margin(self) -> float:
        """How far inside a value must be to end a crossing, in the channel's unit."""
        if self.low is not None and self.high is not None:
            return HYSTERESIS * (self.high - self.low)
        bound = self.low if self.low is not None else self.high
        return HYSTERESIS * abs(bound) if bound is not None else 0.0


@dataclass(frozen=True, slots=True)
class Crossing:
    """The reading (by index) at which a channel's standing changed."""

    index: int
    before: Standing
    after: Standing


def outside(values: Values, limits: Limits) -> NDArray[np.bool_]:
    """Return, for each value, whether it lies outside ``limits``; the limits themselves are inside."""
    flags = np.zeros(values.shape, dtype=np.bool_)
    if limits.low is not None:
        flags |= values < limits.low
    if limits.high is not None:
        flags |= values > limits.high
    return flags


def standing_of(value: float, limits: Limits) -> Standing:
    """Return where a value stands against ``limits``, whatever came before it."""
    if limits.low is not None and value < limits.low:
        return Standing.LOW
    if limits.high is not None and value > limits.high:
        return Standing.HIGH
    return Standing.INSIDE


def crossings(values: Values, limits: Limits, before: Standing) -> list[Crossing]:
    """Return the changes of standing along ``values``.

    A value beyond a limit crosses it at once; the way back counts only from :attr:`Limits.margin` inside, so that
    noise around a limit tells one crossing and not a hundred.

    Args:
        values: shape (n,), in time order.
        before: where the channel stood before the first value.
    """
    states = np.full(values.shape, -1, dtype=np.int8)  # -1: inside the margin, which keeps the standing as it was
    low = -np.inf if limits.low is None else limits.low
    high = np.inf if limits.high is None else limits.high
    states[(values >= low + limits.margin) & (values <= high - limits.margin)] = 0
    states[values < low] = 1
    states[values > high] = 2
    names = (Standing.INSIDE, Standing.LOW, Standing.HIGH)
    decided = np.flatnonzero(states >= 0)
    found: list[Crossing] = []
    standing = before
    if decided.size == 0:
        return found
    run = states[decided]
    changes = decided[np.flatnonzero(np.diff(run, prepend=np.int8(-1)))]
    for index in changes:
        after = names[states[index]]
        if after != standing:
            found.append(Crossing(int(index), standing, after))
            standing = after
    return found
