"""What baselines hold, in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import template

from biolab.accounts.roles import Role
from sessions_app.requirement_rows import KINDS
from sessions_app.states import StepStatus

register = template.Library()

BY_STEP: Final = "step_requirements"

ACTIONS: Final = {
    "submitted": "Proposed",
    "review.approve": "Approved",
    "review.reject": "Rejected",
    "published": "Published",
    "rolled_back": "Rolled back",
    "restored": "Current again",
    "override_reassign": "Reviewers changed",
    "override_cooldown": "Reviews pause",
}


@register.filter
def spoken_action(action: str) -> str:
    """Return what was done, as people say it."""
    return ACTIONS.get(action, action)


@register.filter
def spoken_status(status: str) -> str:
    """Return a step's status, as people say it."""
    return str(StepStatus(status).label) if status in StepStatus.values else status


@register.filter
def spoken_role(role: str) -> str:
    """Return a team role, as people say it."""
    return str(Role(role).label) if role in Role.values else role


@register.filter
def spoken_parameter(name: str) -> str:
    """Return what a parameter is called, as people say it."""
    return "requirements of steps" if name == BY_STEP else KINDS.get(name, name)


@register.filter
def spoken_value(value: Any, name: str = "") -> str:
    """Return the value of the parameter ``name`` in words, with single steps numbered from 1, as pages show them."""
    match value:
        case None:
            return "not there"
        case {"channel": channel}:
            least, most, within_s = value.get("min"), value.get("max"), value.get("within_s")
            limits = [f"≥ {least}" if least is not None else "", f"≤ {most}" if most is not None else ""]
            return " ".join(filter(None, (str(channel), *limits, f"within {within_s} s" if within_s else "")))
        case Mapping():
            return "; ".join(f"{_key(key, name)}: {spoken_value(each)}" for key, each in value.items())
        case list():
            return ", ".join(spoken_value(each) for each in value)
        case _:
            return str(value)


def _key(key: str, name: str) -> str:
    return f"step {int(key) + 1}" if name == BY_STEP and key.isdecimal() else spoken_parameter(key)
