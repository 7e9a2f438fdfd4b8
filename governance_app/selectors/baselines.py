"""Reads of baselines that return a shape."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.accounts.selectors import people_who_may
from governance_app.models import GovernanceBaseline
from sessions_app.models import LabSession


def current_baseline(protocol_id: Any) -> GovernanceBaseline | None:
    """Return the baseline that a protocol is held to now, with its snapshot and content at hand; None without one."""
    current = GovernanceBaseline.objects.current().filter(protocol_id=protocol_id)
    return current.select_related("session", "protocol", "snapshot", "frozen").first()


def people_to_review(session: LabSession, *, proposed_by: User) -> list[User]:
    """Return the members of the session's team who could review what a colleague proposes, by name.

    Each has their role in the team at hand as ``role_here``.
    """
    people = people_who_may(Right.RUN, session.team_id).annotate(role_here=F("memberships__role"))
    return list(people.exclude(pk=proposed_by.pk).order_by("full_name", "username", "pk"))


def earlier_versions(baseline: GovernanceBaseline) -> list[GovernanceBaseline]:
    """Return the other versions of the same protocol's baseline, newest first: what a rollback may go back to."""
    family = GovernanceBaseline.objects.filter(protocol_id=baseline.protocol_id).numbered().exclude(pk=baseline.pk)
    return list(family.order_by("-version_number"))
