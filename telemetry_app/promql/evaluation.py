"""A PromQL tree to its values, all steps of a query at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import promql_parser as promql

from telemetry_app.codec import Times, Values
from telemetry_app.instants import MICROSECOND, SECOND_US, to_us
from telemetry_app.promql import aggregation, functions, operators
from telemetry_app.promql.budget import Budget
from telemetry_app.promql.errors import BadQueryError, ExecutionError
from telemetry_app.promql.matching import Selector, fixed_labels, selector_of
from telemetry_app.promql.reading import inside
from telemetry_app.promql.shapes import Labels, Mask, RawSeries, Result, Scalar, Text, Vector, joined, nameless, seen
from telemetry_app.promql.windows import RANGE_FUNCTIONS, Windows, applied

LOOKBACK_US: Final = 5 * 60 * SECOND_US
T = TypeVar("T")
Row = tuple[Labels, Values, Mask]


class Source(Protocol):
    """Where series come from."""

    def raw(self, selector: Selector, first_us: int, last_us: int, budget: Budget) -> Iterator[RawSeries]:
        """Yield the picked series' readings in a range, both ends included; those without any are left out."""


@dataclass
class Evaluation:
    """One query over its steps.

    Attributes:
        times: shape (steps,), microseconds since 1970, rising.
    """

    source: Source
    times: Times
    budget: Budget = field(default_factory=Budget)

    def result(self, tree: Any) -> Result:
        """Return what the tree amounts to; of a vector only the series that are there at any step.

        Raises:
            QueryError: it asks for what is not offered, or for too much.
        """
        found = self._value(tree)
        return seen(found) if isinstance(found, Vector) else found

    def raw(self, tree: Any) -> list[RawSeries]:
        """Return the stored readings that a range selector picks, seen from the last step."""
        selector = tree.vector_selector
        end = int(self._ends(selector)[-1])
        first = end - tree.range // MICROSECOND
        return list(self.source.raw(selector_of(selector), first, end, self.budget))

    def _value(self, tree: Any) -> Result:
        tree = inside(tree)
        match tree:
            case promql.NumberLiteral():
                return Scalar(np.full(self.times.size, float(tree.val)))
            case promql.StringLiteral():
                return Text(tree.val)
            case promql.VectorSelector():
                return self._instant(tree)
            case promql.UnaryExpr():
                return self._negated(tree)
            case promql.BinaryExpr():
                return self._combined(tree)
            case promql.AggregateExpr():
                return self._aggregated(tree)
            case promql.Call():
                return self._called(tree)
            case promql.MatrixSelector():
                raise BadQueryError("A range such as [5m] stands inside a function, such as avg_over_time().")
        raise BadQueryError("Subqueries are not offered; take a longer step instead.")

    def _vector(self, tree: Any) -> Vector:
        return _of_type(self._value(tree), Vector, "a vector")

    def _scalar(self, tree: Any) -> Values:
        return _of_type(self._value(tree), Scalar, "a number").values

    # -- selectors ---------------------------------------------------------------------------------------------------

    def _ends(self, selector: Any) -> Times:
        """Return the times at which a selector looks, one for each step, or one alone for all of them."""
        ends = self.times
        if selector.at is not None:
            if selector.at.at is not None:
                ends = np.array([to_us(selector.at.at)])
            else:
                ends = ends[:1] if selector.at.type == promql.AtModifierType.Start else ends[-1:]
        return ends if selector.offset is None else ends - selector.offset // MICROSECOND

    def _instant(self, tree: Any, *, when: bool = False) -> Vector:
        """Return each series' last value no older than five minutes, or its time where ``when``."""
        ends = self._ends(tree)
        rows: list[Row] = []
        first, last = int(ends[0]) - LOOKBACK_US, int(ends[-1])
        for series in self.source.raw(selector_of(tree), first, last, self.budget):
            place = np.searchsorted(series.times, ends, side="right") - 1
            there = (place >= 0) & (series.times[place] >= ends - LOOKBACK_US)
            values = series.times[place] / SECOND_US if when else series.values[place]
            self._keep(rows, series.labels, values, there)
        return self._stacked(rows)

    def _ranged(self, name: str, tree: Any) -> Vector:
        tree = inside(tree)
        if not isinstance(tree, promql.MatrixSelector):
            raise BadQueryError("Subqueries are not offered; take a longer step instead.")
        selector, span_us = tree.vector_selector, tree.range // MICROSECOND
        ends = self._ends(selector)
        rows: list[Row] = []
        for series in self.source.raw(selector_of(selector), int(ends[0]) - span_us, int(ends[-1]), self.budget):
            windows = Windows.over(series.times, series.values, ends, span_us)
            self.budget.look_at(int(windows.counts.sum()))
            self._keep(rows, series.labels, *applied(name, windows))
        found = self._stacked(rows)
        return found if name == "last_over_time" else nameless(found)

    def _keep(self, rows: list[Row], labels: Labels, values: Values, there: Mask) -> None:
        self.budget.hold(len(rows) + 1, self.times.size)
        shape = (self.times.size,)
        rows.append((labels, np.broadcast_to(values, shape), np.broadcast_to(there, shape)))

    def _stacked(self, rows: Sequence[Row]) -> Vector:
        if not rows:
            nothing = np.zeros((0, self.times.size))
            return Vector([], nothing, nothing.astype(np.bool_))
        labels, values, there = zip(*rows, strict=True)
        return Vector(list(labels), np.stack(values), np.stack(there))

    # -- what is made of them ----------------------------------------------------------------------------------------

    def _negated(self, tree: Any) -> Result:
        found = self._value(tree.expr)
        if isinstance(found, Scalar):
            return Scalar(-found.values)
        vector = _of_type(found, Vector, "a vector")
        return nameless(Vector(vector.labels, -vector.values, vector.there))

    def _combined(self, tree: Any) -> Result:
        modifier = tree.modifier
        if modifier is not None and modifier.card in (
            promql.VectorMatchCardinality.ManyToOne,
            promql.VectorMatchCardinality.OneToMany,
        ):
            raise BadQueryError("group_left and group_right are not offered.")
        left, right = (self._side(side) for side in (tree.lhs, tree.rhs))
        as_bool = modifier is not None and modifier.return_bool
        return operators.combined(str(tree.op), left, right, as_bool=as_bool, pairing=_pairing(modifier))

    def _side(self, tree: Any) -> Scalar | Vector:
        found = self._value(tree)
        if isinstance(found, Text):
            raise BadQueryError("An operator stands between numbers and vectors.")
        return found

    def _aggregated(self, tree: Any) -> Vector:
        how = str(tree.op)
        names = [] if tree.modifier is None else tree.modifier.labels
        leaving_out = tree.modifier is not None and tree.modifier.type == promql.AggModifierType.Without
        if how in aggregation.RANKINGS:
            most = np.trunc(self._scalar(tree.param))
            if not np.isfinite(most).all():
                raise ExecutionError(f"{how} is given no whole number at some step.")
            return aggregation.ranked(how, self._vector(tree.expr), most, names, leaving_out=leaving_out)
        if how not in aggregation.AGGREGATIONS:
            raise BadQueryError(f"{how} is not offered.")
        return aggregation.aggregated(how, self._vector(tree.expr), names, leaving_out=leaving_out)

    def _called(self, tree: Any) -> Result:
        name, given = tree.func.name, tree.args
        if name in RANGE_FUNCTIONS:
            return self._ranged(name, given[0])
        if name in functions.MATHS:
            return self._mapped(given[0], lambda values: functions.MATHS[name](values))
        match name:
            case "time":
                return Scalar(self.times / SECOND_US)
            case "pi":
                return Scalar(np.full(self.times.size, np.pi))
            case "vector":
                values = self._scalar(given[0])[None, :]
                return Vector([{}], values, np.ones_like(values, dtype=np.bool_))
            case "scalar":
                return _as_scalar(self._vector(given[0]))
            case "timestamp":
                return self._timestamp(inside(given[0]))
            case "absent":
                return self._absent(inside(given[0]))
            case "sort" | "sort_desc":
                return _sorted(self._vector(given[0]), descending=name == "sort_desc")
            case "round":
                to = self._scalar(given[1]) if len(given) > 1 else np.ones(self.times.size)
                return self._mapped(given[0], lambda values: functions.rounded(values, to))
            case "clamp" | "clamp_min" | "clamp_max":
                least = self._scalar(given[1]) if name != "clamp_max" else np.full(self.times.size, -np.inf)
                most = self._scalar(given[-1]) if name != "clamp_min" else np.full(self.times.size, np.inf)
                held = self._mapped(given[0], lambda values: functions.clamped(values, least, most))
                return replace(held, there=held.there & ~(least > most))  # nothing lies between bounds turned round
        raise BadQueryError(f"The function {name} is not offered.")

    def _mapped(self, tree: Any, how: Any) -> Vector:
        vector = self._vector(tree)
        with np.errstate(all="ignore"):
            return nameless(Vector(vector.labels, how(vector.values), vector.there))

    def _timestamp(self, tree: Any) -> Vector:
        if isinstance(tree, promql.VectorSelector):
            return nameless(self._instant(tree, when=True))
        vector = self._vector(tree)
        times = np.broadcast_to(self.times / SECOND_US, vector.values.shape)
        return nameless(Vector(vector.labels, times, vector.there))

    def _absent(self, tree: Any) -> Vector:
        there = ~np.logical_or.reduce(self._vector(tree).there, axis=0)[None, :]
        labels = fixed_labels(tree) if isinstance(tree, promql.VectorSelector) else {}
        return Vector([labels], np.ones(there.shape), there)


def _of_type(found: Result, kind: type[T], called: str) -> T:
    if not isinstance(found, kind):
        raise BadQueryError(f"Here the query needs {called}.")
    return found


def _pairing(modifier: Any) -> operators.Pairing:
    if modifier is None or modifier.matching is None:
        return operators.Pairing()
    names = tuple(modifier.matching.labels)
    if modifier.matching.type == promql.LabelModifierType.Include:
        return operators.Pairing(on=names)
    return operators.Pairing(ignoring=names)


def _as_scalar(vector: Vector) -> Scalar:
    """Return the value of the only series at each step; not a number where there is none, or more than one."""
    alone = vector.there.sum(axis=0) == 1
    return Scalar(np.where(alone, np.where(vector.there, vector.values, 0.0).sum(axis=0), np.nan))


def _sorted(vector: Vector, *, descending: bool) -> Vector:
    """Return the series by their value at the last step."""
    last = -vector.values[:, -1] if descending else vector.values[:, -1]
    order = np.argsort(last, kind="stable")
    return joined(Vector([vector.labels[row] for row in order.tolist()], vector.values[order], vector.there[order]))
