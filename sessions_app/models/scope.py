"""Whose work a person may see: the one place that says so for querysets."""

from __future__ import annotations

from django.db.models import QuerySet

from biolab.accounts.desk import reads_everything
from biolab.accounts.models import Membership, User


def teams_in_sight(person: User) -> QuerySet[Membership, object] | list[object] | None:
    """Return what ``team__in`` takes: the teams whose work the person sees, or None for all of them.

    Administrators and whoever has a place at the compliance desk see all. A service token bound to one team sees that
    team alone.
    """
    token = person.credential
    if token is not None and token.team_id is not None:
        if reads_everything(person) or Membership.objects.filter(user_id=person.pk, team_id=token.team_id).exists():
            return [token.team_id]
        return []
    if reads_everything(person):
        return None
    return Membership.objects.filter(user_id=person.pk).values_list("team_id", flat=True)
