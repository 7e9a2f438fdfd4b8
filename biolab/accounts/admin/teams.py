"""Teams and their members in the administration."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from biolab.accounts.models import Membership, Team, User
from biolab.accounts.services import teams
from biolab.kernel import security
from biolab.kernel.admin import Inline, ServiceAdmin, display


class Members(Inline):
    """Who belongs to the team, and as what."""

    model = Membership
    fields = ("user", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)


@admin.register(Team)
class TeamAdmin(ServiceAdmin):
    """Teams; members come, go and change roles through the same services as by API."""

    list_display = ("name", "size", "created_at")
    search_fields = ("name",)
    fields = ("name", "created_at")
    readonly_fields = ("created_at",)
    inlines = (Members,)
    actions = ("export_csv",)

    @display(description="members")
    def size(self, team: Team) -> int:
        return team.memberships.count()

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        if change and not form.has_changed():
            return
        super().save_model(request, obj, form, change)
        security.note(
            "team.renamed" if change else "team.created",
            person=cast(User, request.user),
            at=timezone.now(),
            team_id=obj.public_id,
            name=obj.name,
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        by, now = cast(User, request.user), timezone.now()
        formset.save(commit=False)
        for member in formset.new_objects:
            teams.add_member(team=form.instance, person=member.user, role=member.role, by=by, at=now)
        for member, _ in formset.changed_objects:
            teams.change_role(member=member, role=member.role, by=by, at=now)
        for member in formset.deleted_objects:
            teams.remove_member(member=member, by=by, at=now)
