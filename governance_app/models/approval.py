"""Requests for approval, the stages of their ladders, and what people did on them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models

from biolab.accounts.models import Membership, User
from biolab.accounts.roles import Role
from biolab.kernel.ids import Identified
from biolab.kernel.signed import SignedRow
from governance_app.models.template import TemplateSnapshot
from governance_app.states import OPEN_STAGES, ActionType, LadderState, StageStatus
from sessions_app.models import LabSession


class ApprovalRequestQuerySet(models.QuerySet["ApprovalRequest"]):
    """Requests, narrowed."""

    def visible_to(self, person: User) -> Self:
        """Those of the sessions the person sees."""
        return self.filter(session__in=LabSession.objects.visible_to(person))

    def pending(self) -> Self:
        """Those that still wait for somebody."""
        return self.filter(state=LadderState.PENDING)

    def with_ladder(self) -> Self:
        """With stages, actions, the people in them and the team's, in a fixed number of queries."""
        return self.select_related("session__team", "asked_by", "snapshot").prefetch_related(
            models.Prefetch("stages", ApprovalStage.objects.select_related("assignee", "delegated_to")),
            models.Prefetch("session__team__memberships", Membership.objects.select_related("user")),
            models.Prefetch(
                "stages__actions", StageAction.objects.select_related("actor", "delegation_target", "seal")
            ),
        )


ApprovalRequestManager = models.Manager.from_queryset(ApprovalRequestQuerySet)


class ApprovalRequest(Identified):
    """Somebody asked that something of a session be approved.

    What that something is stays unknown here: a prefix, an id and a digest stand for it. ``state`` is a cache of what
    the pure ladder makes of the signatures.
    """

    id_prefix = "apr"

    session = models.ForeignKey(LabSession, on_delete=models.PROTECT, related_name="approval_requests")
    subject_prefix = models.CharField(max_length=48)
    subject_key = models.CharField(max_length=48)
    subject_id = models.CharField(max_length=80)
    subject_digest = models.CharField(max_length=64)
    content_digest = models.CharField(max_length=64)
    subject_label = models.CharField(max_length=255, blank=True)
    subject_path = models.CharField(max_length=255, blank=True)
    snapshot = models.ForeignKey(
        TemplateSnapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="requests"
    )
    snapshot_digest = models.CharField(max_length=64, blank=True)
    allow_self_approval = models.BooleanField(default=False)
    allow_repeat_signers = models.BooleanField(default=False)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approval_requests")
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=LadderState.choices, default=LadderState.PENDING)
    decided_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = ApprovalRequestManager()

    class Meta:
        ordering = ["-asked_at", "-id"]
        verbose_name = "approval request"
        indexes = [models.Index(fields=["state", "-asked_at"], name="requests_by_state")]
        constraints = [
            models.UniqueConstraint(fields=["subject_prefix", "subject_id"], name="one_ladder_per_subject"),
            models.CheckConstraint(condition=models.Q(state__in=LadderState.values), name="ladder_state_is_known"),
            models.CheckConstraint(
                condition=models.Q(state=LadderState.WITHDRAWN, withdrawn_at__isnull=False)
                | (~models.Q(state=LadderState.WITHDRAWN) & models.Q(withdrawn_at__isnull=True)),
                name="withdrawn_at_iff_withdrawn",
            ),
        ]

    def __str__(self) -> str:
        return self.subject_label or f"{self.subject_prefix} {self.subject_id}"


class ApprovalStageQuerySet(models.QuerySet["ApprovalStage"]):
    """Stages, narrowed."""

    def open(self) -> Self:
        """The current stage of each pending request."""
        return self.filter(status__in=OPEN_STAGES, request__state=LadderState.PENDING)

    def overdue(self, at: datetime) -> Self:
        """Open and past their due date."""
        return self.open().filter(due_at__lt=at)


ApprovalStageManager = models.Manager.from_queryset(ApprovalStageQuerySet)


class ApprovalStage(Identified):
    """One stage of a ladder: which role must sign, how many of them, and by when."""

    id_prefix = "stg"

    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="stages")
    sequence_index = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=255)
    required_role = models.CharField(max_length=16, choices=Role.choices)
    quorum = models.PositiveSmallIntegerField(default=1)
    meanings = models.JSONField(default=list, blank=True)
    sla_hours = models.FloatField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=StageStatus.choices, default=StageStatus.PENDING)
    round = models.PositiveIntegerField(default=1, help_text="Grows each time the stage is put back.")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    delegated_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    overdue_notified_at = models.DateTimeField(null=True, blank=True)
    notes = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    objects = ApprovalStageManager()

    class Meta:
        ordering = ["request", "sequence_index"]
        verbose_name = "approval stage"
        constraints = [
            models.UniqueConstraint(fields=["request", "sequence_index"], name="stages_have_one_place_each"),
            models.UniqueConstraint(
                fields=["request"],
                condition=models.Q(status__in=sorted(OPEN_STAGES)),
                name="one_open_stage_per_ladder",
            ),
            models.CheckConstraint(condition=models.Q(sequence_index__gte=1), name="stages_count_from_one"),
            models.CheckConstraint(condition=models.Q(quorum__gte=1), name="a_stage_wants_a_signature"),
            models.CheckConstraint(condition=models.Q(status__in=StageStatus.values), name="stage_status_is_known"),
        ]
        indexes = [models.Index(fields=["status", "due_at"], name="stages_by_due_date")]

    def __str__(self) -> str:
        return f"{self.sequence_index}. {self.name}"


class StageAction(Identified):
    """What somebody did on a stage, in order; a row is never changed."""

    append_only = True
    id_prefix = "act"

    stage = models.ForeignKey(ApprovalStage, on_delete=models.PROTECT, related_name="actions")
    round = models.PositiveIntegerField()
    place = models.PositiveSmallIntegerField(null=True, help_text="Which of the stage's signatures this is, from 1.")
    action_type = models.CharField(max_length=16, choices=ActionType.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="stage_actions"
    )
    delegation_target = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    signature = models.CharField(max_length=255, blank=True)
    meaning = models.CharField(max_length=32, blank=True)
    notes = models.TextField(blank=True)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["stage", "created_at", "id"]
        verbose_name = "stage action"
        constraints = [
            models.UniqueConstraint(
                fields=["stage", "round", "actor"],
                condition=models.Q(place__isnull=False),
                name="nobody_signs_a_stage_twice",
            ),
            models.UniqueConstraint(
                fields=["stage", "round", "place"],
                condition=models.Q(place__isnull=False),
                name="one_signature_per_place",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    action_type__in=[ActionType.APPROVED, ActionType.REJECTED],
                    place__isnull=False,
                    actor__isnull=False,
                )
                | (
                    ~models.Q(action_type__in=[ActionType.APPROVED, ActionType.REJECTED]) & models.Q(place__isnull=True)
                ),
                name="decisions_take_a_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_type_display()} on {self.stage}"

    @property
    def given_signature(self) -> Signature | None:
        """The signature behind a decision; None for any other action."""
        return getattr(self, "seal", None)


class Signature(SignedRow):
    """A person's signature under an action of a ladder, with all it is bound to."""

    action = models.OneToOneField(StageAction, on_delete=models.PROTECT, primary_key=True, related_name="seal")
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signatures")
    decision = models.CharField(max_length=16)
    meaning = models.CharField(max_length=32)
    role = models.CharField(max_length=16)
    subject_digest = models.CharField(max_length=64)
    snapshot_digest = models.CharField(max_length=64, blank=True)
    chain_sequence = models.PositiveBigIntegerField()
    chain_head = models.CharField(max_length=64)

    class Meta:
        ordering = ["-signed_at"]

    def __str__(self) -> str:
        return f"{self.printed_name}: {self.meaning}"
