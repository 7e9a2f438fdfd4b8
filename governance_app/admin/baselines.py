"""Baselines at the desk: the list, one page on which to review, publish, roll back and compare, and their history."""

from __future__ import annotations

import json
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from biolab.accounts.models import User
from biolab.kernel.admin import display
from biolab.kernel.errors import Refusal
from governance_app.admin.baseline_forms import CompareForm, PublishForm, ReviewForm, RollbackForm
from governance_app.admin.desk import Desk, DeskAdmin, SeenByStaff
from governance_app.models import GovernanceBaseline, GovernanceBaselineEvent
from governance_app.policies.approvals import may_administer
from governance_app.policies.baselines import objection_to_deciding
from governance_app.services.baselines import publish_baseline, review_baseline, roll_back_baseline
from governance_app.services.freezing import hold_against
from governance_app.states import BASELINE_MACHINE, PUBLISH_BASELINE, REVIEWABLE_BASELINES, ROLL_BACK


class ForMeFilter(admin.SimpleListFilter):
    """What waits for the person who looks."""

    title = "waiting"
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", "for my review")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GovernanceBaseline]) -> QuerySet[GovernanceBaseline]:
        if self.value() == "me":
            return queryset.filter(status__in=REVIEWABLE_BASELINES, reviewers=cast(User, request.user))
        return queryset


@admin.register(GovernanceBaseline)
class GovernanceBaselineAdmin(DeskAdmin):
    """Baselines of the sessions a person sees; the page of one is where it is decided on."""

    list_display = ("name", "protocol", "version", "state", "current", "session", "submitted_at")
    list_filter = (ForMeFilter, "status", "is_current", "session__team")
    list_select_related = ("protocol", "session")
    search_fields = ("name", "protocol__title", "session__name", "content_digest")
    date_hierarchy = "submitted_at"
    desk_template = "admin/governance_app/baseline.html"
    actions = ("export_csv",)
    csv_columns = (
        "public_id",
        "name",
        "protocol",
        "version_number",
        "status",
        "is_current",
        "session",
        "submitted_by",
        "submitted_at",
        "reviewed_by",
        "reviewed_at",
        "published_by",
        "published_at",
        "rolled_back_by",
        "rolled_back_at",
        "content_digest",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[GovernanceBaseline]:
        person = cast(User, request.user)
        return GovernanceBaseline.objects.visible_to(person).order_by("-submitted_at", "-id")

    @display(
        description="status",
        ordering="status",
        label={
            "Submitted": "info",
            "Approved": "success",
            "Rejected": "danger",
            "Published": "success",
            "Rolled back": "warning",
        },
    )
    def state(self, baseline: GovernanceBaseline) -> str:
        return str(baseline.get_status_display())

    @display(description="version", ordering="version_number", empty_value="—")
    def version(self, baseline: GovernanceBaseline) -> int | None:
        return baseline.version_number

    @display(description="current", ordering="is_current", boolean=True)
    def current(self, baseline: GovernanceBaseline) -> bool:
        return baseline.is_current

    def laid(self, person: User) -> QuerySet[GovernanceBaseline]:
        return GovernanceBaseline.objects.visible_to(person).with_events().select_related("frozen")

    def desk(self, row: GovernanceBaseline, request: HttpRequest) -> BaselineDesk:
        return BaselineDesk(row, cast(User, request.user))


class BaselineDesk(Desk):
    """One baseline before one person."""

    FORMS: ClassVar[dict[str, Any]] = {"review": ReviewForm, "publish": PublishForm, "rollback": RollbackForm}
    done = {"review": "Reviewed.", "publish": "Published.", "rollback": "Rolled back."}

    def __init__(self, row: GovernanceBaseline, person: User) -> None:
        self.row, self.person = row, person
        self.objection = objection_to_deciding(person, row)
        self.lay_out()

    def form(self, name: str, data: Any) -> forms.Form | None:
        built: forms.Form | None = self.FORMS[name](data, baseline=self.row) if self._open(name) else None
        return built

    def context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the baseline; with a session chosen, how it kept to it."""
        chosen = request.GET if "session" in request.GET else None
        compare = CompareForm(chosen, baseline=self.row, person=self.person)
        shown: dict[str, Any] = {
            "row": self.row,
            "content": self.row.content,
            "compare": compare if compare.worth_showing else None,
            "objection": self.objection if BASELINE_MACHINE.open_moves(self.row) and not self.forms else None,
        }
        if compare.is_bound and compare.is_valid():
            session = compare.cleaned_data["session"]
            try:
                shown["comparison"], _ = hold_against(baseline=self.row, session=session, at=timezone.now())
                shown["compared"] = session
            except Refusal as refusal:
                compare.add_error(None, refusal.sentence)
        return shown

    def _open(self, name: str) -> bool:
        moves = BASELINE_MACHINE.open_moves(self.row)
        if name == "rollback":
            return ROLL_BACK in moves and may_administer(self.person)
        wanted = PUBLISH_BASELINE in moves if name == "publish" else self.row.status in REVIEWABLE_BASELINES
        return wanted and self.objection is None

    def _review(self, values: dict[str, Any]) -> None:
        review_baseline(baseline=self.row, by=self.person, at=timezone.now(), **values)

    def _publish(self, values: dict[str, Any]) -> None:
        publish_baseline(baseline=self.row, by=self.person, at=timezone.now(), **values)

    def _rollback(self, values: dict[str, Any]) -> None:
        roll_back_baseline(baseline=self.row, by=self.person, at=timezone.now(), **values)


@admin.register(GovernanceBaselineEvent)
class GovernanceBaselineEventAdmin(SeenByStaff):
    """What people did with baselines."""

    list_display = ("created_at", "action", "baseline", "actor", "notes", "told")
    list_filter = ("action",)
    list_select_related = ("baseline", "actor")
    search_fields = ("action", "notes", "baseline__name")
    date_hierarchy = "created_at"
    fields = ("created_at", "action", "baseline", "actor", "notes", "told")
    readonly_fields = fields
    actions = ("export_csv",)
    csv_columns = ("public_id", "created_at", "action", "baseline", "actor", "notes", "told")

    def get_queryset(self, request: HttpRequest) -> QuerySet[GovernanceBaselineEvent]:
        seen = GovernanceBaseline.objects.visible_to(cast(User, request.user))
        return GovernanceBaselineEvent.objects.filter(baseline__in=seen).order_by("-created_at", "-id")

    @display(description="details")
    def told(self, event: GovernanceBaselineEvent) -> str:
        return json.dumps(event.detail, ensure_ascii=False, sort_keys=True)
