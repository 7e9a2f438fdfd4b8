"""Which series a selector picks: its labels against the matchers, patterns in time linear in the text (RE2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import promql_parser as promql
import pyarrow as pa
import pyarrow.compute as pc

from telemetry_app.promql.errors import BadQueryError
from telemetry_app.promql.shapes import NAME, Labels

LONGEST_PATTERN: Final = 4_096


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; a label that is not there counts as empty.

    Attributes:
        pattern: whether ``value`` is a regular expression that the whole label has to match.
        wanted: whether it has to match, or must not.
    """

    label: str
    value: str
    pattern: bool = False
    wanted: bool = True

    def holds(self, text: str) -> bool:
        """Tell whether a label's value meets the condition."""
        return (_matches(self.value, text) if self.pattern else text == self.value) == self.wanted


@dataclass(frozen=True, slots=True)
class Selector:
    """What a selector asks for: any of several lists of conditions, each of which must hold whole."""

    either: Sequence[Sequence[Matcher]]

    def picks(self, labels: Labels) -> bool:
        """Tell whether a series with these labels is meant."""
        return any(all(one.holds(labels.get(one.label, "")) for one in some) for some in self.either)

    def may_pick(self, labels: Labels, known: Iterable[str]) -> bool:
        """Tell whether a series could be meant of which only the labels called ``known`` are given."""
        names = frozenset(known)
        return any(
            all(one.holds(labels.get(one.label, "")) for one in some if one.label in names) for some in self.either
        )

    def fixed(self, label: str) -> set[str] | None:
        """Return the values that a label can only have; None where it may have any."""
        values = [
            next((one.value for one in some if one.label == label and one.wanted and not one.pattern), None)
            for some in self.either
        ]
        return None if None in values else {value for value in values if value is not None}


def selector_of(tree: Any) -> Selector:
    """Return what a vector selector asks for.

    Raises:
        BadQueryError: a pattern is too long, or none.
    """
    named = [] if tree.name is None else [Matcher(NAME, tree.name)]
    common = [*named, *map(_matcher, tree.matchers.matchers)]
    either = [[*common, *map(_matcher, some)] for some in tree.matchers.or_matchers] or [common]
    for one in (one for some in either for one in some if one.pattern):
        _matches(one.value, "")
    return Selector(either)


def fixed_labels(tree: Any) -> dict[str, str]:
    """Return the labels that a vector selector fixes: those with one condition alone, that of being equal."""
    conditions = Counter(one.name for one in tree.matchers.matchers)
    equal = [one for one in tree.matchers.matchers if one.op == promql.MatchOp.Equal and one.name != NAME]
    return {one.name: one.value for one in equal if conditions[one.name] == 1}


def _matcher(one: Any) -> Matcher:
    pattern = one.op in (promql.MatchOp.Re, promql.MatchOp.NotRe)
    wanted = one.op in (promql.MatchOp.Equal, promql.MatchOp.Re)
    return Matcher(one.name, one.value, pattern, wanted)


@lru_cache(maxsize=4096)
def _matches(pattern: str, text: str) -> bool:
    if len(pattern) > LONGEST_PATTERN:
        raise BadQueryError(f"A pattern has at most {LONGEST_PATTERN} characters.")
    try:
        found = pc.match_substring_regex(pa.array([text], type=pa.string()), pattern=rf"\A(?s:{pattern})\z")
    except pa.ArrowInvalid as problem:
        raise BadQueryError(f"This pattern cannot be read: {problem}.") from None
    return bool(found[0].as_py())
