"""Forms of a request's page: sign, delegate, put back, comment, withdraw."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from biolab.accounts.models import User
from biolab.accounts.services.reentry import Asked
from governance_app.admin.signing_forms import SigningForm
from governance_app.models import ApprovalRequest, ApprovalStage
from governance_app.states import APPROVING_MEANINGS, OPEN_STAGES, Decision, Meaning, StageStatus


class SignForm(SigningForm):
    """A signature on a stage, and what it decides."""

    prefix_id = "sign"
    field_order = ("decision", "signature", "meaning", "notes")

    decision = forms.ChoiceField(choices=Decision.choices, widget=UnfoldAdminSelectWidget())
    meaning = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget(), help_text="What an approval stands for; a rejection means rejection."
    )
    notes = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    content_digest = forms.CharField(widget=forms.HiddenInput())
    stage_id = forms.CharField(widget=forms.HiddenInput())

    def __init__(self, data: Any = None, *, stage: ApprovalStage, asked: Asked) -> None:
        super().__init__(data, asked=asked)
        allowed = stage.meanings or APPROVING_MEANINGS
        chosen = [(meaning, Meaning(meaning).label) for meaning in allowed]
        meanings: Any = self.fields["meaning"]
        meanings.choices = chosen
        meanings.initial = Meaning.APPROVAL if Meaning.APPROVAL in allowed else allowed[0]
        self.fields["content_digest"].initial = stage.request.content_digest
        self.fields["stage_id"].initial = stage.public_id


class StageChoice(forms.ModelChoiceField[ApprovalStage]):
    """One of the ladder's stages."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.sequence_index}. {obj.name} ({obj.get_required_role_display()})"


class _OnStages(forms.Form):
    statuses: frozenset[str]
    prefix_id = "stage"

    stage = StageChoice(ApprovalStage.objects.none(), empty_label=None, widget=UnfoldAdminSelectWidget())

    def __init__(self, data: Any = None, *, request: ApprovalRequest) -> None:
        super().__init__(data, auto_id=f"{self.prefix_id}-%s")
        stages: Any = self.fields["stage"]
        stages.queryset = request.stages.filter(status__in=self.statuses).select_related("request__session")
        self.worth_showing = stages.queryset.exists()


class DelegateForm(_OnStages):
    """Somebody who may sign a stage in another's place."""

    statuses = frozenset({*OPEN_STAGES, StageStatus.PENDING})
    prefix_id = "delegate"

    delegate = forms.ModelChoiceField(User.objects.none(), widget=UnfoldAdminSelectWidget())
    due_at = forms.SplitDateTimeField(
        label="Due", required=False, widget=UnfoldAdminSplitDateTimeWidget(), help_text="Empty keeps the due date. UTC."
    )
    notes = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))

    def __init__(self, data: Any = None, *, request: ApprovalRequest) -> None:
        super().__init__(data, request=request)
        due: Any = self.fields["due_at"].widget
        for widget, name in zip(due.widgets, ("Due date, UTC", "Due time, UTC"), strict=True):
            widget.attrs["aria-label"] = name
        roles = request.stages.filter(status__in=self.statuses).values("required_role")
        people: Any = self.fields["delegate"]
        people.queryset = (
            User.objects.filter(
                is_active=True, memberships__team_id=request.session.team_id, memberships__role__in=roles
            )
            .exclude(pk=request.asked_by_id)
            .order_by("username")
        )


class ResetForm(_OnStages):
    """Why a reached stage must be signed again."""

    statuses = frozenset({*OPEN_STAGES, StageStatus.APPROVED, StageStatus.REJECTED})
    prefix_id = "reset"

    notes = forms.CharField(label="Why", widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))


class CommentForm(_OnStages):
    """Something to say about a stage."""

    statuses = frozenset(StageStatus.values)
    prefix_id = "comment"

    notes = forms.CharField(label="Comment", widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))


class WithdrawForm(forms.Form):
    """Why the request is taken back."""

    notes = forms.CharField(label="Why", required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="withdraw-%s")
