"""Reads that return a shape: what a template says, where a ladder stands, what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from biolab.accounts.models import Membership, User
from biolab.accounts.roles import PlatformRole, Role
from governance_app.models import ApprovalRequest, ApprovalStage, StageAction, WorkflowTemplate
from governance_app.policies.approvals import objection_to_signing
from governance_app.rules.blueprint import StageBlueprint, compare_stages, differences, hours
from governance_app.rules.ladder import GivenSignature, StageTerms, Standing, climb
from governance_app.states import Decision, LadderState
from sessions_app.models import LabSession, TimelineEvent

DECISIVE: Final = (
    "governance.recommendation.override",
    "governance.override.action",
    "governance.baseline.",
    "governance.coaching.note",
    "governance.preview.summary",
)
"""How the kinds of events begin that tell of decisions."""


def standing_of(request: ApprovalRequest, stages: Sequence[ApprovalStage] | None = None) -> Standing:
    """Return where the ladder stands, folded from its signatures; the stored states play no part.

    Args:
        stages: the request's stages in order, where the caller has them in hand, changed or not.
    """
    stages = list(request.stages.all()) if stages is None else stages
    return climb(
        [
            StageTerms(
                index=stage.sequence_index,
                quorum=stage.quorum,
                round=stage.round,
                delegated=stage.delegated_to_id is not None,
            )
            for stage in stages
        ],
        given_signatures(request),
        repeat_signers=request.allow_repeat_signers,
        withdrawn=request.withdrawn_at is not None,
    )


def given_signatures(request: ApprovalRequest) -> list[GivenSignature]:
    """Return the decisions taken on the request, by stage and place; never by the clock."""
    rows = (
        StageAction.objects.filter(stage__request_id=request.pk, place__isnull=False)
        .order_by("round", "stage__sequence_index", "place")
        .values_list("stage__sequence_index", "actor_id", "action_type", "round")
    )
    return [
        GivenSignature(index=index, signer=str(actor), decision=Decision(decision), round=round_)
        for index, actor, decision, round_ in rows
    ]


def waiting_for(person: User, *, at: datetime) -> list[ApprovalStage]:
    """Return the current stages the person may sign now, overdue first, then by due date."""
    stages = _open_to(person).select_related("request__session__team", "request__asked_by", "assignee", "delegated_to")
    signed = _signers_of_ladders(person)
    held = Membership.objects.filter(user_id=person.pk).values_list("team_id", "role")
    roles = {team_id: Role(role) for team_id, role in held}
    waiting = [
        stage
        for stage in stages
        if (stage.request.allow_repeat_signers or stage.request_id not in signed)
        and objection_to_signing(person, stage, role=roles.get(stage.request.session.team_id)) is None
    ]
    never = datetime.max.replace(tzinfo=at.tzinfo)
    return sorted(waiting, key=lambda stage: (stage.due_at or never, stage.started_at or at, stage.pk))


def _open_to(person: User) -> QuerySet[ApprovalStage]:
    role_held = Membership.objects.filter(
        user_id=person.pk, team_id=OuterRef("request__session__team_id"), role=OuterRef("required_role")
    )
    unnamed = Q(assignee__isnull=True, delegated_to__isnull=True)
    signed_here = StageAction.objects.filter(
        stage_id=OuterRef("pk"), round=OuterRef("round"), actor_id=person.pk, place__isnull=False
    )
    return (
        ApprovalStage.objects.open()
        .filter(request__in=ApprovalRequest.objects.visible_to(person))
        .filter(Exists(role_held), ~Exists(signed_here))
        .filter(unnamed | Q(assignee_id=person.pk) | Q(delegated_to_id=person.pk))
    )


def _signers_of_ladders(person: User) -> set[object]:
    """Return the pending requests on which a signature of the person still counts."""
    return set(
        StageAction.objects.filter(
            actor_id=person.pk,
            place__isnull=False,
            round=F("stage__round"),
            stage__request__state=LadderState.PENDING,
        ).values_list("stage__request_id", flat=True)
    )


def blueprint_of(template: WorkflowTemplate) -> list[StageBlueprint]:
    """Return the stages of a template as it stands."""
    return [
        StageBlueprint(
            name=stage.name,
            required_role=stage.required_role,
            sla_hours=stage.sla_hours,
            quorum=stage.quorum,
            meanings=tuple(stage.meanings),
            stage_step_indexes=tuple(stage.stage_step_indexes),
            stage_gate_keys=tuple(stage.stage_gate_keys),
            assignee_id=stage.assignee.public_id if stage.assignee is not None else None,
            metadata=stage.metadata,
        )
        for stage in template.stages.select_related("assignee").order_by("position")
    ]


def template_payload(template: WorkflowTemplate) -> dict[str, Any]:
    """Return what a snapshot of the template holds: everything a ladder needs."""
    return {
        "template_id": template.public_id,
        "template_key": template.key_id,
        "version": template.version,
        "name": template.name,
        "description": template.description,
        "default_stage_sla_hours": hours(template.default_stage_sla_hours),
        "permitted_roles": list(template.permitted_roles),
        "allow_self_approval": template.allow_self_approval,
        "allow_repeat_signers": template.allow_repeat_signers,
        "stage_blueprint": [stage.as_wire() for stage in blueprint_of(template)],
    }


def compare_templates(before: WorkflowTemplate, after: WorkflowTemplate) -> dict[str, Any]:
    """Return what differs between two versions: the fields of the template, then stage by stage."""
    old, new = template_payload(before), template_payload(after)
    stages = compare_stages(old.pop("stage_blueprint"), new.pop("stage_blueprint"))
    return {
        "before": {"id": before.public_id, "template_key": before.key_id, "version": before.version},
        "after": {"id": after.public_id, "template_key": after.key_id, "version": after.version},
        "fields": [
            difference.as_wire()
            for difference in differences(old, new)
            if difference.field not in {"template_id", "template_key", "version"}
        ],
        "stages": stages,
    }


def people_to_escalate_to(session: LabSession) -> QuerySet[User]:
    """Return who hears of an escalation: the team's owners and managers, and the administrators."""
    leading = Q(memberships__team=session.team_id, memberships__role__in=[Role.OWNER, Role.MANAGER])
    return User.objects.filter(leading | Q(role=PlatformRole.ADMIN), is_active=True).distinct()


def decisions_of(session: LabSession) -> QuerySet[TimelineEvent]:
    """Return the session's events that tell of advice, overrides, baselines, coaching and previews."""
    starts = [Q(kind__startswith=start) for start in DECISIVE]
    return TimelineEvent.objects.filter(reduce(or_, starts), session=session)
