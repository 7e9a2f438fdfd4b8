"""Who sees which teams, people and tokens."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from biolab.accounts.models import Membership, ServiceToken, Team, User
from biolab.accounts.roles import RIGHTS, PlatformRole, Right


def teams_of(person: User) -> QuerySet[Team]:
    """Return the teams the person sees: their own, an administrator all; a token bound to one team, that one."""
    teams = Team.objects.all() if person.is_admin else Team.objects.filter(memberships__user=person).distinct()
    token = person.credential
    return teams.filter(pk=token.team_id) if token is not None and token.team_id is not None else teams


def teams_with_members(person: User) -> QuerySet[Team]:
    """Return ``teams_of`` with their members at hand, in the order in which they came."""
    members = Membership.objects.select_related("user").order_by("created_at", "id")
    return teams_of(person).prefetch_related(Prefetch("memberships", members))


def people_who_may(right: Right, team: Team | UUID) -> QuerySet[User]:
    """Return the members whose role in the team allows ``right``; platform viewers read and do nothing else."""
    roles = [role for role, rights in RIGHTS.items() if right in rights]
    team_id = team.pk if isinstance(team, Team) else team
    people = User.objects.filter(is_active=True, memberships__team=team_id, memberships__role__in=roles)
    return people if right is Right.READ else people.exclude(role=PlatformRole.VIEWER)


def people_of(person: User) -> QuerySet[User]:
    """Return the accounts the person sees: an administrator all, everyone else their own."""
    return User.objects.all() if person.is_admin else User.objects.filter(pk=person.pk)


def tokens_of(person: User) -> QuerySet[ServiceToken]:
    """Return the service tokens the person sees: an administrator all, everyone else their own."""
    tokens = ServiceToken.objects.select_related("owner", "team")
    return tokens if person.is_admin else tokens.filter(owner=person)
