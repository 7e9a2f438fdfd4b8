"""Finding channels by words that people half remember; numbers and short words count as much as long ones. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MOST_WORDS: Final = 16
LEAST_ALIKE: Final = 0.5
_WORDS: Final = re.compile(r"\d+|[^\W\d_]+", re.UNICODE)
_RUNS: Final = re.compile(r"[^\W_]+", re.UNICODE)
_HUMPS: Final = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])")


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters, numbers without leading zeros, each once, in their order.

    A run of letters and digits counts as a whole and by its parts: ``Accelerometer1RMS`` is also an accelerometer, a 1
    and an rms; ``VolumeFlow`` is also a volume and a flow.
    """
    found: dict[str, None] = {}
    for run in _RUNS.findall(text):
        parts = [part for hump in _HUMPS.split(run) for part in _WORDS.findall(hump)]
        for word in (run, *parts):
            found[str(int(word)) if word.isascii() and word.isdecimal() else word.casefold()] = None
    return list(found)


def score(wanted: Iterable[str], name: str, unit: str = "") -> float:
    """Return how well a channel answers the wanted words: 1 where it holds each of them, 0 where none is like any.

    Args:
        wanted: the query's words, as :func:`words_of` gives them.
    """
    held = [*words_of(name), *words_of(unit)]
    marks = [max((_alike(word, other) for other in held), default=0.0) for word in wanted]
    return sum(marks) / len(marks) if marks else 0.0


def query_words(text: str) -> list[str]:
    """Return what a query asks for: its runs of letters and digits as they were typed."""
    runs = (run.casefold() for run in _RUNS.findall(text))
    return list(dict.fromkeys(str(int(run)) if run.isascii() and run.isdecimal() else run for run in runs))[:MOST_WORDS]


def _alike(wanted: str, held: str) -> float:
    """Return how alike two words are, from 0 to 1; a number is only like itself."""
    if wanted == held:
        return 1.0
    if wanted.isdecimal() or held.isdecimal():
        return 0.0
    if held.startswith(wanted):
        return 0.9
    if len(wanted) >= 3 and wanted in held:
        return 0.75
    if len(wanted) < 4 or len(held) < 4:
        return 0.0
    ours, theirs = _pairs(wanted), _pairs(held)
    shared = 2 * len(ours & theirs) / (len(ours) + len(theirs))
    return 0.7 * shared if shared >= LEAST_ALIKE else 0.0


def _pairs(word: str) -> set[str]:
    """Return each two neighbouring letters, the word's ends included."""
    edged = f"^{word}$"
    return {edged[at : at + 2] for at in range(len(edged) - 1)}
