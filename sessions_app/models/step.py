"""Steps of a session."""

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
