"""Arithmetic, comparison and set operators between numbers and series; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from telemetry_app.codec import Values
from telemetry_app.promql.errors import BadQueryError, ExecutionError
from telemetry_app.promql.shapes import NAME, Key, Labels, Mask, Scalar, Vector, joined, key_of, nameless, only, without

ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.float_power,
    "atan2": np.arctan2,
}
COMPARISON: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
SETS: Final = frozenset({"and", "or", "unless"})


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which labels decide that a series on the left belongs to one on the right.

    Attributes:
        on: these labels alone; None: all but ``ignoring`` and the name.
    """

    on: tuple[str, ...] | None = None
    ignoring: tuple[str, ...] = ()

    def of(self, labels: Labels) -> dict[str, str]:
        """Return the labels that decide."""
        return without(labels, (*self.ignoring, NAME)) if self.on is None else only(labels, self.on)


def combined(
    how: str, left: Scalar | Vector, right: Scalar | Vector, *, as_bool: bool, pairing: Pairing
) -> Scalar | Vector:
    """Return what an operator makes of both sides.

    Args:
        as_bool: a comparison gives 0 or 1 instead of leaving out what does not hold.

    Raises:
        ExecutionError: a series has several partners.
    """
    if how in SETS:
        if isinstance(left, Scalar) or isinstance(right, Scalar):
            raise BadQueryError(f"{how} stands between two vectors.")
        return _of_sets(how, left, right, pairing)
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return Scalar(_computed(how, left.values, right.values))
    if isinstance(left, Vector) and isinstance(right, Vector):
        return _one_to_one(how, left, right, as_bool=as_bool, pairing=pairing)
    if isinstance(left, Vector):
        return _with_number(how, left, _computed(how, left.values, right.values), as_bool=as_bool)
    if isinstance(right, Vector):
        return _with_number(how, right, _computed(how, left.values, right.values), as_bool=as_bool)
    raise BadQueryError("An operator stands between numbers and vectors.")


def _with_number(how: str, vector: Vector, values: Values, *, as_bool: bool) -> Vector:
    """Return the vector with what was computed of it and a number; a comparison leaves out what does not hold."""
    if how in COMPARISON and not as_bool:
        return Vector(vector.labels, vector.values, vector.there & (values != 0))
    return nameless(Vector(vector.labels, values, vector.there))


def _computed(how: str, left: Values, right: Values) -> Values:
    with np.errstate(all="ignore"):
        found: Values = (ARITHMETIC | COMPARISON)[how](left, right).astype(np.float64)
    return found


def _groups(vector: Vector, pairing: Pairing) -> dict[Key, list[int]]:
    """Return the rows of a vector by the labels that decide."""
    found: dict[Key, list[int]] = defaultdict(list)
    for row, labels in enumerate(vector.labels):
        found[key_of(pairing.of(labels))].append(row)
    return found


def _one_to_one(how: str, left: Vector, right: Vector, *, as_bool: bool, pairing: Pairing) -> Vector:
    ours, theirs = _groups(left, pairing), _groups(right, pairing)
    labels: list[Labels] = []
    values: list[Values] = []
    there: list[Mask] = []
    filters = how in COMPARISON and not as_bool
    for key in ours.keys() & theirs.keys():
        one, other = _single(left, ours[key]), _single(right, theirs[key])
        found = _computed(how, one.values[0], other.values[0])
        both = one.there[0] & other.there[0]
        for row in ours[key]:
            own = left.labels[row]
            kept = only(own, pairing.on) if pairing.on is not None else without(own, pairing.ignoring)
            labels.append(kept if filters else without(kept, (NAME,)))
            values.append(left.values[row] if filters else found)
            there.append(both & left.there[row] & ((found != 0) if filters else True))
    if not labels:
        return Vector([], left.values[:0], left.there[:0])
    return joined(Vector(labels, np.stack(values), np.stack(there)))


def _single(vector: Vector, rows: list[int]) -> Vector:
    """Return rows that are never there at the same step as one.

    Raises:
        ExecutionError: two of them meet.
    """
    there = vector.there[rows]
    if np.any(there.sum(axis=0) > 1):
        raise ExecutionError("A series has several partners at one time; say with on () which labels tell them apart.")
    values = np.where(there, vector.values[rows], 0.0).sum(axis=0)
    return Vector([{}], values[None, :], np.logical_or.reduce(there, axis=0)[None, :])


def _of_sets(how: str, left: Vector, right: Vector, pairing: Pairing) -> Vector:
    """Return the left series where the right has a like one (``and``) or none (``unless``); or both sides' (``or``)."""
    base, other = (right, left) if how == "or" else (left, right)
    theirs = _groups(other, pairing)
    met = np.zeros_like(base.there)
    for key, rows in _groups(base, pairing).items():
        if key in theirs:
            met[rows] = other.there[theirs[key]].any(axis=0)
    kept = Vector(base.labels, base.values, base.there & (met if how == "and" else ~met))
    if how != "or":
        return kept
    return Vector(
        [*left.labels, *kept.labels],
        np.concatenate([left.values, kept.values]),
        np.concatenate([left.there, kept.there]),
    )
