"""What an expression amounts to over the steps of a query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry_app.codec import Times, Values
from telemetry_app.promql.errors import ExecutionError

Labels = Mapping[str, str]
Key = tuple[tuple[str, str], ...]
Mask = NDArray[np.bool_]

NAME = "__name__"


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """One number per step; shape (steps,)."""

    values: Values


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """Series over the steps.

    Attributes:
        labels: of each series.
        values: shape (series, steps).
        there: shape (series, steps), whether a series has a value at a step; its value says nothing where it has none.
    """

    labels: list[Labels]
    values: Values
    there: Mask


@dataclass(frozen=True, slots=True, eq=False)
class RawSeries:
    """Stored readings of one series; times rising, microseconds since 1970."""

    labels: Labels
    times: Times
    values: Values


Result = Scalar | Text | Vector


def key_of(labels: Labels) -> Key:
    """Return labels as something that can be looked up."""
    return tuple(sorted(labels.items()))


def only(labels: Labels, names: Iterable[str]) -> dict[str, str]:
    """Return the labels with these names."""
    return {name: labels[name] for name in names if name in labels}


def without(labels: Labels, names: Iterable[str]) -> dict[str, str]:
    """Return the labels but these."""
    left_out = frozenset(names)
    return {name: value for name, value in labels.items() if name not in left_out}


def nameless(vector: Vector) -> Vector:
    """Return the series without their name, as everything that computes new values does."""
    return joined(Vector([without(labels, (NAME,)) for labels in vector.labels], vector.values, vector.there))


def joined(vector: Vector) -> Vector:
    """Return series of the same labels as one, where they are never there at the same step.

    Raises:
        ExecutionError: two series of the same labels meet.
    """
    keys = [key_of(labels) for labels in vector.labels]
    if len(set(keys)) == len(keys):
        return vector
    first: dict[Key, int] = {}
    values, there = vector.values.copy(), vector.there.copy()
    for row, key in enumerate(keys):
        into = first.setdefault(key, row)
        if into == row:
            continue
        if np.any(there[into] & there[row]):
            raise ExecutionError("Several series would have the same labels; keep one that tells them apart.")
        values[into] = np.where(there[row], values[row], values[into])
        there[into] |= there[row]
    rows = list(first.values())
    return Vector([vector.labels[row] for row in rows], values[rows], there[rows])


def seen(vector: Vector) -> Vector:
    """Return only the series that are there at any step."""
    rows = np.flatnonzero(vector.there.any(axis=1))
    return Vector([vector.labels[row] for row in rows.tolist()], vector.values[rows], vector.there[rows])
