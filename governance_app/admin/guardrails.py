"""Guardrail simulations at the desk: what got worse, and the page on which an administrator waives it."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from biolab.accounts.auth.periods import period_of
from biolab.accounts.models import User
from biolab.accounts.services.reentry import Components, components_asked
from biolab.kernel.admin import ReadOnlyAdmin, display
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import parse_id
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
class GuardrailSimulationAdmin(ReadOnlyAdmin):
    """Simulations of the sessions a person sees; the page of one is where it is waived."""

    list_display = ("title", "session", "verdict", "projected_delay_minutes", "created_by", "created_at")
    list_filter = ("state", "session__team")
    list_select_related = ("session", "created_by", "waiver")
    search_fields = ("session__name",)
    date_hierarchy = "created_at"
    actions = ("export_csv",)
    csv_columns = ("public_id", "session", "number", "state", "reasons", "projected_delay_minutes", "created_at")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

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

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one simulation and waive it where its form asks; no transaction is open around the service."""
        person = cast(User, request.user)
        found = parse_id(object_id, GuardrailSimulation.id_prefix)
        visible = GuardrailSimulation.objects.told().visible_to(person)
        row = visible.filter(pk=found).first() if found is not None and self.has_view_permission(request) else None
        if row is None:
            raise Http404
        period, now = period_of(request), timezone.now()
        holds = GuardrailSimulation.objects.holding().filter(pk=row.pk).exists()
        form = None
        if holds and may_administer(person):
            form = WaiveForm(request.POST or None, asked=components_asked(person, period=period, at=now))
        if form is not None and request.method == "POST" and form.is_valid():
            values = form.cleaned_data
            given = Components(password=values["password"], totp=values.get("totp", ""), period=period)
            try:
                waive_guardrails(
                    simulation=row,
                    signature=values["signature"],
                    reason=values["reason"],
                    given=given,
                    by=person,
                    at=now,
                )
            except Refusal as refusal:
                form.add_error(None, refusal.sentence)
            else:
                messages.success(request, "Waived; what waited for the guardrails may be packed.")
                return redirect("admin:governance_app_guardrailsimulation_change", row.pk)
        waiver = row.given_waiver
        context = {
            **self.admin_site.each_context(request),
            "title": str(row),
            "opts": self.model._meta,
            "row": row,
            "verdict": guardrail_state(row),
            "holds": holds,
            "reasons": [(reason_in_words(reason), reason) for reason in row.reasons],
            "delay": span(row.projected_delay_minutes),
            "form": form,
            "waiver": waiver,
            "waiver_holds": waiver is not None and waiver_holds(waiver),
        }
        status = 422 if request.method == "POST" else 200
        return TemplateResponse(request, "admin/governance_app/simulation.html", context, status=status)
