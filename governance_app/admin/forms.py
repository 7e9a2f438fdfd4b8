"""Forms of the templates' pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from biolab.accounts.roles import Role
from biolab.kernel.errors import Invalid
from governance_app.models import TemplateStage, WorkflowTemplate
from governance_app.rules.blueprint import StageBlueprint, check_blueprint
from governance_app.states import APPROVING_MEANINGS

KEY = RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Letters, digits, dots, dashes and underscores.")
AT_THE_END = 10_000


class TemplateForm(forms.ModelForm[WorkflowTemplate]):
    """The template itself; its key is chosen once."""

    template_key = forms.CharField(
        max_length=120,
        validators=[KEY],
        widget=UnfoldAdminTextInputWidget(),
        help_text="All versions share it. A key that is in use gives its next version.",
    )
    permitted_roles = forms.MultipleChoiceField(
        choices=Role.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Roles that stages may ask for. None chosen: all.",
    )

    class Meta:
        model = WorkflowTemplate
        fields = (
            "name",
            "description",
            "default_stage_sla_hours",
            "permitted_roles",
            "allow_self_approval",
            "allow_repeat_signers",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "template_key" in self.fields and self.instance.key_id:
            self.fields["template_key"].disabled = True
            self.fields["template_key"].initial = self.instance.key_id


class ListField(forms.CharField):
    """Values between commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        return [part.strip() for part in str(value or "").split(",") if part.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))
        except forms.ValidationError:
            return True

    def validate(self, value: Any) -> None:
        """Any list will do; an empty one too."""

    def run_validators(self, value: Any) -> None:
        """Text rules do not apply to lists."""


class StepList(ListField):
    """Indexes of steps between commas."""

    def to_python(self, value: Any) -> Any:
        parts = super().to_python(value)
        if not all(part.isascii() and part.isdecimal() and len(part) <= 6 for part in parts):
            raise forms.ValidationError("Give the indexes of steps, from 0, with commas between them.")
        return [int(part) for part in parts]


class StageForm(forms.ModelForm[TemplateStage]):
    """One stage; ``place`` orders them and needs no gapless numbers."""

    place = forms.IntegerField(
        label="Order",
        required=False,
        min_value=0,
        max_value=AT_THE_END,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Stages are signed from the smallest number up.",
    )
    meanings = forms.MultipleChoiceField(
        choices=[(meaning.value, meaning.label) for meaning in APPROVING_MEANINGS],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="What a signature here may mean. None chosen: any of them.",
    )
    stage_step_indexes = StepList(
        label="Steps",
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Indexes of the protocol's steps this stage answers for, from 0, with commas.",
    )
    stage_gate_keys = ListField(
        label="Gates",
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Names of requirements this stage answers for, with commas.",
    )

    class Meta:
        model = TemplateStage
        fields = (
            "name",
            "required_role",
            "quorum",
            "sla_hours",
            "assignee",
            "meanings",
            "stage_step_indexes",
            "stage_gate_keys",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.fields["place"].initial = self.instance.position

    def as_blueprint(self) -> StageBlueprint:
        """Return what was filled in."""
        values = self.cleaned_data
        assignee = values["assignee"]
        return StageBlueprint(
            name=values["name"],
            required_role=values["required_role"],
            quorum=values["quorum"],
            sla_hours=values["sla_hours"],
            assignee_id=assignee.public_id if assignee is not None else None,
            meanings=tuple(values["meanings"]),
            stage_step_indexes=tuple(values["stage_step_indexes"]),
            stage_gate_keys=tuple(values["stage_gate_keys"]),
            metadata=self.instance.metadata,
        )


class StageFormSet(forms.BaseInlineFormSet[TemplateStage, WorkflowTemplate, StageForm]):
    """The stages of a template, judged together."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        template = self.instance
        try:
            check_blueprint(
                self.blueprint(),
                permitted_roles=template.permitted_roles,
                default_sla_hours=template.default_stage_sla_hours,
            )
        except Invalid as invalid:
            raise forms.ValidationError([str(error["detail"]) for error in invalid.facts["errors"]]) from invalid

    def blueprint(self) -> list[StageBlueprint]:
        """Return the stages in the order of their places; those without one come last."""
        kept = [form for form in self._filled() if not form.cleaned_data.get("DELETE")]
        places = {form: AT_THE_END if (at := form.cleaned_data.get("place")) is None else at for form in kept}
        return [form.as_blueprint() for form in sorted(kept, key=lambda form: places[form])]

    def _filled(self) -> Iterable[StageForm]:
        return [form for form in self.forms if form.cleaned_data and (form.instance.pk or form.has_changed())]
