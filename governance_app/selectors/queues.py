"""What waits at the desk: signatures, reviews of baselines, and packaging that guardrails hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q

from biolab.accounts.models import User
from governance_app.models import ApprovalRequest, ApprovalStage, GovernanceBaseline, GuardrailSimulation
from governance_app.selectors.outstanding import unsigned
from governance_app.states import BaselineStatus


@dataclass(frozen=True)
class WaitingStage:
    """A stage that waits, and who could sign it and has not."""

    stage: ApprovalStage
    people: Sequence[User]
    late: bool


@dataclass(frozen=True)
class Waiting:
    """The current stages of pending requests: how many, how many of them late, and the first."""

    total: int
    late: int
    first: Sequence[WaitingStage]


def signatures_waiting(person: User, *, at: datetime, limit: int) -> Waiting:
    """Return the stages that wait for anybody on the requests the person sees, the longest overdue first."""
    stages = ApprovalStage.objects.open().filter(request__in=ApprovalRequest.objects.visible_to(person))
    counts = stages.aggregate(total=Count("pk"), late=Count("pk", filter=Q(due_at__lt=at)))
    order = (F("due_at").asc(nulls_last=True), "started_at", "pk")
    chosen = list(stages.order_by(*order).values_list("pk", "request_id")[:limit])
    requests = ApprovalRequest.objects.with_ladder().in_bulk([request for _, request in chosen])
    first = []
    for pk, request_pk in chosen:
        request = requests[request_pk]
        stage = next(one for one in request.stages.all() if one.pk == pk)
        stage.request = request
        late = stage.due_at is not None and stage.due_at < at
        first.append(WaitingStage(stage=stage, people=unsigned(stage), late=late))
    return Waiting(counts["total"], counts["late"], first)


def packaging_held(person: User, *, limit: int) -> tuple[int, list[GuardrailSimulation]]:
    """Return how many sessions' packaging guardrails hold, and the newest of the simulations that say so."""
    held = GuardrailSimulation.objects.visible_to(person).holding()
    return held.count(), list(held.told().order_by("-created_at", "-id")[:limit])


def reviews_waiting(person: User, *, limit: int) -> tuple[int, list[GovernanceBaseline]]:
    """Return how many baselines wait for their review, and those that wait longest."""
    submitted = GovernanceBaseline.objects.visible_to(person).filter(status=BaselineStatus.SUBMITTED)
    return submitted.count(), list(submitted.with_people().order_by("submitted_at", "pk")[:limit])
