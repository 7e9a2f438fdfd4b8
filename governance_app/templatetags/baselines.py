"""What baselines hold, in words for people."""

from __future__ import annotations

from typing import Final

from django import template

from biolab.accounts.roles import Role
from sessions_app.states import StepStatus

register = template.Library()

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
