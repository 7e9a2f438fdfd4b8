"""Forms of a baseline's page at the desk: review, publish, roll back, compare."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from biolab.accounts.models import User
from governance_app.models import GovernanceBaseline
from governance_app.selectors.baselines import earlier_versions
from governance_app.services.baseline_parts import LONGEST_TEXT
from sessions_app.models import LabSession


def _notes(**options: Any) -> forms.CharField:
    return forms.CharField(max_length=LONGEST_TEXT, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), **options)


class ReviewForm(forms.Form):
    """Whether it is fit to be a reference."""

    decision = forms.ChoiceField(
        choices=[("approve", "Approve"), ("reject", "Reject")], widget=UnfoldAdminSelectWidget()
    )
    notes = _notes(required=False)

    def __init__(self, data: Any = None, *, baseline: GovernanceBaseline) -> None:
        super().__init__(data, auto_id="review-%s")


class PublishForm(forms.Form):
    """What is said when it becomes the current version."""

    notes = _notes(required=False)

    def __init__(self, data: Any = None, *, baseline: GovernanceBaseline) -> None:
        super().__init__(data, auto_id="publish-%s")


class VersionChoice(forms.ModelChoiceField[GovernanceBaseline]):
    """Another version of the same protocol's baseline."""

    def label_from_instance(self, obj: Any) -> str:
        return f"Version {obj.version_number}: {obj.name} ({obj.get_status_display().lower()})"


class RollbackForm(forms.Form):
    """Why it no longer holds, and what holds in its place."""

    target = VersionChoice(
        GovernanceBaseline.objects.none(),
        label="Current in its place",
        required=False,
        empty_label="No version",
        widget=UnfoldAdminSelectWidget(),
    )
    reason = _notes()

    def __init__(self, data: Any = None, *, baseline: GovernanceBaseline) -> None:
        super().__init__(data, auto_id="rollback-%s")
        others = earlier_versions(baseline)
        target: Any = self.fields["target"]
        target.queryset = GovernanceBaseline.objects.filter(pk__in=[other.pk for other in others])
        before = [other for other in others if (other.version_number or 0) < (baseline.version_number or 0)]
        target.initial = next((other.pk for other in before if other.status == "published"), None)


class CompareForm(forms.Form):
    """A session of the same protocol to hold against it."""

    MOST = 100

    session = forms.ModelChoiceField(LabSession.objects.none(), widget=UnfoldAdminSelectWidget())

    def __init__(self, data: Any = None, *, baseline: GovernanceBaseline, person: User) -> None:
        super().__init__(data, auto_id="compare-%s")
        sessions = LabSession.objects.visible_to(person).filter(protocol_version__protocol=baseline.protocol_id)
        sessions = sessions.exclude(pk=baseline.session_id).order_by("-created_at", "-id")
        latest = list(sessions.values_list("pk", flat=True)[: self.MOST])
        chosen: Any = self.fields["session"]
        chosen.queryset = LabSession.objects.with_protocol().filter(pk__in=latest)
        self.worth_showing = bool(latest)
