"""A session held against a baseline, both as frozen content: steps, durations, parameters, envelopes. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from typing import Any, Final

INSIDE: Final = "inside"
OUTSIDE: Final = "outside"
MISSING: Final = "missing"
TOLERANCE_PERCENT: Final = 5.0

Content = Mapping[str, Any]


def compare_contents(
    baseline: Content, session: Content, *, tolerance_percent: float = TOLERANCE_PERCENT
) -> dict[str, Any]:
    """Return how a session kept to a baseline.

    Args:
        tolerance_percent: how far readings may leave the baseline's, in percent of the channel's range there; ≥ 0.
    """
    steps = [compare_step(*pair) for pair in _aligned(baseline["steps"], session["steps"])]
    theirs = {channel["name"]: channel for channel in session["channels"]}
    held = {channel["name"] for channel in baseline["channels"]}
    channels = [
        compare_channel(channel, theirs.get(channel["name"]), tolerance_percent=tolerance_percent)
        for channel in baseline["channels"]
    ]
    more = [{"name": name, "unit": channel["unit"]} for name, channel in sorted(theirs.items()) if name not in held]
    durations = _durations(baseline["session"]["duration_s"], session["session"]["duration_s"])
    return {
        "steps": steps,
        "duration": durations,
        "channels": channels,
        "additional_channels": more,
        "parameters": _changed(baseline["parameters"], session["parameters"]),
        "same_protocol_version": _version(baseline) == _version(session),
        "summary": {
            "steps": _counted((step["change"] for step in steps), ("same", "changed", "added", "missing")),
            "channels": _counted((channel["verdict"] for channel in channels), (INSIDE, OUTSIDE, MISSING)),
        },
    }


def compare_step(baseline: Content | None, session: Content | None) -> dict[str, Any]:
    """Return a step of both; ``change`` is ``same``, ``changed`` (worded anew), ``added`` or ``missing``."""
    present = session or baseline or {}
    if baseline is None:
        change = "added"
    elif session is None:
        change = "missing"
    else:
        change = "same" if baseline["instruction"] == session["instruction"] else "changed"
    return {
        "instruction": present.get("instruction", ""),
        "change": change,
        "baseline": _outcome(baseline),
        "session": _outcome(session),
        **_durations(
            baseline["duration_s"] if baseline is not None else None,
            session["duration_s"] if session is not None else None,
        ),
    }


def compare_channel(baseline: Content, session: Content | None, *, tolerance_percent: float) -> dict[str, Any]:
    """Return how one channel kept to the baseline's.

    ``verdict``: ``missing`` where the session has no readings of it in the same unit; ``outside`` where one lies below
    the baseline's least or above its greatest value by more than the tolerance; else ``inside``. ``intervals`` counts
    the baseline's intervals of time by the same words, each against what the baseline did around that time.
    """
    slack = tolerance_percent / 100 * _range(baseline["minimum"], baseline["maximum"])
    unit_differs = session is not None and session["unit"] != baseline["unit"]
    found = None if unit_differs else session
    marks = _intervals(baseline, found, slack)
    if found is None:
        verdict = MISSING
    else:
        below = found["minimum"] < baseline["minimum"] - slack
        above = found["maximum"] > baseline["maximum"] + slack
        verdict = OUTSIDE if below or above else INSIDE
    return {
        "name": baseline["name"],
        "unit": baseline["unit"],
        "verdict": verdict,
        "unit_differs": unit_differs,
        "allowed": {"minimum": baseline["minimum"] - slack, "maximum": baseline["maximum"] + slack},
        "baseline": _figures(baseline),
        "session": _figures(session) if session is not None else None,
        "intervals": _counted(marks, (INSIDE, OUTSIDE, MISSING)),
    }


def _intervals(baseline: Content, session: Content | None, slack: float) -> Iterator[str]:
    """Yield a word for each interval of the baseline; its band is as wide as it and its two neighbours are."""
    begins, low, high = baseline["elapsed_s"], baseline["low"], baseline["high"]
    width = _width(begins)
    for place, begin in enumerate(begins):
        seen = _between(session, begin, begin + width) if session is not None else None
        if seen is None:
            yield MISSING
            continue
        around = slice(max(place - 1, 0), place + 2)
        kept = seen[0] >= min(low[around]) - slack and seen[1] <= max(high[around]) + slack
        yield INSIDE if kept else OUTSIDE


def _between(channel: Content, begin: float, end: float) -> tuple[float, float] | None:
    """Return the least and greatest value of the intervals that touch begin ≤ time ≤ end; None where none does."""
    begins = channel["elapsed_s"]
    width = _width(begins)
    first, last = bisect_right(begins, begin), bisect_right(begins, end)
    if first and begins[first - 1] + width >= begin:
        first -= 1
    if first >= last:
        return None
    return min(channel["low"][first:last]), max(channel["high"][first:last])


def _width(begins: Sequence[float]) -> float:
    """Return how long an interval lasts, in seconds; gaps between them are longer. 0 for a single one."""
    return min((after - before for before, after in pairwise(begins)), default=0.0)


def _range(low: float, high: float) -> float:
    return 2 * (high / 2 - low / 2) if abs(high) < 1e307 and abs(low) < 1e307 else 0.0


def _aligned(ours: Sequence[Content], theirs: Sequence[Content]) -> Iterator[tuple[Content | None, Content | None]]:
    """Yield the steps that say the same together; what was worded anew, by its place between those."""
    texts, others = ([step["instruction"] for step in steps] for steps in (ours, theirs))
    for _, from_a, to_a, from_b, to_b in SequenceMatcher(None, texts, others, autojunk=False).get_opcodes():
        yield from zip_longest(ours[from_a:to_a], theirs[from_b:to_b])


def _outcome(step: Content | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {name: step[name] for name in ("index", "instruction", "status", "duration_s", "planned_duration_s")}


def _figures(channel: Content) -> dict[str, Any]:
    return {name: channel[name] for name in ("unit", "count", "minimum", "maximum", "mean")}


def _durations(baseline_s: float | None, session_s: float | None) -> dict[str, float | None]:
    difference = None if baseline_s is None or session_s is None else session_s - baseline_s
    return {"baseline_duration_s": baseline_s, "session_duration_s": session_s, "difference_s": difference}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters that differ, by name; None stands for one that is not there."""
    return [
        {"name": name, "baseline": before.get(name), "session": after.get(name)}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name) or (name in before) != (name in after)
    ]


def _version(content: Content) -> int | None:
    protocol = content["protocol"]
    return None if protocol is None else protocol["version"]


def _counted(words: Iterator[str] | Any, known: Sequence[str]) -> dict[str, int]:
    counts = dict.fromkeys(known, 0)
    for word in words:
        counts[word] += 1
    return counts
