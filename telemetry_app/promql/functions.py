"""Functions that turn a vector's values into others, value by value; pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from telemetry_app.codec import Values

MATHS: Final[dict[str, Callable[[Any], Any]]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sgn": np.sign,
    "deg": np.degrees,
    "rad": np.radians,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
}


def rounded(values: Values, to: Values) -> Values:
    """Return the nearest multiples of ``to``; a half goes up."""
    inverse = 1.0 / to
    found: Values = np.floor(values * inverse + 0.5) / inverse
    return found


def clamped(values: Values, least: Values, most: Values) -> Values:
    """Return the values held between two bounds, the lower of which is not above the other."""
    found: Values = np.maximum(np.minimum(values, most), least)
    return found
