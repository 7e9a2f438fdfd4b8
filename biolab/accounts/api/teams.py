"""Teams and their members."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.accounts.api import forms
from biolab.accounts.api.shapes import member_shape, team_shape
from biolab.accounts.models import Team, User
from biolab.accounts.selectors import teams_of, teams_with_members
from biolab.accounts.services import teams
from biolab.kernel.api import Door
from biolab.kernel.api.paging import paged
from biolab.kernel.errors import Missing
from biolab.kernel.ids import find

TAGS = ["teams"]


class TeamsDoor(Door):
    """The teams a person is in, all of them for administrators, and founding one."""

    @extend_schema(tags=TAGS, summary="Teams", parameters=paged(), responses=forms.TeamAnswer(many=True))
    def get(self, request: Request) -> Response:
        page = self.page(teams_with_members(self.person), order=("created_at", "id"))
        return self.bare(page, team_shape)

    @extend_schema(tags=TAGS, summary="Found a team", request=forms.TeamForm, responses={201: forms.TeamAnswer})
    def post(self, request: Request) -> Response:
        team = teams.found_team(by=self.person, at=self.now, **self.validated(forms.TeamForm))
        return self.answer(team_shape(find(teams_with_members(self.person), team.pk)), 201)


class TeamDoor(Door):
    """One team."""

    @extend_schema(tags=TAGS, summary="One team", responses=forms.TeamAnswer)
    def get(self, request: Request, team_id: str) -> Response:
        return self.answer(team_shape(find(teams_with_members(self.person), team_id)))


class MembersDoor(Door):
    """The members of a team, and taking one in."""

    @extend_schema(tags=TAGS, summary="Members", parameters=paged(), responses=forms.MemberAnswer(many=True))
    def get(self, request: Request, team_id: str) -> Response:
        team = find(teams_of(self.person), team_id)
        page = self.page(team.memberships.select_related("user"), order=("created_at", "id"))
        return self.bare(page, member_shape)

    @extend_schema(tags=TAGS, summary="Add a member", request=forms.MemberForm, responses={201: forms.MemberAnswer})
    def post(self, request: Request, team_id: str) -> Response:
        team = find(teams_of(self.person), team_id)
        teams.require_management(self.person, team)
        form = self.validated(forms.MemberForm)
        member = teams.add_member(team=team, person=self._named(form), role=form["role"], by=self.person, at=self.now)
        return self.answer({"team_id": team.public_id, **member_shape(member)}, 201)

    def _named(self, form: dict[str, str]) -> User:
        active = User.objects.filter(is_active=True)
        if "user_id" in form:
            return find(active, form["user_id"])
        person = active.filter(email=form["email"].strip().casefold()).first()
        if person is None:
            raise Missing("There is no account with this e-mail.")
        return person


class MemberDoor(Door):
    """One member of a team."""

    def _team(self, team_id: str) -> Team:
        return find(teams_of(self.person), team_id)

    @extend_schema(tags=TAGS, summary="Change a role", request=forms.RoleForm, responses=forms.MemberAnswer)
    def patch(self, request: Request, team_id: str, user_id: str) -> Response:
        member = teams.find_member(self._team(team_id), user_id)
        role = self.validated(forms.RoleForm, partial=True).get("role", member.role)
        member = teams.change_role(member=member, role=role, by=self.person, at=self.now)
        return self.answer(member_shape(member))

    @extend_schema(tags=TAGS, summary="Remove a member", responses={204: None})
    def delete(self, request: Request, team_id: str, user_id: str) -> Response:
        member = teams.find_member(self._team(team_id), user_id)
        teams.remove_member(member=member, by=self.person, at=self.now)
        return self.answer(None, 204)
