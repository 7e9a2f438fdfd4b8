"""Which parts of a numbered sequence nobody has covered yet (pure)."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]


def uncovered(head: int, covered: Iterable[Range]) -> list[Range]:
    """Return the runs of 1 … ``head`` that no range covers, in order, each as (first, last).

    Args:
        head: the last number there is; 0 for none.
        covered: ranges (first, last), both included, in any order, overlapping or not; what lies outside is ignored.
    """
    gaps, reached = [], 0
    for first, last in sorted(covered):
        if first > reached + 1:
            gaps.append((reached + 1, min(first - 1, head)))
        reached = max(reached, last)
        if reached >= head:
            break
    if reached < head:
        gaps.append((reached + 1, head))
    return [(first, last) for first, last in gaps if first <= last]
