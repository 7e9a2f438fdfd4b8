"""PromQL as text to its tree, bounded: the parser's own recursion must never meet what nobody would write by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import promql_parser as promql

from telemetry_app.promql.errors import BadQueryError

MOST_CHARACTERS: Final = 16_384
MOST_SYNTAX: Final = 1_000
MOST_PATTERNS: Final = 20
MOST_DEPTH: Final = 64

_STRINGS: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`", re.DOTALL)
_SPACE: Final = re.compile(r"\s+")


def read_expression(text: str) -> Any:
    """Return the tree of a PromQL expression.

    Raises:
        BadQueryError: it is none, or too long, too deep or with too many patterns.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadQueryError(f"A query has at most {MOST_CHARACTERS} characters.")
    syntax = _SPACE.sub("", _STRINGS.sub('""', text))
    if len(syntax) > MOST_SYNTAX:
        raise BadQueryError(f"A query has at most {MOST_SYNTAX} characters beside its quoted texts.")
    if syntax.count("=~") + syntax.count("!~") > MOST_PATTERNS:
        raise BadQueryError(f"A query has at most {MOST_PATTERNS} patterns.")
    try:
        tree = promql.parse(text)
    except ValueError as problem:
        raise BadQueryError(f"This is no PromQL: {problem}.") from None
    _refuse_depth(tree)
    return tree


def read_selector(text: str) -> Any:
    """Return the tree of a series selector, as ``match[]`` takes it.

    Raises:
        BadQueryError: it is none.
    """
    tree = read_expression(text)
    if not isinstance(tree, promql.VectorSelector) or tree.offset is not None or tree.at is not None:
        raise BadQueryError('match[] takes a series selector, such as biolab_reading{channel="pH"}.')
    return tree


def inside(tree: Any) -> Any:
    """Return the tree without the parentheses around it."""
    while isinstance(tree, promql.ParenExpr):
        tree = tree.expr
    return tree


def _refuse_depth(tree: Any) -> None:
    level = [tree]
    for _ in range(MOST_DEPTH):
        level = [child for one in level for child in _children(one)]
        if not level:
            return
    raise BadQueryError(f"A query nests at most {MOST_DEPTH} deep.")


def _children(tree: Any) -> Iterator[Any]:
    if isinstance(tree, promql.BinaryExpr):
        yield tree.lhs
        yield tree.rhs
    elif isinstance(tree, promql.Call):
        yield from tree.args
    elif isinstance(tree, promql.AggregateExpr):
        yield tree.expr
        if tree.param is not None:
            yield tree.param
    elif isinstance(tree, promql.UnaryExpr | promql.ParenExpr | promql.SubqueryExpr):
        yield tree.expr
