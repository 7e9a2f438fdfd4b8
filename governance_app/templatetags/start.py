"""Figures of the start page as people read them."""

from __future__ import annotations

from typing import Final

from django import template

from sessions_app.templatetags.spans import span

register = template.Library()

REASONS: Final = {
    "status_regression": "becomes {}",
    "new_blockers": "is newly blocked: {}",
    "due_delay_minutes": "is due {} later",
    "sla_increase_hours": "is given {} h more",
}


@register.filter
def percent(share: float | None) -> str:
    """Return a share as a whole percentage; a dash for none."""
    return "—" if share is None else f"{share:.0%}"


@register.filter
def minutes(number: float | None) -> str:
    """Return minutes as a length of time: ``45 min``, ``3 h 30 min``; a dash for none."""
    return span(None if number is None else number * 60)


@register.filter
def in_words(reason: str) -> str:
    """Return a guardrail's reason, ``stage_1:due_delay_minutes:240``, in words; stages count from 1 as on ladders."""
    stage, _, rest = reason.partition(":")
    what, _, detail = rest.partition(":")
    index = stage.removeprefix("stage_")
    if what not in REASONS or not index.isdecimal():
        return reason
    told = minutes(float(detail)) if what == "due_delay_minutes" and detail.isdecimal() else detail
    return f"Stage {int(index) + 1} {REASONS[what].format(told)}"
