"""Steps of a session, and the approvals given to them."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from biolab.kernel.ids import Identified
from sessions_app.models.session import LabSession
from sessions_app.states import StepStatus


class Step(Identified):
    """One instruction of the protocol inside a session; ``index`` counts from 0."""

    id_prefix = "step"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="steps")
    index = models.PositiveIntegerField()
    instruction = models.TextField()
    status = models.CharField(max_length=16, choices=StepStatus.choices, default=StepStatus.PENDING)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    completed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    planned_duration_s = models.PositiveIntegerField(null=True, blank=True)
    values = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["session", "index"]
        constraints = [
            models.UniqueConstraint(fields=["session", "index"], name="step_indexes_are_unique"),
            models.CheckConstraint(condition=models.Q(status__in=StepStatus.values), name="step_status_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.index + 1}. {self.instruction}"


class StepApproval(Identified):
    """That a person approved of a step, under the name that its requirements ask for; never changed."""

    append_only = True
    id_prefix = "stepok"

    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="approvals")
    name = models.CharField(max_length=200)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=150)
    role = models.CharField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        ordering = ["step", "at"]
        constraints = [models.UniqueConstraint(fields=["step", "name"], name="steps_are_approved_once_by_name")]

    def __str__(self) -> str:
        return f"{self.name}, {self.by_name}"
