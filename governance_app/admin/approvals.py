"""Requests at the desk: what waits, what is overdue, and one page on which to sign, delegate and put back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.timesince import timesince

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel.admin import ReadOnlyAdmin, display
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import parse_id
from governance_app.admin.ladder_forms import CommentForm, DelegateForm, ResetForm, SignForm
from governance_app.models import ApprovalRequest, ApprovalStage
from governance_app.policies import may_delegate, may_reset, objection_to_signing, possible_signers
from governance_app.selectors import standing_of, waiting_for
from governance_app.services.approvals import comment_stage, delegate_stage, reset_stage
from governance_app.services.signing import cast_signature
from governance_app.states import OPEN_STAGES, Decision, LadderState


class WaitingFilter(admin.SimpleListFilter):
    """What needs somebody."""

    title = "waiting"
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", "for my signature"), ("somebody", "for somebody's signature"), ("overdue", "overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
        now = timezone.now()
        if self.value() == "me":
            mine = waiting_for(cast(User, request.user), at=now)
            return queryset.filter(pk__in=[stage.request_id for stage in mine])
        if self.value() == "somebody":
            return queryset.filter(state=LadderState.PENDING)
        if self.value() == "overdue":
            return queryset.filter(pk__in=ApprovalStage.objects.overdue(now).values("request_id"))
        return queryset


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnlyAdmin):
    """Requests of the teams a person sees; the page of one is where it is signed."""

    list_display = ("title", "session", "status", "stage_now", "waits_for", "due", "overdue_by", "asked_by", "asked_at")
    list_filter = (WaitingFilter, "state")
    list_select_related = ("session", "asked_by")
    search_fields = ("subject_label", "subject_id", "session__name")
    date_hierarchy = "asked_at"
    actions = ("export_csv",)
    csv_columns = (
        "public_id",
        "title",
        "session",
        "state",
        "stage_now",
        "waits_for",
        "due",
        "overdue_by",
        "asked_by",
        "asked_at",
        "decided_at",
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApprovalRequest]:
        open_stage = ApprovalStage.objects.filter(request=OuterRef("pk"), status__in=OPEN_STAGES)
        shown = ApprovalRequest.objects.visible_to(cast(User, request.user)).annotate(
            now_index=Subquery(open_stage.values("sequence_index")[:1]),
            now_name=Subquery(open_stage.values("name")[:1]),
            now_role=Subquery(open_stage.values("required_role")[:1]),
            now_due=Subquery(open_stage.values("due_at")[:1]),
            now_assignee=Subquery(open_stage.values("assignee__username")[:1]),
            now_delegate=Subquery(open_stage.values("delegated_to__username")[:1]),
        )
        return cast("QuerySet[ApprovalRequest]", shown.order_by("-asked_at", "-id"))

    # -- the list -------------------------------------------------------------------------------------------------

    @display(description="for approval")
    def title(self, request: ApprovalRequest) -> str:
        return str(request)

    @display(
        description="state",
        ordering="state",
        label={"Pending": "info", "Approved": "success", "Rejected": "danger", "Withdrawn": "warning"},
    )
    def status(self, request: ApprovalRequest) -> str:
        return str(request.get_state_display())

    @display(description="stage now", empty_value="—")
    def stage_now(self, request: Any) -> str | None:
        return f"{request.now_index}. {request.now_name}" if request.now_index is not None else None

    @display(description="waits for", empty_value="—")
    def waits_for(self, request: Any) -> str | None:
        named = [name for name in (request.now_assignee, request.now_delegate) if name]
        return ", ".join(named) or (Role(request.now_role).label if request.now_role else None)

    @display(description="due", ordering="now_due", empty_value="—")
    def due(self, request: Any) -> datetime | None:
        return cast("datetime | None", request.now_due)

    @display(description="overdue by", ordering="now_due", empty_value="—")
    def overdue_by(self, request: Any) -> str | None:
        due, now = request.now_due, timezone.now()
        return timesince(due, now) if due is not None and due < now else None

    # -- the page of one request ----------------------------------------------------------------------------------

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one request and do what its forms ask; no transaction is open around the services."""
        found = parse_id(object_id, ApprovalRequest.id_prefix)
        visible = ApprovalRequest.objects.visible_to(cast(User, request.user)).with_ladder()
        row = visible.filter(pk=found).first() if found is not None and self.has_view_permission(request) else None
        if row is None:
            raise Http404
        desk = Desk(row, cast(User, request.user))
        if request.method == "POST" and desk.act(request):
            return redirect("admin:governance_app_approvalrequest_change", row.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": str(row),
            "opts": self.model._meta,
            **desk.context(),
        }
        status = 422 if request.method == "POST" else 200
        return TemplateResponse(request, "admin/governance_app/request.html", context, status=status)


class Desk:
    """One request before one person: which forms there are, and what sending one does."""

    FORMS: ClassVar[dict[str, str]] = {
        "sign": "Signed.",
        "delegate": "Delegated.",
        "reset": "Put back.",
        "comment": "Comment written.",
    }

    def __init__(self, row: ApprovalRequest, person: User) -> None:
        self.row, self.person = row, person
        self.stages = list(row.stages.all())
        for stage in self.stages:
            stage.request = row
        self.standing = standing_of(row, self.stages)
        self.current = next((stage for stage in self.stages if stage.status in OPEN_STAGES), None)
        self.objection = self._objection()
        self.forms = {name: form for name in self.FORMS if (form := self._form(name, None)) is not None}

    def act(self, request: HttpRequest) -> bool:
        """Do what the sent form asks; tell what came of it. Returns whether it was done."""
        name = request.POST.get("operation", "")
        form = self._form(name, request.POST) if name in self.forms else None
        if form is None:
            messages.error(request, "That is no longer possible here.")
            return False
        self.forms[name] = form
        if not form.is_valid():
            return False
        work: Callable[[dict[str, Any]], Any] = getattr(self, f"_{name}")
        try:
            work(form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)  # beside the form, where the person is looking
            return False
        messages.success(request, self.FORMS[name])
        return True

    def context(self) -> dict[str, Any]:
        """Return what the page shows."""
        current = self.current
        signed = {given.signer for given in self.standing.counted}
        unsigned = [p for p in possible_signers(current) if str(p.pk) not in signed] if current is not None else []
        return {
            "row": self.row,
            "stages": self.stages,
            "current": current,
            "missing": self.standing.missing(current.sequence_index) if current is not None else 0,
            "unsigned": unsigned,
            "objection": self.objection,
            "forms": self.forms,
            "now": timezone.now(),
        }

    def _objection(self) -> str:
        """Return why the person cannot sign now, in a sentence; nothing where they can."""
        if self.current is None:
            return f"This request is {self.row.get_state_display().lower()}."
        if not self.row.allow_repeat_signers and str(self.person.pk) in {g.signer for g in self.standing.counted}:
            return "You have signed this ladder."
        refusal = objection_to_signing(self.person, self.current)
        return refusal.sentence if refusal is not None else ""

    def _form(self, name: str, data: Any) -> forms.Form | None:
        """Return the form ``name``, filled from ``data``; None where the person has no use for it."""
        if name == "sign":
            return SignForm(data, stage=self.current) if self.current is not None and not self.objection else None
        if name == "comment":
            return CommentForm(data, request=self.row)
        if name == "delegate" and any(may_delegate(self.person, stage) for stage in self.stages):
            delegate = DelegateForm(data, request=self.row)
            return delegate if delegate.worth_showing and self.current is not None else None
        if name == "reset" and any(may_reset(self.person, stage) for stage in self.stages):
            reset = ResetForm(data, request=self.row)
            return reset if reset.worth_showing and self.row.withdrawn_at is None else None
        return None

    def _sign(self, values: dict[str, Any]) -> None:
        rejects = values["decision"] == Decision.REJECTED
        cast_signature(
            request_id=self.row.pk,
            stage_id=values["stage_id"],
            decision=values["decision"],
            signature=values["signature"],
            meaning="" if rejects else values["meaning"],
            password=values["password"],
            content_digest=values["content_digest"],
            notes=values["notes"],
            by=self.person,
            at=timezone.now(),
        )

    def _delegate(self, values: dict[str, Any]) -> None:
        delegate_stage(
            stage=values["stage"],
            delegate=values["delegate"],
            due_at=values["due_at"],
            notes=values["notes"],
            by=self.person,
            at=timezone.now(),
        )

    def _reset(self, values: dict[str, Any]) -> None:
        reset_stage(stage=values["stage"], notes=values["notes"], by=self.person, at=timezone.now())

    def _comment(self, values: dict[str, Any]) -> None:
        comment_stage(stage=values["stage"], notes=values["notes"], by=self.person, at=timezone.now())
