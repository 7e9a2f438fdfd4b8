"""Lengths of time as people read them."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def span(seconds: float | None) -> str:
    """Return a length of time: ``45 s``, ``10 min``, ``1 h 30 min``, ``2 d 4 h``; a dash for none."""
    if seconds is None:
        return "—"
    whole = round(abs(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (whole % 60, "s")]
    told = [f"{number} {unit}" for number, unit in parts if number][:2]
    return ("−" if seconds < 0 and whole else "") + (" ".join(told) or "0 s")


@register.filter
def signed_span(seconds: float | None) -> str:
    """Return a difference of lengths of time, with its sign."""
    return f"+{span(seconds)}" if seconds is not None and round(seconds) > 0 else span(seconds)
