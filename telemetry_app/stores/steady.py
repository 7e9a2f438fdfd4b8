"""Reading in several statements beside folds that move what the first of them found."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class MovedError(Exception):
    """Readings were folded into other chunks while they were being read."""


def steady(read: Callable[P, R]) -> Callable[P, R]:
    """Return ``read`` begun anew whenever a fold moved what it was about to open."""

    @wraps(read)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        while True:
            try:
                return read(*args, **kwargs)
            except MovedError:
                continue

    return again
