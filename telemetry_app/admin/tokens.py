"""Service tokens in the administration; the secret is on one page, once, with what to paste."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from biolab.accounts.models import ServiceToken, User
from biolab.accounts.roles import Scope
from biolab.accounts.services import tokens
from biolab.kernel.admin import ServiceAdmin, action, confirmed, display
from sessions_app.models import LabSession
from telemetry_app.snippets import snippets
from telemetry_app.snippets_here import destination


class TokenForm(forms.ModelForm[ServiceToken]):
    """A new token."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None chosen: everything its owner may do. An instrument needs telemetry:write alone.",
    )
    session = forms.ModelChoiceField(
        queryset=LabSession.objects.live().order_by("-started_at", "-id"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="The only session it may use; it must be one of its owner's.",
    )

    class Meta:
        model = ServiceToken
        fields = ("name", "owner", "scopes", "team", "session", "expires_at")

    def clean(self) -> dict[str, Any]:
        given = cast("dict[str, Any]", super().clean())
        owner, session = given.get("owner"), given.get("session")
        if owner and session and not LabSession.objects.visible_to(owner).filter(pk=session.pk).exists():
            self.add_error("session", f"{owner} does not see this session.")
        return given


@admin.register(ServiceToken)
class ServiceTokenAdmin(ServiceAdmin):
    """Tokens of instruments and scripts: made here or by API, never changed, revoked at once."""

    form = TokenForm
    list_display = ("name", "owner", "hint", "scope_words", "team", "created_at", "expires_at", "revoked_at")
    list_filter = ("team", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("owner", "team")
    search_fields = ("name", "hint", "owner__username", "owner__email")
    autocomplete_fields = ("owner", "team")
    actions = ("export_csv",)
    actions_detail = ("revoke",)

    @display(description="scopes")
    def scope_words(self, token: ServiceToken) -> str:
        return ", ".join(token.scopes) or "all of its owner's"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("name", "owner", "scopes", "team", "session", "expires_at")
        return ("name", "owner", "hint", "scope_words", "team", "session_ids", "created_at", "expires_at", "revoked_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: ServiceToken, form: Any, change: bool) -> None:
        values = form.cleaned_data
        made, secret = tokens.issue_token(
            owner=values["owner"],
            name=values["name"],
            scopes=values["scopes"],
            team=values["team"],
            session_ids=[values["session"].public_id] if values["session"] is not None else [],
            expires_at=values["expires_at"],
            by=cast(User, request.user),
            at=timezone.now(),
        )
        obj.pk = made.pk
        obj.refresh_from_db()
        request._issued_secret = secret  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ServiceToken, post_url_continue: Any = None) -> Any:
        secret = getattr(request, "_issued_secret", "")
        writes = not obj.scopes or Scope.TELEMETRY_WRITE in obj.scopes
        session_id = obj.session_ids[0] if obj.session_ids else None
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy the token now",
            "opts": self.model._meta,
            "token": obj,
            "secret": secret,
            "snippets": snippets(destination(request, secret, session_id)) if writes else [],
        }
        response = TemplateResponse(request, "admin/accounts/servicetoken/issued.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @action(description="Revoke", url_path="revoke", permissions=["view"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        token: ServiceToken = self.row(request, object_id)
        by, now = cast(User, request.user), timezone.now()
        return confirmed(
            self,
            request,
            token,
            question=f"Revoke {token}? Whatever uses it is cut off at once.",
            work=lambda: tokens.revoke_token(token=token, by=by, at=now),
            done="The token is revoked.",
        )
