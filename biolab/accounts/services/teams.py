"""Teams, who belongs to them, and in which of them new work begins."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from biolab.accounts.models import Membership, Team, User
from biolab.accounts.policies import may
from biolab.accounts.roles import PlatformRole, Right, Role
from biolab.accounts.selectors import teams_of
from biolab.accounts.services.bench import lodge
from biolab.accounts.services.sign_in import tell_sockets
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Forbidden, Invalid, Missing
from biolab.kernel.ids import find


@transaction.atomic
def found_team(*, name: str, by: User, at: datetime) -> Team:
    """Make a team whose owner is ``by``."""
    if by.role == PlatformRole.VIEWER:
        raise Forbidden("A viewer reads and changes nothing.", code="viewer_writes_nothing")
    team = Team.objects.create(name=name, created_at=at)
    _leave_default_team(by)
    Membership.objects.create(team=team, user=by, role=Role.OWNER, created_at=at)
    security.note("team.created", person=by, at=at, team_id=team.public_id, name=name)
    return team


@transaction.atomic
def add_member(*, team: Team, person: User, role: str, by: User | None, at: datetime) -> Membership:
    """Give the person a role in the team.

    Raises:
        Forbidden: ``by`` neither owns nor manages the team and is no administrator.
        Conflict: the person belongs to it already, or has no active account.
    """
    require_management(by, team)
    team = Team.objects.select_for_update().get(pk=team.pk)
    if not person.is_active:
        raise Conflict("This account has ended.", code="account_ended")
    present = Membership.objects.filter(team=team, user=person).first()
    if present is not None and not present.provisional:
        raise Conflict("This person belongs to the team already.", code="already_a_member")
    _leave_default_team(person)
    member = Membership.objects.create(team=team, user=person, role=Role(role), created_at=at)
    _note("team.member_added", member, by=by, at=at, role=str(role))
    return member


@transaction.atomic
def change_role(*, member: Membership, role: str, by: User | None, at: datetime) -> Membership:
    """Give a member another role.

    Raises:
        Forbidden: as for ``add_member``.
        Missing: the person has left meanwhile.
        Conflict: the team would lose its last owner.
    """
    require_management(by, member.team)
    member = _hold(member)
    if member.role == role:
        return member
    _keep_an_owner(member)
    old, member.role = member.role, Role(role)
    member.provisional = False
    member.save(update_fields=["role", "provisional"])
    _note("team.role_changed", member, by=by, at=at, old=old, new=str(role))
    return member


@transaction.atomic
def remove_member(*, member: Membership, by: User | None, at: datetime) -> None:
    """Take a person out of the team; anyone may leave by themselves.

    Raises:
        Forbidden: as for ``add_member``.
        Missing: they have left meanwhile.
        Conflict: the team would lose its last owner.
    """
    if by is None or by.pk != member.user_id:
        require_management(by, member.team)
    member = _hold(member)
    _keep_an_owner(member)
    _note("team.member_removed", member, by=by, at=at, role=str(member.role))
    member.delete()


def team_for(person: User, team_id: str | None, *, at: datetime, controllers: bool = False) -> Team:
    """Return the team in which the person's new work begins.

    Named: that team, if they see it. Not named: their only one. An administrator in no team, and on the controllers'
    doors (``/api/v1``) anyone in no team, works in the default team.

    Raises:
        Missing: no such team for this person.
        Invalid: several teams, none named (``teams`` lists them); or none at all.
    """
    mine = teams_of(person)
    if team_id:
        return find(mine, team_id)
    found = list(mine.filter(memberships__user=person).order_by("name", "id")[:50])
    if len(found) > 1:
        raise Invalid(
            "You belong to several teams: name one.",
            code="team_needed",
            errors=[{"pointer": "/team_id", "detail": "Name one of your teams."}],
            teams=[{"id": team.public_id, "name": team.name} for team in found],
        )
    if not found and (controllers or person.is_admin) and not _is_narrowed(person):
        lodged = lodge(person=person, at=at)
        found = [lodged] if lodged is not None else []
    if not found:
        raise Invalid(
            "You belong to no team yet.",
            code="no_team",
            errors=[{"pointer": "/team_id", "detail": "You belong to no team yet."}],
            teams=[],
        )
    return found[0]


def _is_narrowed(person: User) -> bool:
    return person.credential is not None and person.credential.team_id is not None


def _hold(member: Membership) -> Membership:
    """Return the membership as it is now, with its team held until the transaction ends."""
    Team.objects.select_for_update().get(pk=member.team_id)
    held = Membership.objects.select_related("team", "user").filter(pk=member.pk).first()
    if held is None:
        raise Missing("There is no member with this id.")
    return held


def find_member(team: Team, user_id: object) -> Membership:
    """Return the team's member whom the id of the person names.

    Raises:
        Missing: nobody of that id belongs to it.
    """
    person = find(User.objects.all(), user_id)
    member = team.memberships.select_related("team", "user").filter(user=person).first()
    if member is None:
        raise Missing("There is no member with this id.")
    return member


def require_management(by: User | None, team: Team) -> None:
    """Refuse unless ``by`` owns or manages the team, is an administrator, or is the system (None).

    Raises:
        Forbidden: otherwise.
    """
    if by is not None and not by.is_admin and not may(by, Right.MANAGE_MEMBERS, team):
        raise Forbidden("Owners, managers and administrators alone change who belongs to a team.", code="not_a_manager")


def _leave_default_team(person: User) -> None:
    Membership.objects.filter(user=person, provisional=True).delete()


def _keep_an_owner(member: Membership) -> None:
    if member.role != Role.OWNER:
        return
    if not Membership.objects.filter(team=member.team_id, role=Role.OWNER).exclude(pk=member.pk).exists():
        raise Conflict("A team keeps at least one owner.", code="last_owner")


def _note(kind: str, member: Membership, *, by: User | None, at: datetime, **detail: str) -> None:
    tell_sockets(member.user)
    security.note(kind, person=by, at=at, team_id=member.team.public_id, user_id=member.user.public_id, **detail)
