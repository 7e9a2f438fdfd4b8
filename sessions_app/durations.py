"""How long a step is planned to take, as its line says in brackets at the end: ``Incubate [1 h 30 min]``. Pure."""

from __future__ import annotations

import re
from typing import Final

_SECONDS: Final = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
_PART: Final = r"\d{1,6}\s*(?:d|h|min|s)"
_BRACKETS: Final = re.compile(rf"\[\s*({_PART}(?:\s+{_PART})*)\s*\]\s*$")


def planned_duration_s(instruction: str) -> int | None:
    """Return the seconds that a step's line plans for it; None where it says nothing, or nothing that lasts."""
    found = _BRACKETS.search(instruction)
    if found is None:
        return None
    parts = re.findall(r"(\d+)\s*(d|h|min|s)", found[1])
    total = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    return total if 0 < total < 2**31 else None
