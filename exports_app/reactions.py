"""What exports do when something happens on their ladder, and who rings for a worker."""

from __future__ import annotations

from functools import partial

from django.db import transaction

from biolab.kernel.ids import parse_id
from exports_app import tasks
from exports_app.facts import SUBJECT, PackagingQueued
from exports_app.models import NarrativeExport
from exports_app.services.gate import follow_guardrails, follow_ladder
from governance_app.facts.approvals import (
    LadderFact,
    LadderFinalized,
    LadderRejected,
    LadderWithdrawn,
    StageDelegated,
    StageReset,
    StageStarted,
)
from governance_app.facts.guardrails import GuardrailsSimulated, GuardrailsWaived
from sessions_app import timeline
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.timeline import reacts_to


@reacts_to(StageStarted, StageDelegated, StageReset, LadderRejected, LadderWithdrawn)
def follow(session: LabSession, event: TimelineEvent, fact: LadderFact) -> None:
    """Bring the export in line; one that is still being written down has no row yet and follows by itself."""
    export = _export_of(session, fact)
    if export is not None:
        follow_ladder(session, export, at=event.occurred_at)


@reacts_to(LadderFinalized)
def queue(session: LabSession, event: TimelineEvent, fact: LadderFinalized) -> None:
    """Sign where the chain stands at this very event, which is where the archive ends, and queue the packing."""
    export = _export_of(session, fact)
    if export is not None:
        export.final_checkpoint = timeline.checkpoint(session, at=event.occurred_at)
        export.pdf, export.pdf_left_out = None, ""  # the one before shows signatures that were set aside
        export.save(update_fields=["final_checkpoint", "pdf", "pdf_left_out"])
        follow_ladder(session, export, at=event.occurred_at)


@reacts_to(GuardrailsSimulated, GuardrailsWaived)
def hold_or_let_go(session: LabSession, event: TimelineEvent, fact: GuardrailsSimulated | GuardrailsWaived) -> None:
    """Hold the session's packaging, or let it go, as the guardrails now say."""
    follow_guardrails(session, at=event.occurred_at)


@reacts_to(PackagingQueued)
def ring(session: LabSession, event: TimelineEvent, fact: PackagingQueued) -> None:
    """Ring for a worker once the row is committed; where the bell is not heard, the sweep finds the row."""
    key = parse_id(fact.export_id, NarrativeExport.id_prefix)
    transaction.on_commit(partial(tasks.knock, str(key)), robust=True)


def _export_of(session: LabSession, fact: LadderFact) -> NarrativeExport | None:
    if fact.subject != SUBJECT:
        return None
    key = parse_id(fact.subject_id, NarrativeExport.id_prefix)
    exports = NarrativeExport.objects.select_related("approval").filter(session=session)
    return exports.filter(pk=key).first() if key is not None else None
