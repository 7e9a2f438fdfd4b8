"""Questions about who may do what at the bench."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from biolab.accounts.models import ServiceToken, Team, User
from biolab.accounts.policies import require, require_scope, role_in
from biolab.accounts.roles import RIGHTS, PlatformRole, Right, Role, Scope
from biolab.accounts.selectors import people_who_may
from biolab.kernel.errors import Forbidden


def require_right(person: User | None, right: Right, team: Team | UUID) -> None:
    """Refuse unless the person may write here by role and by token; the system (None) may.

    Raises:
        Forbidden: the role in the team, the platform role or the token's scopes or team do not allow it.
    """
    if person is None:
        return
    require_scope(person, Scope.SESSIONS_WRITE)
    team_id = team.pk if isinstance(team, Team) else team
    token = person.credential
    if token is not None and token.team_id is not None and token.team_id != team_id:
        raise Forbidden("This token is for another team.", code="token_of_another_team")
    require(person, right, team_id)


def require_room_for_more(person: User) -> None:
    """Refuse a token that was made for certain sessions: it starts no others and writes no protocols.

    Raises:
        Forbidden: the token names its sessions.
    """
    if person.credential is not None and person.credential.session_ids:
        raise Forbidden("This token is for certain sessions only.", code="token_of_certain_sessions")


def rights_in(person: User, team_id: UUID) -> frozenset[Right]:
    """Return what the person may do at the bench of a team; ``require_right`` refuses the rest."""
    token = person.credential
    if person.role == PlatformRole.VIEWER or (token is not None and not _reaches(token, team_id)):
        return frozenset({Right.READ})
    role = role_in(person, team_id)
    return RIGHTS[role] if role is not None else frozenset()


def approving_roles(name: str) -> frozenset[Role]:
    """Return the roles that give a step the approval called ``name``: the role of that name, else approver and QA."""
    named = frozenset(role for role in Role if role == name.casefold() and Right.RUN in RIGHTS[role])
    return named or frozenset({Role.APPROVER, Role.QA})


def people_who_approve(name: str, team_id: UUID) -> QuerySet[User]:
    """Return the members who may give the approval called ``name``, as far as their own rights go."""
    roles = approving_roles(name)
    return people_who_may(Right.RUN, team_id).filter(memberships__team=team_id, memberships__role__in=roles)


def _reaches(token: ServiceToken, team_id: UUID) -> bool:
    """Tell whether the token may write sessions of the team."""
    return (not token.scopes or Scope.SESSIONS_WRITE in token.scopes) and token.team_id in (None, team_id)
