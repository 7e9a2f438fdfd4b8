"""People in the administration."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin  # registers Group, so that it can be taken off again
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django_otp.plugins.otp_totp.admin import TOTPDevice  # registers it, so that it can be taken off again
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from biolab.accounts.desk import DeskGroup, desk_groups_of
from biolab.accounts.models import Membership, User
from biolab.accounts.services import codes, people
from biolab.accounts.services.desk import give_desk
from biolab.accounts.services.sign_in import end_all_sign_ins
from biolab.kernel import security
from biolab.kernel.admin import Inline, ServiceAdmin, action, confirmed, display
from biolab.kernel.errors import Forbidden

if isinstance(admin.site._registry.get(Group), GroupAdmin):
    admin.site.unregister(Group)  # rights come from roles, not from groups
if admin.site.is_registered(TOTPDevice):
    admin.site.unregister(TOTPDevice)  # its page shows the secret, with which anybody could sign


PLACES = frozenset(DeskGroup.values)


class PersonForm(forms.ModelForm[User]):
    """A person's account; the password is only ever set, never shown."""

    new_password = forms.CharField(
        label="Password",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Leave empty to keep it. A new one ends every sign-in of the person, who signs nothing before they "
        "have chosen another.",
    )
    desk = forms.MultipleChoiceField(
        label="Compliance desk",
        choices=DeskGroup.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Both read every record here. An auditor, who is a viewer, changes nothing; a compliance "
        "administrator decides on templates, baselines, overrides and coaching notes.",
    )

    class Meta:
        model = User
        fields = ("email", "username", "full_name", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "desk" in self.fields and not self.instance._state.adding:
            self.initial["desk"] = [group.value for group in desk_groups_of(self.instance)]

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
    list_display = ("username", "full_name", "email", "role", "place", "is_active", "created_at")
    list_filter = ("role", "is_active", "groups")
    search_fields = ("username", "full_name", "email")
    ordering = ("username", "id")
    fields = (
        "email",
        "username",
        "full_name",
        "role",
        "desk",
        "new_password",
        "password_reset_by",
        "has_device",
        "is_active",
        "created_at",
        "deactivated_at",
    )
    readonly_fields = ("place", "password_reset_by", "has_device", "is_active", "created_at", "deactivated_at")
    inlines = (MembershipsOfPerson,)
    actions = ("export_csv",)
    actions_detail = ("end_sign_ins", "remove_device", "deactivate")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        ended = isinstance(obj, User) and not obj.is_active  # buttons ask with the bare id
        return super().has_change_permission(request, obj) and not ended

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return cast("QuerySet[User]", super().get_queryset(request).prefetch_related("groups"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return self.fields
        instead = {"desk": "place", "new_password": None}  # what only a form has
        return [name for field in self.fields if (name := instead.get(field, field)) is not None]

    @display(description="compliance desk", empty_value="—")
    def place(self, person: User) -> str | None:
        return (
            ", ".join(str(DeskGroup(group.name).label) for group in person.groups.all() if group.name in PLACES) or None
        )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in ("email", "username", "full_name", "role")}
        password = form.cleaned_data["new_password"] or None
        by, now, desk = cast(User, request.user), timezone.now(), set(form.cleaned_data["desk"])
        if password and change and obj.pk == by.pk:
            raise Forbidden("Change your own password on your account's page, which asks for the current one.")
        if change:
            give_desk(person=obj, groups=desk & set(form.initial["desk"]), by=by, at=now)  # taken before the role goes
            people.change_person(person=obj, by=by, at=now, password=password, **values)
        else:
            made = people.add_person(by=by, at=now, password=password, **values)
            obj.pk = made.pk
            obj.refresh_from_db()
        give_desk(person=obj, groups=desk, by=by, at=now)

    @display(description="device for codes", boolean=True)
    def has_device(self, person: User) -> bool:
        return codes.device_of(person) is not None

    def has_remove_device_permission(self, request: HttpRequest, object_id: str) -> bool:
        person = self.get_object(request, str(object_id))
        return person is not None and person != request.user and self.has_device(person)

    @action(description="Remove lost device", url_path="remove-device", permissions=["remove_device"])
    def remove_device(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        person: User = self.row(request, object_id)
        by, now = cast(User, request.user), timezone.now()
        return confirmed(
            self,
            request,
            person,
            question=f"Remove the device whose codes {person} signs with? They are told, and it is written down.",
            work=lambda: codes.remove_lost_device(person=person, by=by, at=now),
            done="The device is removed.",
        )

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
