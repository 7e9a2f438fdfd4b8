"""A pane on a template's page: what this version, a draft too, would meet on a session that has been."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from biolab.accounts.models import User
from biolab.kernel.admin import action
from governance_app.models import WorkflowTemplate
from governance_app.policies.approvals import may_administer
from governance_app.selectors.approvals import template_payload
from governance_app.selectors.rehearsal import baseline_snapshot, rehearse
from governance_app.shapes.previews import insight, summary
from sessions_app.models import LabSession

SESSIONS_OFFERED = 200


class SessionChoice(forms.ModelChoiceField[LabSession]):
    """A session by its name, team and day."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.team} · {obj.created_at:%Y-%m-%d} · {obj.get_status_display()}"


class SimulateForm(forms.Form):
    """On which session; the newest are offered."""

    session = SessionChoice(LabSession.objects.none(), empty_label="Choose a session", widget=UnfoldAdminSelectWidget())

    def __init__(self, data: Any = None, *, person: User) -> None:
        super().__init__(data, auto_id="simulate-%s")
        visible = LabSession.objects.visible_to(person)
        newest = visible.order_by("-created_at").values_list("pk", flat=True)[:SESSIONS_OFFERED]
        offered: Any = self.fields["session"]
        offered.queryset = visible.filter(pk__in=list(newest)).select_related("team").order_by("-created_at")


class Simulates:
    """The button and its page; mixed into the templates' own admin."""

    @action(description="Simulate on a session", url_path="simulate", permissions=["view"], reads=True)
    def simulate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the template as it stands would meet; nothing is written."""
        page: Any = self
        person = cast(User, request.user)
        if not may_administer(person):
            raise Http404
        template: WorkflowTemplate = page.row(request, object_id)
        form = SimulateForm(request.GET or None, person=person)
        context = {
            **page.admin_site.each_context(request),
            "title": f"{template} on a session",
            "opts": page.model._meta,
            "template": template,
            "form": form,
        }
        if form.is_bound and form.is_valid():
            session = LabSession.objects.with_protocol().get(pk=form.cleaned_data["session"].pk)
            against = baseline_snapshot(session)
            usable = against is not None and not against.has_drifted
            seen = rehearse(
                session,
                template_payload(template),
                baseline=against.payload if against is not None and usable else None,
                at=timezone.now(),
            )
            context |= {
                "session": session,
                "against": against if usable else None,
                "stages": [insight(pair) for pair in seen.comparisons],
                "figures": summary(seen.comparisons),
                "warnings": seen.warnings,
            }
        return TemplateResponse(request, "admin/governance_app/simulate.html", context)
