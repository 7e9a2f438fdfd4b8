"""Results in the JSON of Prometheus' HTTP API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from telemetry_app.codec import Times, Values
from telemetry_app.exports.text import numbers
from telemetry_app.instants import SECOND_US
from telemetry_app.promql.errors import BadQueryError
from telemetry_app.promql.shapes import RawSeries, Result, Scalar, Text, Vector


def at_once(result: Result, times: Times) -> dict[str, Any]:
    """Return the answer to an instant query, whose only step is ``times``."""
    moment = _seconds(times)[0]
    if isinstance(result, Text):
        return {"resultType": "string", "result": [moment, result.value]}
    if isinstance(result, Scalar):
        return {"resultType": "scalar", "result": [moment, shown(result.values)[0]]}
    texts = shown(result.values[:, 0])
    pairs = zip(result.labels, texts, strict=True)
    return {"resultType": "vector", "result": [{"metric": labels, "value": [moment, text]} for labels, text in pairs]}


def over_time(result: Result, times: Times) -> dict[str, Any]:
    """Return the answer to a range query.

    Raises:
        BadQueryError: the query gives a text.
    """
    if isinstance(result, Text):
        raise BadQueryError("A range query gives numbers or vectors, no text.")
    if isinstance(result, Scalar):
        steps = (1, times.size)
        result = Vector([{}], result.values.reshape(steps), np.ones(steps, dtype=np.bool_))
    rows = zip(result.labels, result.values, result.there, strict=True)
    return raw([RawSeries(labels, times[there], values[there]) for labels, values, there in rows])


def raw(series: Sequence[RawSeries]) -> dict[str, Any]:
    """Return series with times of their own."""
    shown_series = [
        {"metric": one.labels, "values": list(zip(_seconds(one.times), shown(one.values), strict=True))}
        for one in series
    ]
    return {"resultType": "matrix", "result": shown_series}


def shown(values: Values) -> list[str]:
    """Return numbers as Prometheus writes them, the infinite ones and those that are none included."""
    texts: list[str] = numbers(np.ascontiguousarray(values)).to_pylist()
    for place in np.flatnonzero(~np.isfinite(values)).tolist():
        value = values[place]
        texts[place] = "NaN" if np.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return texts


def _seconds(times: Times) -> list[float]:
    seconds: list[float] = (times / SECOND_US).tolist()
    return seconds
