"""Units as people write them: read, spelled one way, explained and converted for display; pure.

Readings stay in the unit their channel was given. Instruments may send any unit, which is kept as the first of them
wrote it; people who set up a channel are told how it is spelled here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from biolab.kernel.errors import Invalid
from telemetry_app.unit_catalogue import CATALOGUE, DEFINITIONS, MISREAD, Entry

if TYPE_CHECKING:
    from pint import UnitRegistry

LONGEST: Final = 64
_ALIKE: Final = str.maketrans({"μ": "µ", "−": "-", "℃": "°C", "℉": "°F", "Ω": "Ω", "º": "°", "∙": "·", "⋅": "·"})
_RAISED: Final = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<sign>[/()]|\*(?!\*)|[·×])|(?P<power>(?:\^|\*\*)?[-]?[1-9])(?!\d)|(?P<name>[^\W\d_]\w*|°[A-Za-z]*|[%‰]))"
)
_TRAILING: Final = re.compile(r"(.*?[^\W\d])(-?[1-9])")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that is understood.

    Attributes:
        symbol: how it is spelled here.
        name: in words.
        quantity: what it measures, such as ``mass concentration``.
    """

    symbol: str
    name: str
    quantity: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a number in one unit becomes one in another: ``value * scale + offset``."""

    scale: float
    offset: float

    def __call__(self, value: float) -> float:
        return value * self.scale + self.offset


def understood(text: str) -> Unit | None:
    """Return what ``text`` means as a unit; None where that is not known or not certain."""
    text = _tidied(text)
    if not text or len(text) > LONGEST or text in MISREAD:
        return None
    known = _symbols().get(text) or _words().get(text.casefold())
    if known is None:
        parsed = _parsed(text)
        if parsed is None:
            return None
        known = _meanings().get(parsed)
        if known is None:
            symbol = f"{parsed:~P}" or text
            return Unit(symbol, f"{parsed:P}" or text, _dimension(parsed)) if len(symbol) <= LONGEST else None
    quantity, entry = known
    return Unit(entry.symbol, entry.name, quantity)


def spelled(text: str) -> str:
    """Return the unit as it is spelled here; empty stays empty.

    Raises:
        Invalid: it is no unit, or may mean two; the sentence says what may be meant.
    """
    text = _tidied(text)
    if not text:
        return ""
    unit = understood(text)
    if unit is None:
        meant = suggestions(text)
        hint = f" Did you mean {_either(meant)}?" if meant else " Leave it empty for a channel without a unit."
        detail = f"“{text[:LONGEST]}” is no unit known here.{hint}"
        raise Invalid(detail, errors=[{"pointer": "/unit", "detail": detail, "suggestions": meant}])
    return unit.symbol


@lru_cache(maxsize=4096)
def same_unit(one: str, other: str) -> bool:
    """Tell whether two texts are one unit, as °C and degC are; what is not understood is the same letter by letter."""
    first, second = understood(one), understood(other)
    return one == other or (first is not None and first == second)


def suggestions(text: str, limit: int = 3) -> list[str]:
    """Return the symbols that ``text`` may stand for, the likeliest first."""
    text = _tidied(text)
    if text in MISREAD:
        return [MISREAD[text]]
    words = {word: entry.symbol for word, (_, entry) in _words().items()}
    words |= {symbol.casefold(): symbol for symbol in _symbols()}
    close = get_close_matches(text.casefold(), words, n=3 * limit, cutoff=0.72)
    return list(dict.fromkeys(words[word] for word in close))[:limit]


def alternatives(text: str) -> list[str]:
    """Return the other units in which a quantity may be shown."""
    unit = understood(text)
    if unit is None:
        return []
    others = [entry.symbol for entry in CATALOGUE.get(unit.quantity, ()) if entry.symbol != unit.symbol]
    return [symbol for symbol in others if conversion(unit.symbol, symbol) is not None]


def conversion(source: str, target: str) -> Conversion | None:
    """Return how numbers in ``source`` are shown in ``target``; None where they measure different things."""
    one, other = understood(source), understood(target)
    if one is None or other is None or one.quantity != other.quantity:
        return None
    known = _symbols()
    if one.symbol not in known or other.symbol not in known:
        return None
    start, end = (_registry().Unit(known[unit.symbol][1].expression) for unit in (one, other))
    if not start.is_compatible_with(end):
        return None
    shown = [float(_registry().Quantity(value, start).to(end).magnitude) for value in (0.0, 1.0)]
    return Conversion(scale=shown[1] - shown[0], offset=shown[0])


@cache
def _registry() -> UnitRegistry[float]:
    """Return the one registry; read on first use, since most processes never need it."""
    from pint import UnitRegistry

    # some of the definitions spell pint's own units anew, which it would tell the log
    registry: UnitRegistry[float] = UnitRegistry(autoconvert_offset_to_baseunit=True, on_redefinition="ignore")
    for definition in DEFINITIONS:
        registry.define(definition)
    return registry


@cache
def _symbols() -> dict[str, tuple[str, Entry]]:
    return {entry.symbol: (quantity, entry) for quantity, entries in CATALOGUE.items() for entry in entries}


@cache
def _words() -> dict[str, tuple[str, Entry]]:
    """Return the entries by every spelling whose case does not matter."""
    return {
        word.casefold(): (quantity, entry)
        for quantity, entries in CATALOGUE.items()
        for entry in entries
        for word in (entry.name, *entry.also)
    }


@cache
def _meanings() -> dict[Any, tuple[str, Entry]]:
    """Return the entries by what they are to ``pint``; of two that are the same, the first."""
    found: dict[Any, tuple[str, Entry]] = {}
    for quantity, entries in CATALOGUE.items():
        for entry in entries:
            found.setdefault(_registry().Unit(entry.expression), (quantity, entry))
    return found


def _tidied(text: str) -> str:
    return " ".join(text.translate(_ALIKE).split())


def _either(choices: list[str]) -> str:
    quoted = [f"“{choice}”" for choice in choices]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


class _Unreadable(Exception):
    """The text is no product of units."""


def _parsed(text: str) -> Any:
    """Return ``text`` as ``pint`` has it, None where it is no product of units and small powers of them.

    ``pint`` reads arithmetic; here it is given single names only, so that no text can make it count for long.
    """
    tokens: list[tuple[str, str]] = []
    text, at = text.translate(_RAISED), 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return None
        kind = match.lastgroup or ""
        if kind == "name" and tokens and tokens[-1][0] != "sign" and not match[0][0].isspace():
            return None
        tokens.append((kind, match[kind]))
        at = match.end()
    named = any(kind == "name" for kind, _ in tokens)
    tokens.reverse()
    try:
        product = _product(tokens)
    except _Unreadable:
        return None
    return None if tokens or not named else product


def _product(tokens: list[tuple[str, str]], depth: int = 0) -> Any:
    """Take a product off the end of the reversed ``tokens``."""
    product = _factor(tokens, depth)
    while tokens and tokens[-1] != ("sign", ")"):
        if tokens[-1] == ("sign", "/"):
            tokens.pop()
            product = product / _factor(tokens, depth)
        else:
            if tokens[-1][0] == "sign" and tokens.pop()[1] == "(":
                raise _Unreadable
            product = product * _factor(tokens, depth)
    return product


def _factor(tokens: list[tuple[str, str]], depth: int) -> Any:
    if not tokens or depth > 2:
        raise _Unreadable
    kind, word = tokens.pop()
    if kind == "sign" and word == "(":
        unit = _product(tokens, depth + 1)
        if not tokens or tokens.pop() != ("sign", ")"):
            raise _Unreadable
    elif kind == "power" and word == "1":
        return _registry().Unit("")
    elif kind == "name":
        unit = _named(word)
    else:
        raise _Unreadable
    if tokens and tokens[-1][0] == "power":
        unit = unit ** int(tokens.pop()[1].lstrip("^*"))
    return unit


def _named(word: str) -> Any:
    """Return the unit that a single word names, where a digit at its end may be a power."""
    from pint.errors import UndefinedUnitError

    if word in MISREAD:
        raise _Unreadable
    known = _symbols().get(word)
    if known is not None:
        return _registry().Unit(known[1].expression)
    raised = _TRAILING.fullmatch(word)
    if raised is not None:
        return _named(raised[1]) ** int(raised[2])
    try:
        return _registry().Unit(word)
    except (UndefinedUnitError, ValueError, AttributeError) as error:
        raise _Unreadable from error


def _dimension(unit: Any) -> str:
    """Return the dimension of a unit outside the catalogue, such as ``mass / length³``."""
    return str(f"{unit.dimensionality:P}").replace("[", "").replace("]", "") if unit.dimensionality else "ratio"
