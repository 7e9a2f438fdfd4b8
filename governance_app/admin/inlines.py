"""What stands on a template's page besides the template: its stages, and where it governs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from biolab.kernel.admin import Inline, display
from governance_app.admin.forms import StageForm, StageFormSet
from governance_app.models import TemplateAssignment, TemplateStage, WorkflowTemplate
from governance_app.rules.blueprint import hours
from governance_app.states import TemplateStatus

if TYPE_CHECKING:  # unfold is untyped
    from django.contrib.admin import StackedInline
else:
    from unfold.admin import StackedInline


def is_draft(template: Any) -> bool:
    """Tell whether the template may still be edited; None is one that is only being added."""
    return template is None or template.status == TemplateStatus.DRAFT


class StagesInline(StackedInline[TemplateStage, WorkflowTemplate]):
    """The stages; they can be edited while the template is a draft."""

    model = TemplateStage
    form = StageForm
    formset = StageFormSet  # type: ignore[assignment]  # the stubs fix the form's type
    ordering = ("position",)
    autocomplete_fields = ("assignee",)
    fields = (
        ("place", "name"),
        ("required_role", "quorum"),
        ("sla_hours", "assignee"),
        "meanings",
        ("stage_step_indexes", "stage_gate_keys"),
    )
    FIXED = (("name", "required_role"), ("quorum", "hours"), ("assignee", "may_mean"), ("steps", "gates"))
    readonly_fields = ("hours", "may_mean", "steps", "gates")
    verbose_name_plural = "stages, in the order of signing"

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 1 if obj is None else 0

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if is_draft(obj) else self.FIXED

    @display(description="SLA (hours)", empty_value="the template's")
    def hours(self, stage: TemplateStage) -> float | None:
        return hours(stage.sla_hours)

    @display(description="meanings")
    def may_mean(self, stage: TemplateStage) -> str:
        return ", ".join(stage.meanings) or "any"

    @display(description="steps", empty_value="none")
    def steps(self, stage: TemplateStage) -> str | None:
        return ", ".join(str(index) for index in stage.stage_step_indexes) or None

    @display(description="gates", empty_value="none")
    def gates(self, stage: TemplateStage) -> str | None:
        return ", ".join(stage.stage_gate_keys) or None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj)

    has_add_permission = has_delete_permission = has_change_permission

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class AssignmentsInline(Inline):
    """Where a published version governs: a team or a protocol."""

    model = TemplateAssignment
    fields = ("team", "protocol", "created_by", "created_at")
    readonly_fields = ("created_by", "created_at")
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and obj.status == TemplateStatus.PUBLISHED

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True
