"""Requests at the desk: what waits, what is overdue, and one page on which to sign, delegate and put back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince

from biolab.accounts.auth.periods import period_of
from biolab.accounts.models import User
from biolab.accounts.roles import Role
from biolab.kernel.admin import display
from governance_app.admin.desk import DeskAdmin
from governance_app.admin.ladder_desk import LadderDesk
from governance_app.models import ApprovalRequest, ApprovalStage
from governance_app.selectors.approvals import waiting_for
from governance_app.states import OPEN_STAGES, LadderState


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
class ApprovalRequestAdmin(DeskAdmin):
    """Requests of the teams a person sees; the page of one is where it is signed."""

    list_display = ("title", "session", "status", "stage_now", "waits_for", "due", "overdue_by", "asked_by", "asked_at")
    list_filter = (WaitingFilter, "state")
    list_select_related = ("session", "asked_by")
    search_fields = ("subject_label", "subject_id", "session__name")
    date_hierarchy = "asked_at"
    desk_template = "admin/governance_app/request.html"
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

    def laid(self, person: User) -> QuerySet[ApprovalRequest]:
        return cast("QuerySet[ApprovalRequest]", ApprovalRequest.objects.visible_to(person).with_ladder())

    def desk(self, row: ApprovalRequest, request: HttpRequest) -> LadderDesk:
        return LadderDesk(row, cast(User, request.user), period=period_of(request))
