"""Templates at the desk: stages in place, buttons for every move, the history of versions, where each governs."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from biolab.accounts.models import User
from biolab.kernel.admin import ServiceAdmin, action, confirmed, display, reads_only, tell_refusal
from biolab.kernel.errors import Refusal
from governance_app.admin.forms import StageFormSet, TemplateForm
from governance_app.admin.inlines import AssignmentsInline, StagesInline, is_draft
from governance_app.admin.simulating import Simulates
from governance_app.models import TemplateAssignment, WorkflowTemplate
from governance_app.policies.approvals import may_administer
from governance_app.selectors.approvals import compare_templates
from governance_app.services.assignments import (
    assign_template,
    outdated_assignments,
    take_over_assignments,
    unassign_template,
)
from governance_app.services.templates import (
    archive_template,
    create_template,
    edit_template,
    publish_template,
    succeed_template,
)
from governance_app.states import ARCHIVE, PUBLISH, TEMPLATE_MACHINE, TemplateStatus


@admin.register(WorkflowTemplate)
class WorkflowTemplateAdmin(Simulates, ServiceAdmin):
    """Every version of every template."""

    form = TemplateForm
    list_display = ("name", "shared_key", "version", "state", "is_latest", "stage_count", "governs", "published_at")
    list_filter = ("status", "is_latest")
    search_fields = ("name", "key__key", "description")
    ordering = ("key", "-version")
    actions = ("export_csv",)
    csv_columns = ("public_id", "key_id", "version", "name", "status", "is_latest", "created_at", "published_at")
    actions_detail = ("publish", "simulate", "new_version", "take_over", "archive")
    warn_unsaved_form = True
    TEXT = (
        "template_key",
        "name",
        "description",
        "default_stage_sla_hours",
        "permitted_roles",
        "allow_self_approval",
        "allow_repeat_signers",
    )

    FIXED = (
        "shared_key",
        "name",
        "description",
        "default_stage_sla_hours",
        "roles_permitted",
        "allow_self_approval",
        "allow_repeat_signers",
    )

    # -- who and what ---------------------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_administer(cast(User, request.user)) or super().has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_administer(cast(User, request.user)) and not reads_only(request)

    has_add_permission = has_change_permission

    def has_publish_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, PUBLISH)

    def has_take_over_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        template = obj if isinstance(obj, WorkflowTemplate) else self.get_object(request, str(obj))
        if template is None or template.status != TemplateStatus.PUBLISHED:
            return False
        return outdated_assignments(template).exists()

    def has_archive_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._open(request, obj, ARCHIVE)

    def _open(self, request: HttpRequest, obj: Any, move: Any) -> bool:
        template = obj if isinstance(obj, WorkflowTemplate) else self.get_object(request, str(obj))
        return template is not None and move in TEMPLATE_MACHINE.open_moves(template)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowTemplate]:
        counted = (
            super()
            .get_queryset(request)
            .annotate(stages_held=Count("stages", distinct=True), assignments_held=Count("assignments", distinct=True))
        )
        return cast("QuerySet[WorkflowTemplate]", counted)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sections: list[Any] = [(None, {"fields": self.TEXT if is_draft(obj) else self.FIXED})]
        if obj is not None:
            sections.append(("This version", {"fields": ("version", "state", "is_latest", "snapshot_digest")}))
            sections.append(("Versions", {"fields": ("versions",)}))
        return sections

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ("version", "state", "is_latest", "snapshot_digest", "versions")
        return shown if is_draft(obj) else (*shown, *self.FIXED)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return (StagesInline,) if is_draft(obj) else (StagesInline, AssignmentsInline)

    @display(description="roles that stages may ask for")
    def roles_permitted(self, template: WorkflowTemplate) -> str:
        return ", ".join(template.permitted_roles) or "all"

    @display(description="key", ordering="key")
    def shared_key(self, template: WorkflowTemplate) -> str:
        return template.key_id

    @display(
        description="status",
        ordering="status",
        label={"Draft": "info", "Published": "success", "Archived": "warning"},
    )
    def state(self, template: WorkflowTemplate) -> str:
        return str(template.get_status_display())

    @display(description="stages", ordering="stages_held")
    def stage_count(self, template: Any) -> int:
        return int(template.stages_held)

    @display(description="assignments", ordering="assignments_held")
    def governs(self, template: Any) -> int:
        return int(template.assignments_held)

    @display(description="digest")
    def snapshot_digest(self, template: WorkflowTemplate) -> str:
        snapshot = template.published_snapshot
        if snapshot is None:
            return "not published"
        return f"{snapshot.digest} — the text no longer matches it" if snapshot.has_drifted else snapshot.digest

    @display(description="all versions of this key")
    def versions(self, template: WorkflowTemplate) -> SafeString:
        versions = WorkflowTemplate.objects.filter(key=template.key_id).select_related("created_by")
        audit = reverse("admin:governance_app_templateaudit_changelist")
        return render_to_string(
            "admin/governance_app/versions.html",
            {"template": template, "versions": versions.order_by("-version"), "audit": audit},
        )

    # -- saving ---------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: WorkflowTemplate, form: Any, change: bool) -> None:
        """Leave it to ``save_related``, which has the stages too."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        by, now, template = cast(User, request.user), timezone.now(), form.instance
        if change:
            template = WorkflowTemplate.objects.get(pk=template.pk)
        for formset in formsets:
            if isinstance(formset, StageFormSet) and is_draft(template if change else None):
                values = {name: form.cleaned_data[name] for name in self.TEXT[1:]}
                stages = formset.blueprint()
                if change:
                    edit_template(template=template, stage_blueprint=stages, by=by, at=now, **values)
                else:
                    key = form.cleaned_data["template_key"]
                    made = create_template(template_key=key, stage_blueprint=stages, by=by, at=now, **values)
                    form.instance.pk = made.pk
                    form.instance.refresh_from_db()
            elif formset.model is TemplateAssignment:
                self._save_assignments(template, formset, by=by)

    def _save_assignments(self, template: WorkflowTemplate, formset: Any, *, by: User) -> None:
        now = timezone.now()
        for form in formset.deleted_forms:
            if form.instance.pk and not form.instance._state.adding:
                unassign_template(assignment=form.instance, by=by, at=now)
        for form in formset.extra_forms:
            if form.has_changed() and not form.cleaned_data.get("DELETE"):
                values = form.cleaned_data
                assign_template(template=template, team=values["team"], protocol=values["protocol"], by=by, at=now)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        return "Through the services; the audit entries say what."

    # -- buttons --------------------------------------------------------------------------------------------------

    @action(description="Publish", url_path="publish", permissions=["publish"])
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        template: WorkflowTemplate = self.row(request, object_id)
        by = cast(User, request.user)
        return confirmed(
            self,
            request,
            template,
            question=f"Publish {template}? It can no longer be edited then, only succeeded.",
            work=lambda: publish_template(template=template, by=by, at=timezone.now()),
            done=f"{template} is published.",
        )

    @action(description="Govern here instead of other versions", url_path="take-over", permissions=["take_over"])
    def take_over(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        template: WorkflowTemplate = self.row(request, object_id)
        by = cast(User, request.user)
        governed = ", ".join(str(old.team or old.protocol) for old in outdated_assignments(template))
        return confirmed(
            self,
            request,
            template,
            question=f"Let {template} govern {governed} from now on? Ladders being climbed keep their version.",
            work=lambda: take_over_assignments(template=template, by=by, at=timezone.now()),
            done=f"{template} governs in their place.",
        )

    @action(description="Archive", url_path="archive", permissions=["archive"])
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        template: WorkflowTemplate = self.row(request, object_id)
        by = cast(User, request.user)
        return confirmed(
            self,
            request,
            template,
            question=f"Take {template} out of use? Ladders that climb by it go on; new ones are refused.",
            work=lambda: archive_template(template=template, by=by, at=timezone.now()),
            done=f"{template} is archived.",
        )

    @action(description="New version", url_path="new-version", permissions=["view"])
    def new_version(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        template: WorkflowTemplate = self.row(request, object_id)
        if request.method != "POST":
            question = f"Start a new draft with the content of {template}?"
            return confirmed(self, request, template, question=question, work=lambda: None, done="")
        try:
            draft = succeed_template(template=template, by=cast(User, request.user), at=timezone.now())
        except Refusal as refusal:
            tell_refusal(request, refusal)
            draft = template
        return redirect("admin:governance_app_workflowtemplate_change", draft.pk)

    # -- versions side by side ------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        compare = path(
            "<uuid:object_id>/compare/<uuid:other_id>",
            self.admin_site.admin_view(self.compare),
            name="governance_app_workflowtemplate_compare",
        )
        return [compare, *super().get_urls()]

    def compare(self, request: HttpRequest, object_id: Any, other_id: Any) -> HttpResponse:
        """Show what changed from ``other_id`` to ``object_id``."""
        if not self.has_view_permission(request):
            raise Http404
        after, before = self.row(request, str(object_id)), self.row(request, str(other_id))
        context = {
            **self.admin_site.each_context(request),
            "title": f"{before} → {after}",
            "opts": self.model._meta,
            "before": before,
            "after": after,
            "comparison": compare_templates(before, after),
        }
        return TemplateResponse(request, "admin/governance_app/compare.html", context)
