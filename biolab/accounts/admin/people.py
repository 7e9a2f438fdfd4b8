"""People in the administration."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin  # registers Group, so that it can be taken off again
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from unfold.widgets import UnfoldAdminPasswordWidget

from biolab.accounts.models import Membership, User
from biolab.accounts.services import people
from biolab.accounts.services.sign_in import end_all_sign_ins
from biolab.kernel import security
from biolab.kernel.admin import Inline, ServiceAdmin, action, confirmed

if isinstance(admin.site._registry.get(Group), GroupAdmin):
    admin.site.unregister(Group)  # rights come from roles, not from groups


class PersonForm(forms.ModelForm[User]):
    """A person's account; the password is only ever set, never shown."""

    new_password = forms.CharField(
        label="Password",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Leave empty to keep it. A new one ends every sign-in of the person.",
    )

    class Meta:
        model = User
        fields = ("email", "username", "full_name", "role")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().casefold()

    def clean_new_password(self) -> str:
        password = str(self.cleaned_data["new_password"])
        if password:
            validate_password(password, self.instance)
        return password


class MembershipsOfPerson(Inline):
    """The teams a person belongs to; changed on the team's page."""

    model = Membership
    fields = ("team", "role", "created_at")
    readonly_fields = fields
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(ServiceAdmin):
    """Accounts: made, changed and ended through the same services as by API."""

    form = PersonForm
    list_display = ("username", "full_name", "email", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("username", "full_name", "email")
    ordering = ("username", "id")
    fields = ("email", "username", "full_name", "role", "new_password", "is_active", "created_at", "deactivated_at")
    readonly_fields = ("is_active", "created_at", "deactivated_at")
    inlines = (MembershipsOfPerson,)
    actions = ("export_csv",)
    actions_detail = ("end_sign_ins", "deactivate")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        ended = isinstance(obj, User) and not obj.is_active  # buttons ask with the bare id
        return super().has_change_permission(request, obj) and not ended

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in ("email", "username", "full_name", "role")}
        password = form.cleaned_data["new_password"] or None
        by, now = cast(User, request.user), timezone.now()
        if change:
            people.change_person(person=obj, by=by, at=now, password=password, **values)
        else:
            made = people.add_person(by=by, at=now, password=password, **values)
            obj.pk = made.pk
            obj.refresh_from_db()

    @action(description="End all sign-ins", url_path="end-sign-ins", permissions=["change"])
    def end_sign_ins(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        person: User = self.row(request, object_id)
        now = timezone.now()

        def work() -> None:
            end_all_sign_ins(person=person, at=now)
            security.note("sign_in.all_ended", person=cast(User, request.user), at=now, user_id=person.public_id)

        question = f"End every sign-in of {person}?"
        return confirmed(self, request, person, question=question, work=work, done="Every sign-in has ended.")

    @action(description="Deactivate", url_path="deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        person: User = self.row(request, object_id)
        by, now = cast(User, request.user), timezone.now()
        return confirmed(
            self,
            request,
            person,
            question=f"Deactivate {person}? The name stays in the records; sign-ins, tokens and memberships end.",
            work=lambda: people.deactivate_person(person=person, by=by, at=now),
            done="The account has ended.",
        )
