"""The guardrails at the desk with how packaging stands under them."""

from __future__ import annotations

from typing import Any, Final, cast

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from biolab.accounts.models import User
from biolab.kernel.admin import action
from exports_app.health import health_figures, in_queue, queued_as_wire
from exports_app.models import NarrativeExport
from governance_app.admin import GuardrailSimulationAdmin
from governance_app.models import GuardrailSimulation

SHOWN: Final = 100
LABELS: Final = {
    "total_exports": ("Exports", False),
    "blocked": ("Held by guardrails", True),
    "awaiting_approval": ("Awaiting approval", False),
    "queued": ("Queued", False),
    "ready": ("Ready", False),
    "failed": ("Failed", True),
}

admin.site.unregister(GuardrailSimulation)


@admin.register(GuardrailSimulation)
class GuardrailDeskAdmin(GuardrailSimulationAdmin):
    """Simulations, and a page that says what they hold."""

    actions_list = ("health",)

    @action(description="Health of packaging", url_path="health", permissions=["view"], reads=True)
    def health(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise Http404
        exports = NarrativeExport.objects.visible_to(cast(User, request.user))
        rows = list(in_queue(exports).told().order_by("-created_at", "-id")[: SHOWN + 1])
        totals: dict[str, int] = health_figures(exports)["totals"]
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Guardrails: health of packaging",
            "opts": self.model._meta,
            "totals": [(*LABELS[name][:1], many, LABELS[name][1]) for name, many in totals.items()],
            "queue": [queued_as_wire(export) for export in rows[:SHOWN]],
            "clipped": len(rows) > SHOWN,
        }
        return TemplateResponse(request, "admin/exports_app/health.html", context)
