"""Guardrail simulations at the desk: what got worse, and the page on which an administrator waives it."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from biolab.accounts.auth.periods import period_of
from biolab.accounts.models import User
from biolab.accounts.services.reentry import Components, components_asked
from biolab.kernel.admin import display
from governance_app.admin.desk import Desk, DeskAdmin
from governance_app.admin.signing_forms import SigningForm
from governance_app.models import GuardrailSimulation
from governance_app.policies.approvals import may_administer
from governance_app.seals.waivers import waiver_holds
from governance_app.services.guardrails import waive_guardrails
from governance_app.shapes.guardrails import guardrail_state, reason_in_words, span


class WaiveForm(SigningForm):
    """Why packaging may go on, under the administrator's signature."""

    prefix_id = "waive"
    field_order = ("reason",)

    reason = forms.CharField(
        label="Why packaging may go on", max_length=10_000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


@admin.register(GuardrailSimulation)
class GuardrailSimulationAdmin(DeskAdmin):
    """Simulations of the sessions a person sees; the page of one is where it is waived."""

    list_display = ("title", "session", "verdict", "projected_delay_minutes", "created_by", "created_at")
    list_filter = ("state", "session__team")
    list_select_related = ("session", "created_by", "waiver")
    search_fields = ("session__name",)
    date_hierarchy = "created_at"
    desk_template = "admin/governance_app/simulation.html"
    actions = ("export_csv",)
    csv_columns = ("public_id", "session", "number", "state", "reasons", "projected_delay_minutes", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[GuardrailSimulation]:
        visible = GuardrailSimulation.objects.visible_to(cast(User, request.user))
        return cast("QuerySet[GuardrailSimulation]", visible.order_by("-created_at", "-id"))

    @display(description="simulation", ordering="created_at")
    def title(self, simulation: GuardrailSimulation) -> str:
        return str(simulation)

    @display(
        description="verdict",
        ordering="state",
        label={"blocked": "danger", "clear": "success", "waived": "warning"},
    )
    def verdict(self, simulation: GuardrailSimulation) -> str:
        return str(guardrail_state(simulation))

    def laid(self, person: User) -> QuerySet[GuardrailSimulation]:
        return cast("QuerySet[GuardrailSimulation]", GuardrailSimulation.objects.told().visible_to(person))

    def desk(self, row: GuardrailSimulation, request: HttpRequest) -> WaiveDesk:
        return WaiveDesk(row, cast(User, request.user), period=period_of(request))


class WaiveDesk(Desk):
    """One simulation before one person."""

    done = {"waive": "Waived; what waited for the guardrails may be packed."}

    def __init__(self, row: GuardrailSimulation, person: User, *, period: str) -> None:
        self.row, self.person, self.period = row, person, period
        self.holds = GuardrailSimulation.objects.holding().filter(pk=row.pk).exists()
        self.lay_out()

    def form(self, name: str, data: Any) -> WaiveForm | None:
        if not self.holds or not may_administer(self.person):
            return None
        return WaiveForm(data, asked=components_asked(self.person, period=self.period, at=timezone.now()))

    def context(self, request: HttpRequest) -> dict[str, Any]:
        waiver = self.row.given_waiver
        return {
            "row": self.row,
            "verdict": guardrail_state(self.row),
            "holds": self.holds,
            "reasons": [(reason_in_words(reason), reason) for reason in self.row.reasons],
            "delay": span(self.row.projected_delay_minutes),
            "waiver": waiver,
            "waiver_holds": waiver is not None and waiver_holds(waiver),
        }

    def _waive(self, values: dict[str, Any]) -> None:
        given = Components(password=values["password"], totp=values.get("totp", ""), period=self.period)
        waive_guardrails(
            simulation=self.row,
            signature=values["signature"],
            reason=values["reason"],
            given=given,
            by=self.person,
            at=timezone.now(),
        )
