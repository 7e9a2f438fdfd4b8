"""Previews: what a published ladder would meet on a session, kept and told, with nothing else changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from biolab.accounts.models import User
from biolab.kernel.errors import Conflict
from biolab.kernel.ids import find, parse_id
from biolab.kernel.times import iso
from governance_app.facts.guardrails import PreviewMade
from governance_app.models import LadderPreview, TemplateSnapshot
from governance_app.policies.guardrails import require_previewer
from governance_app.selectors.rehearsal import Rehearsal, Wish, baseline_snapshot, rehearse
from governance_app.services.assignments import refuse_drift, usable
from governance_app.services.templates import PREVIEWED, write_audit
from governance_app.shapes.previews import comparison, insight, narrative, summary
from governance_app.states import TemplateStatus
from sessions_app import timeline
from sessions_app.models import LabSession


@transaction.atomic
def preview_ladder(
    *, session: LabSession, snapshot_id: object, by: User, at: datetime, wish: Wish | None = None
) -> LadderPreview:
    """Return what a ladder by a published snapshot would meet on the session, beside its protocol's baseline.

    Keeps the answer, an entry in the template's history and one event; the session, its steps and its ladders stay
    as they are.

    Raises:
        Forbidden: neither a member of the session's team nor an administrator.
        Missing: there is no such snapshot.
        Conflict: the snapshot is not published. TemplateArchived, TemplateDrifted: it may not be used.
        Invalid: resources that are no lists of names.
    """
    require_previewer(by, session)
    snapshot = find(TemplateSnapshot.objects.select_related("template"), snapshot_id)
    if snapshot.status != TemplateStatus.PUBLISHED:
        raise Conflict(f"{snapshot} is not published.", code="snapshot_not_published")
    usable(snapshot)
    LabSession.objects.hold(session.pk)
    session = LabSession.objects.with_protocol().get(pk=session.pk)
    against = baseline_snapshot(session) or snapshot
    refuse_drift(against)
    seen = rehearse(session, snapshot.payload, baseline=against.payload, wish=wish, at=at)
    last = LadderPreview.objects.filter(session=session).aggregate(last=Max("number"))["last"] or 0
    preview = LadderPreview.objects.create(
        session=session,
        number=last + 1,
        snapshot=snapshot,
        baseline_snapshot=against,
        body=_body(session, snapshot, against, seen, at=at),
        created_by=by,
        created_at=at,
    )
    figures = summary(seen.comparisons)
    write_audit(
        snapshot.template,
        PREVIEWED,
        by=by,
        at=at,
        snapshot=snapshot,
        execution_id=session.public_id,
        stage_count=figures["stage_count"],
        blocked_stage_count=figures["blocked_stage_count"],
        override_indexes=list(seen.overridden),
        warnings=list(seen.warnings),
    )
    told = PreviewMade(
        generated_at=at,
        snapshot_id=snapshot.public_id,
        baseline_snapshot_id=against.public_id,
        override_count=len(seen.overridden),
        resource_warning_count=len(seen.warnings),
        **figures,
    )
    timeline.record(session, told, by=by, at=at)
    return preview


def _body(
    session: LabSession, snapshot: TemplateSnapshot, against: TemplateSnapshot, seen: Rehearsal, *, at: datetime
) -> dict[str, Any]:
    payload = snapshot.payload
    return {
        "answer": {
            "execution_id": session.public_id,
            "snapshot_id": snapshot.public_id,
            "baseline_snapshot_id": against.public_id,
            "generated_at": iso(at),
            "template_name": payload["name"],
            "template_version": snapshot.version,
            "stage_insights": [insight(pair) for pair in seen.comparisons],
            "narrative_preview": narrative(
                seen.comparisons,
                session=session.name,
                template=f"{payload['name']} v{snapshot.version}",
                at=at,
                names=_names(seen),
                warnings=seen.warnings,
            ),
            "resource_warnings": list(seen.warnings),
        },
        "comparisons": [comparison(pair) for pair in seen.comparisons],
    }


def _names(seen: Rehearsal) -> dict[str, str]:
    plans = [pair.simulated.plan for pair in seen.comparisons]
    keys = {parse_id(who, User.id_prefix) for plan in plans for who in (plan.assignee_id, plan.delegate_id) if who}
    people = User.objects.in_bulk([key for key in keys if key is not None])
    return {person.public_id: person.printed_name for person in people.values()}
