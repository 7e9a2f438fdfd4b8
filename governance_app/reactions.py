"""What governance does when its own facts are recorded."""

from __future__ import annotations

from governance_app.facts import LadderFact, LadderFinalized, LadderRejected, StageCompleted, StageSigned
from sessions_app import timeline
from sessions_app.models import LabSession, TimelineEvent


@timeline.reacts_to(StageSigned, StageCompleted, LadderFinalized, LadderRejected)
def pin_chain(session: LabSession, event: TimelineEvent, fact: LadderFact) -> None:
    """Sign where the chain stands at every signature, before anything that follows from it is written."""
    timeline.checkpoint(session, at=event.occurred_at)
