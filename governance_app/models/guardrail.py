"""Previews of ladders, what the guardrails made of them, and who let packaging go on all the same."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import OuterRef

from biolab.accounts.models import User
from biolab.kernel.ids import Identified
from biolab.kernel.signed import SignedRow
from governance_app.models.template import TemplateSnapshot
from governance_app.rules.guardrails import GuardrailState
from sessions_app.models import LabSession

STATES = [(state.value, state.value.capitalize()) for state in GuardrailState]


class LadderPreview(Identified):
    """What a ladder would have met on a session at one moment, as it was answered then; never changed."""

    append_only = True
    id_prefix = "prev"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="ladder_previews")
    number = models.PositiveIntegerField(help_text="Counts the session's previews from 1.")
    snapshot = models.ForeignKey(TemplateSnapshot, on_delete=models.PROTECT, related_name="+")
    baseline_snapshot = models.ForeignKey(TemplateSnapshot, on_delete=models.PROTECT, related_name="+")
    body = models.JSONField(help_text="The answer, and the stages as the guardrails compare them.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "preview"
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="previews_of_a_session_are_numbered"),
        ]

    def __str__(self) -> str:
        return f"Preview {self.number} of {self.session}"

    @property
    def answer(self) -> dict[str, Any]:
        """What was answered."""
        answer: dict[str, Any] = self.body["answer"]
        return answer

    @property
    def comparisons(self) -> list[dict[str, Any]]:
        """The stages as the guardrails compare them."""
        comparisons: list[dict[str, Any]] = self.body["comparisons"]
        return comparisons


class GuardrailSimulationQuerySet(models.QuerySet["GuardrailSimulation"]):
    """Simulations, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the sessions the person sees."""
        return self.filter(session__in=LabSession.objects.visible_to(person))

    def newest(self) -> Self:
        """The newest of each session: the only one that counts."""
        newer = GuardrailSimulation.objects.filter(session=OuterRef("session"), number__gt=OuterRef("number"))
        return self.filter(~models.Exists(newer))

    def holding(self) -> Self:
        """Those that hold packaging now: the newest of their session, blocked, and waived by nobody."""
        return self.newest().filter(state=GuardrailState.BLOCKED, waiver__isnull=True)

    def told(self) -> Self:
        """With what the wire shows of them, in one query."""
        return self.select_related("session__team", "created_by", "waiver__signer")


GuardrailSimulationManager = models.Manager.from_queryset(GuardrailSimulationQuerySet)


class GuardrailSimulation(Identified):
    """A ladder as it would be beside the one in force, stage by stage, and the verdict on it; never changed."""

    append_only = True
    id_prefix = "sim"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="guardrail_simulations")
    number = models.PositiveIntegerField(help_text="Counts the session's simulations from 1.")
    preview = models.ForeignKey(
        LadderPreview, on_delete=models.PROTECT, null=True, blank=True, related_name="simulations"
    )
    comparisons = models.JSONField()
    metadata = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=STATES)
    reasons = models.JSONField(default=list, blank=True)
    projected_delay_minutes = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = GuardrailSimulationManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "guardrail simulation"
        indexes = [models.Index(fields=["-created_at", "-id"], name="simulations_newest_first")]
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="simulations_of_a_session_are_numbered"),
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in GuardrailState]),
                name="guardrail_state_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"Simulation {self.number} of {self.session}"

    @property
    def given_waiver(self) -> GuardrailWaiver | None:
        """The signature that lets packaging go on all the same; None where nobody gave one."""
        return getattr(self, "waiver", None)


class GuardrailWaiver(SignedRow, Identified):
    """An administrator's signature under a blocked simulation, with all it is bound to."""

    id_prefix = "waiv"

    simulation = models.OneToOneField(GuardrailSimulation, on_delete=models.PROTECT, related_name="waiver")
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="guardrail_waivers")
    meaning = models.CharField(max_length=32)
    reason = models.TextField()
    simulation_digest = models.CharField(max_length=64)
    chain_sequence = models.PositiveBigIntegerField()
    chain_head = models.CharField(max_length=64)

    class Meta:
        ordering = ["-signed_at", "-id"]
        verbose_name = "guardrail waiver"

    def __str__(self) -> str:
        return f"{self.printed_name}: {self.simulation}"
