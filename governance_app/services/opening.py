"""Opening a ladder: what is to be approved, by which stages, and the first of them started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from biolab.accounts.models import User
from biolab.kernel.errors import Conflict, Invalid
from biolab.kernel.ids import find
from governance_app.models import ApprovalRequest, ApprovalStage, TemplateSnapshot
from governance_app.policies.approvals import objection_to_signer
from governance_app.rules.blueprint import check_json, sla_fault
from governance_app.services.assignments import usable
from governance_app.services.climbing import read_ladder, settle, tell_started
from governance_app.services.templates import write_audit
from sessions_app.models import LabSession


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is to be approved, as far as governance knows it.

    Args:
        prefix: names its events: ``narrative_export`` gives ``narrative_export.approval.finalized``.
        key: what payloads call its id.
        digest: SHA-256 over everything the signatures are to be bound to.
        content_digest: SHA-256 of what signers are shown; by default the same.
        path: the page on which it can be read.
    """

    prefix: str
    key: str
    id: str
    digest: str
    content_digest: str = ""
    label: str = ""
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One stage of a ladder that is about to be opened."""

    required_role: str
    name: str = ""
    assignee: User | None = None
    delegate: User | None = None
    sla_hours: float | None = None
    quorum: int = 1
    meanings: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def open_request(
    *,
    session: LabSession,
    subject: Subject,
    by: User,
    at: datetime,
    snapshot: TemplateSnapshot | None = None,
    stages: Sequence[StageSpec] = (),
) -> ApprovalRequest:
    """Open a ladder for ``subject``, start its first stage and return the request.

    Args:
        snapshot: the published template to climb by.
        stages: the ladder's stages instead; with neither, one stage for the role approver.

    Raises:
        Invalid: both a snapshot and stages, or a stage that its assignee could not sign.
        TemplateArchived, TemplateDrifted: the snapshot may not be used.
        Conflict: the subject has a ladder already.
    """
    if snapshot is not None and stages:
        detail = "Give either a template or stages, not both."
        raise Invalid(detail, errors=[{"pointer": "/approval_stages", "detail": detail}])
    session = LabSession.objects.hold(session.pk)
    if ApprovalRequest.objects.filter(subject_prefix=subject.prefix, subject_id=subject.id).exists():
        raise Conflict("This has been put up for approval already.", code="ladder_exists")
    terms = usable(snapshot).payload if snapshot is not None else {}
    request = ApprovalRequest.objects.create(
        session=session,
        subject_prefix=subject.prefix,
        subject_key=subject.key,
        subject_id=subject.id,
        subject_digest=subject.digest,
        content_digest=subject.content_digest or subject.digest,
        subject_label=subject.label,
        subject_path=subject.path,
        snapshot=snapshot,
        snapshot_digest=snapshot.digest if snapshot is not None else "",
        allow_self_approval=terms.get("allow_self_approval", False),
        allow_repeat_signers=terms.get("allow_repeat_signers", False),
        asked_by=by,
        asked_at=at,
    )
    specs = _specs_of(terms) if snapshot is not None else list(stages) or [StageSpec(required_role="approver")]
    _write_stages(request, specs, explicit=bool(stages))
    ladder = read_ladder(request, session)
    started = settle(ladder, at=at)
    if snapshot is not None:
        write_audit(
            snapshot.template,
            "export.snapshot.bound",
            by=by,
            at=at,
            snapshot=snapshot,
            execution_id=session.public_id,
            digest=snapshot.digest,
            **{subject.key: subject.id},
        )
    if started is not None:
        tell_started(ladder, started, by=by, at=at)
    return ladder.request


def _specs_of(payload: Mapping[str, Any]) -> list[StageSpec]:
    return [
        StageSpec(
            required_role=stage["required_role"],
            name=stage["name"],
            assignee=find(User.objects.all(), stage["assignee_id"]) if stage["assignee_id"] else None,
            sla_hours=stage["sla_hours"] or payload["default_stage_sla_hours"],
            quorum=stage["quorum"],
            meanings=tuple(stage["meanings"]),
            metadata=stage["metadata"],
        )
        for stage in payload["stage_blueprint"]
    ]


def _write_stages(request: ApprovalRequest, specs: Sequence[StageSpec], *, explicit: bool) -> None:
    rows = []
    for place, spec in enumerate(specs):
        stage = ApprovalStage(
            request=request,
            sequence_index=place + 1,
            name=spec.name or f"Approval {place + 1}",
            required_role=spec.required_role,
            quorum=spec.quorum,
            meanings=list(spec.meanings),
            sla_hours=spec.sla_hours,
            assignee=spec.assignee,
            delegated_to=spec.delegate,
            metadata=dict(spec.metadata),
        )
        if explicit:
            _check_spec(stage, f"/approval_stages/{place}")
        rows.append(stage)
    ApprovalStage.objects.bulk_create(rows)


def _check_spec(stage: ApprovalStage, pointer: str) -> None:
    fault = sla_fault(stage.sla_hours)
    if fault is not None:
        raise Invalid(fault, errors=[{"pointer": f"{pointer}/sla_hours", "detail": fault}])
    check_json(stage.metadata, f"{pointer}/metadata")
    for name, person in (("assignee_id", stage.assignee), ("delegate_id", stage.delegated_to)):
        objection = objection_to_signer(person, stage) if person is not None else None
        if objection is not None:
            detail = f"{person} could not sign this stage."
            raise Invalid(detail, code="cannot_sign", errors=[{"pointer": f"{pointer}/{name}", "detail": detail}])
