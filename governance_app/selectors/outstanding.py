"""Who has not signed: read from a ladder in hand, without asking the database again."""

from __future__ import annotations

from biolab.accounts.models import User
from biolab.accounts.roles import Role
from governance_app.models import ApprovalRequest, ApprovalStage
from governance_app.policies.approvals import objection_to_signer
from governance_app.states import OPEN_STAGES, LadderState, StageStatus


def unsigned(stage: ApprovalStage) -> list[User]:
    """Return who could still sign the stage now and has not, by name; nobody where it is not the current one.

    Read its request ``with_ladder()`` to keep the queries few.
    """
    request = stage.request
    if request.state != LadderState.PENDING or stage.status not in OPEN_STAGES:
        return []
    roles = {member.user_id: Role(member.role) for member in request.session.team.memberships.all()}
    people = [member.user for member in request.session.team.memberships.all()]
    named = {pk for pk in (stage.assignee_id, stage.delegated_to_id) if pk is not None}
    signed = _signers(request, stage)
    waiting = [
        person
        for person in people
        if (not named or person.pk in named)
        and person.pk not in signed
        and objection_to_signer(person, stage, role=roles[person.pk]) is None
    ]
    return sorted(waiting, key=lambda person: (person.username, person.pk))


def missing_signatures(stage: ApprovalStage) -> int:
    """Return how many signatures the stage still needs; 0 where it needs none any more, or never will."""
    if stage.status not in {*OPEN_STAGES, StageStatus.PENDING}:
        return 0
    given = [action for action in stage.actions.all() if action.place is not None and action.round == stage.round]
    return max(0, stage.quorum - len(given))


def _signers(request: ApprovalRequest, stage: ApprovalStage) -> set[object]:
    """Return who has signed what keeps them from signing ``stage``."""
    stages = [stage] if request.allow_repeat_signers else request.stages.all()
    return {
        action.actor_id
        for one in stages
        for action in one.actions.all()
        if action.place is not None and action.round == one.round
    }
