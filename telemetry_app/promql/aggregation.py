"""Many series to few: sums, means and ranks over the series of a group, step by step; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from telemetry_app.codec import Values
from telemetry_app.promql.shapes import NAME, Key, Labels, Mask, Vector, key_of, only, without


def _mean(values: Values, there: Mask) -> Values:
    mean: Values = np.where(there, values, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return mean


def _variance(values: Values, there: Mask) -> Values:
    apart = np.where(there, values - _mean(values, there), 0.0)
    variance: Values = (apart**2).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return variance


def _lowest(values: Values, there: Mask) -> Values:
    lowest: Values = np.fmin.reduce(np.where(there, values, np.nan), axis=0)
    return lowest


def _highest(values: Values, there: Mask) -> Values:
    highest: Values = np.fmax.reduce(np.where(there, values, np.nan), axis=0)
    return highest


AGGREGATIONS: Final[dict[str, Callable[[Values, Mask], Values]]] = {
    "sum": lambda values, there: np.where(there, values, 0.0).sum(axis=0),
    "avg": _mean,
    "min": _lowest,
    "max": _highest,
    "count": lambda values, there: there.sum(axis=0).astype(np.float64),
    "group": lambda values, there: np.ones(there.shape[1]),
    "stdvar": _variance,
    "stddev": lambda values, there: np.sqrt(_variance(values, there)),
}
RANKINGS: Final = frozenset({"topk", "bottomk"})


def group_labels(labels: Labels, names: Sequence[str], *, leaving_out: bool) -> dict[str, str]:
    """Return the labels of the group that a series belongs to."""
    return without(labels, (*names, NAME)) if leaving_out else only(labels, names)


def aggregated(how: str, vector: Vector, names: Sequence[str], *, leaving_out: bool) -> Vector:
    """Return one series for each group."""
    groups = _groups(vector, names, leaving_out=leaving_out)
    steps = vector.values.shape[1]
    values, there = np.zeros((len(groups), steps)), np.zeros((len(groups), steps), dtype=np.bool_)
    with np.errstate(all="ignore"):
        for place, rows in enumerate(groups.values()):
            there[place] = vector.there[rows].any(axis=0)
            values[place] = AGGREGATIONS[how](vector.values[rows], vector.there[rows])
    return Vector([dict(key) for key in groups], values, there)


def ranked(how: str, vector: Vector, most: Values, names: Sequence[str], *, leaving_out: bool) -> Vector:
    """Return, for each step and group, the series with the greatest or least values, as they are.

    Args:
        most: how many of each group; shape (steps,).
    """
    there = np.zeros_like(vector.there)
    for rows in _groups(vector, names, leaving_out=leaving_out).values():
        values = vector.values[rows] if how == "bottomk" else -vector.values[rows]
        values = np.where(np.isnan(values), np.inf, values)
        order = np.lexsort((values, ~vector.there[rows]), axis=0)
        rank = np.argsort(order, axis=0)
        there[rows] = vector.there[rows] & (rank < most)
    return Vector(vector.labels, vector.values, there)


def _groups(vector: Vector, names: Sequence[str], *, leaving_out: bool) -> dict[Key, list[int]]:
    found: dict[Key, list[int]] = defaultdict(list)
    for row, labels in enumerate(vector.labels):
        found[key_of(group_labels(labels, names, leaving_out=leaving_out))].append(row)
    return found
