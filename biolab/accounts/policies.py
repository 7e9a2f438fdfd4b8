"""Questions about who may do what in a team."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from biolab.accounts.desk import reads_everything
from biolab.accounts.models import Membership, Team, User
from biolab.accounts.roles import RIGHTS, PlatformRole, Right, Role
from biolab.kernel.errors import Forbidden


def role_in(person: User, team: Team | UUID) -> Role | None:
    """Return the person's role in the team, or None."""
    team_id = team.pk if isinstance(team, Team) else team
    role = Membership.objects.filter(team_id=team_id, user_id=person.pk).values_list("role", flat=True).first()
    return Role(role) if role is not None else None


def may(person: User, right: Right, team: Team | UUID) -> bool:
    """Tell whether the person may do ``right`` in ``team``.

    Administrators read everything and run nothing for others; a platform viewer writes nothing anywhere.
    """
    if right is Right.READ and reads_everything(person):
        return True
    if right is not Right.READ and person.role == PlatformRole.VIEWER:
        return False
    role = role_in(person, team)
    return role is not None and right in RIGHTS[role]


def require(person: User, right: Right, team: Team | UUID) -> None:
    """Refuse unless ``may``.

    Raises:
        Forbidden: the person's role in the team does not allow it.
    """
    if not may(person, right, team):
        raise Forbidden(f"Your role in this team does not allow this ({right.replace('_', ' ')}).", right=str(right))


def require_scope(person: User, scope: str) -> None:
    """Refuse when a service token speaks for the person and was not given ``scope``.

    Raises:
        Forbidden: the token has scopes and this is none of them.
    """
    token = person.credential
    if token is not None and token.scopes and scope not in token.scopes:
        raise Forbidden(f"This token was not given the scope {scope}.", code="scope_missing", scope=scope)


def teams_where(person: User, right: Right) -> QuerySet[Team]:
    """Return the teams in which the person's role allows ``right``, by name; none for a platform viewer who writes."""
    if right is not Right.READ and person.role == PlatformRole.VIEWER:
        return Team.objects.none()
    roles = [role for role, rights in RIGHTS.items() if right in rights]
    teams = Team.objects.filter(memberships__user_id=person.pk, memberships__role__in=roles)
    if person.credential is not None and person.credential.team_id is not None:
        teams = teams.filter(pk=person.credential.team_id)
    return teams.order_by("name", "id")


def objection_to_own_signature(person: User) -> Forbidden | None:
    """Return why nobody can sign as this person now, whatever they give; None when somebody could.

    Who set a password for somebody else knows it: until its owner has chosen another it proves nothing. Nor does one
    that was set in the owner's name without the one before: who knows it may know nothing else of them.
    """
    if person.password_reset_by_id is None:
        return None
    if person.password_reset_by_id == person.pk:
        sentence = (
            "Your password was set without the one before it. Ask an administrator to set one, choose one of your own "
            "on your account's page, then sign."
        )
    else:
        sentence = "Somebody else set your password. Choose one of your own on your account's page, then sign."
    return Forbidden(sentence, code="password_not_own")


def require_administrator(by: User | None) -> None:
    """Refuse unless ``by`` is an administrator, or the system itself (None).

    Raises:
        Forbidden: otherwise.
    """
    if by is not None and not by.is_admin:
        raise Forbidden("Only administrators may do this.", code="administrators_only")
