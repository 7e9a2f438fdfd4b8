"""Readings as people read them."""

from __future__ import annotations

from typing import Final

from django import template

register = template.Library()

RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@register.filter
def figure(value: float | str | None) -> str:
    """Return a value with six significant digits, as charts show it (static/js/figures.js); a dash for none."""
    if not isinstance(value, int | float):
        return "—"
    digits, _, power = f"{value:.6g}".partition("e")
    return f"{digits}×10{str(int(power)).translate(RAISED)}" if power else digits


@register.filter
def count(number: int) -> str:
    """Return a whole number with its thousands set apart by a space that does not break."""
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")


@register.filter
def entered(value: float | str | None) -> str:
    """Return what a field for a number holds: a value exactly and without needless zeros, or what was typed."""
    return "" if value is None else str(value).removesuffix(".0")
