"""Protocols at the desk: written through the same services, with every version below."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from biolab.accounts.models import User
from biolab.kernel.admin import ReadOnlyInline, ServiceAdmin, action, confirmed, display
from biolab.kernel.machine import Move
from sessions_app.models import Protocol, ProtocolVersion
from sessions_app.services.protocols import change_protocol, create_protocol
from sessions_app.states import PROTOCOL_MACHINE, REINSTATE, RETIRE


class ProtocolForm(forms.ModelForm[Protocol]):
    """A protocol and its wording."""

    content = forms.CharField(
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 16}),
        help_text="One step a line; empty lines are no steps.",
    )
    variables = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What a session must give a value for: one name a line.",
    )

    class Meta:
        model = Protocol
        fields = ("team", "title", "ordered")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            wording = self.instance.wording
            self.initial["content"] = wording.content
            self.initial["variables"] = "\n".join(wording.variables)

    def clean_content(self) -> str:
        return str(self.cleaned_data["content"]).replace("\r\n", "\n")

    def clean_variables(self) -> list[str]:
        return str(self.cleaned_data["variables"]).split()


class VersionsInline(ReadOnlyInline):
    """Every wording the protocol ever had."""

    model = ProtocolVersion
    fields = readonly_fields = (
        "version",
        "title",
        "content",
        "variables",
        "ordered",
        "created_by",
        "created_at",
        "digest",
    )
    ordering = ("-version",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProtocolVersion]:
        return cast("QuerySet[ProtocolVersion]", super().get_queryset(request).select_related("created_by"))


@admin.register(Protocol)
class ProtocolAdmin(ServiceAdmin):
    """Protocols; a changed wording becomes the next version."""

    form = ProtocolForm
    inlines = (VersionsInline,)
    list_display = ("title", "team", "current_version", "ordered", "state", "created_by", "updated_at")
    list_select_related = ("team", "created_by")
    list_filter = ("status", "team")
    search_fields = ("title",)
    actions = ("export_csv",)
    csv_columns = ("public_id", "title", "team", "current_version", "ordered", "status", "created_by", "updated_at")
    actions_detail = ("retire", "reinstate")
    warn_unsaved_form = True

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        wording = ("team", "title", "content", "variables", "ordered")
        return wording if obj is None else (*wording, "state", "current_version", "created_by", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("team", "state", "current_version", "created_by", "created_at")

    @display(description="status", ordering="status", label={"Active": "success", "Retired": "warning"})
    def state(self, protocol: Protocol) -> str:
        return str(protocol.get_status_display())

    def save_model(self, request: HttpRequest, obj: Protocol, form: Any, change: bool) -> None:
        by, now = cast(User, request.user), timezone.now()
        wording = {name: form.cleaned_data[name] for name in ("title", "content", "variables", "ordered")}
        if change:
            saved = change_protocol(protocol=obj, by=by, at=now, **wording)
        else:
            saved = create_protocol(team=form.cleaned_data["team"], by=by, at=now, **wording)
        obj.pk = saved.pk
        obj.refresh_from_db()

    def has_retire_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, RETIRE)

    def has_reinstate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, REINSTATE)

    def _open(self, request: HttpRequest, obj: Any, move: Move) -> bool:
        protocol = obj if isinstance(obj, Protocol) else self.get_object(request, str(obj))
        return protocol is not None and move in PROTOCOL_MACHINE.open_moves(protocol)

    @action(description="Retire", url_path="retire", permissions=["retire"])
    def retire(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._move(request, object_id, RETIRE, "Retire {}? No new session can run it then.")

    @action(description="Reinstate", url_path="reinstate", permissions=["reinstate"])
    def reinstate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._move(request, object_id, REINSTATE, "Let sessions run {} again?")

    def _move(self, request: HttpRequest, object_id: str, move: Move, question: str) -> HttpResponseBase:
        protocol: Protocol = self.row(request, object_id)
        by = cast(User, request.user)
        return confirmed(
            self,
            request,
            protocol,
            question=question.format(protocol),
            work=lambda: change_protocol(protocol=protocol, by=by, at=timezone.now(), status=move.target),
            done=f"{protocol} is {move.target}.",
        )
