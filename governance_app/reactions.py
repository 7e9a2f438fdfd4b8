"""What governance does when its own facts are recorded."""

from __future__ import annotations

from functools import partial
from typing import Final

from django.db import transaction

from biolab.kernel.facts import Fact
from biolab.kernel.ids import parse_id
from governance_app.analytics.read import drop_analytics
from governance_app.facts.approvals import (
    LadderFact,
    LadderFinalized,
    LadderRejected,
    StageCompleted,
    StageDelegated,
    StageReset,
    StageSigned,
    StageStarted,
)
from governance_app.facts.recommendations import OverrideRecommended
from governance_app.models import ApprovalRequest, ApprovalStage
from governance_app.services.notices import tell_waiting
from sessions_app import timeline
from sessions_app.facts import StepMoved
from sessions_app.models import LabSession, TimelineEvent

GOVERNANCE: Final = "governance."


@timeline.reacts_to(StageSigned, StageCompleted, LadderFinalized, LadderRejected)
def pin_chain(session: LabSession, event: TimelineEvent, fact: LadderFact) -> None:
    """Sign where the chain stands at every signature, before anything that follows from it is written."""
    timeline.checkpoint(session, at=event.occurred_at)


@timeline.reacts_to(StageStarted, StageDelegated, StageReset)
def tell_signers(session: LabSession, event: TimelineEvent, fact: StageStarted | StageDelegated | StageReset) -> None:
    """Put into the inbox of those who can sign a stage that it waits for them."""
    key = parse_id(fact.stage_id, ApprovalStage.id_prefix)
    request = ApprovalRequest.objects.with_ladder().filter(stages=key).first()
    stage = next((stage for stage in request.stages.all() if stage.pk == key), None) if request is not None else None
    if stage is not None:
        tell_waiting(stage, at=event.occurred_at)


@timeline.reacts_to(Fact)
def drop_numbers(session: LabSession, event: TimelineEvent, fact: Fact) -> None:
    """Drop the analytics that this session is part of, once a fact that changes them is committed."""
    if isinstance(fact, LadderFact | StepMoved) or (
        event.kind.startswith(GOVERNANCE) and not isinstance(fact, OverrideRecommended)
    ):
        transaction.on_commit(partial(drop_analytics, session=session.pk, team=session.team_id), robust=True)
