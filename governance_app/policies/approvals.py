"""Questions about who may edit templates, sign a stage, or steer a ladder."""

from __future__ import annotations

from biolab.accounts.models import Membership, User
from biolab.accounts.policies import may, role_in
from biolab.accounts.roles import RIGHTS, PlatformRole, Right, Role
from biolab.kernel.errors import Forbidden, Refusal
from governance_app.errors import AdministratorsOnly, MayNotSign, OutOfReach
from governance_app.models import ApprovalRequest, ApprovalStage, OverrideAction
from governance_app.rules.tiers import NEEDED, TIER_OF_ROLE, Tier, highest, suffices
from governance_app.states import OverrideKind
from sessions_app.models import LabSession

EDITS_TEMPLATES = "governance_app.change_workflowtemplate"


def may_administer(person: User) -> bool:
    """Tell whether the person is a compliance administrator: by platform role, or as staff with the permission.

    A service token of certain scopes, sessions or one team was given none of this.
    """
    if not person.is_active or (person.credential is not None and person.credential.is_confined):
        return False
    return person.is_admin or (person.is_staff and person.has_perm(EDITS_TEMPLATES))


def require_administrator(person: User) -> None:
    """Refuse unless ``may_administer``.

    Raises:
        AdministratorsOnly: the person is none.
    """
    if not may_administer(person):
        raise AdministratorsOnly("Only compliance administrators may do this.")


def objection_to_signer(person: User, stage: ApprovalStage, *, role: Role | None = None) -> Refusal | None:
    """Return why the person could not sign the stage even as its assignee; None when they could.

    The role must be exactly the stage's; neither a higher one nor being an administrator stands in for it.

    Args:
        role: the person's in the session's team, where a page has read it for all its stages; else it is read here.
    """
    request = stage.request
    if not person.is_active or person.role == PlatformRole.VIEWER:
        return MayNotSign("This account may read and not sign.", code="account_reads_only")
    role = role or role_in(person, request.session.team_id)
    if role != stage.required_role:
        wanted = Role(stage.required_role).label
        return MayNotSign(
            f"This stage is signed by the role {wanted} of the session's team, which is not yours.",
            code="wrong_role",
            required_role=stage.required_role,
            role=role,
        )
    if person.pk == request.asked_by_id and not request.allow_self_approval:
        return MayNotSign("Whoever asked for an approval does not sign it.", code="own_request")
    return None


def objection_to_signing(person: User, stage: ApprovalStage, *, role: Role | None = None) -> Refusal | None:
    """Return why the person may not sign the stage as it stands; None when they may. ``role``: as above."""
    if person.credential is not None:
        return MayNotSign("A signature is given by a person, not by a service token.", code="token_cannot_sign")
    objection = objection_to_signer(person, stage, role=role)
    if objection is not None:
        return objection
    named = {pk for pk in (stage.assignee_id, stage.delegated_to_id) if pk is not None}
    if named and person.pk not in named:
        return MayNotSign("This stage was given to somebody else.", code="not_assigned")
    return None


def may_steer(person: User, request: ApprovalRequest) -> bool:
    """Tell whether the person leads the session's team or is an administrator."""
    return may_administer(person) or may(person, Right.STEER_LADDERS, request.session.team_id)


def may_delegate(person: User, stage: ApprovalStage) -> bool:
    """Tell whether the person may hand the stage on: its assignee, its delegate, or whoever steers."""
    return person.pk in {stage.assignee_id, stage.delegated_to_id} or may_steer(person, stage.request)


def may_reset(person: User, stage: ApprovalStage) -> bool:
    """Tell whether the person may put the stage back: whoever may sign it, or whoever steers."""
    return objection_to_signing(person, stage) is None or may_steer(person, stage.request)


def require_writer(person: User) -> None:
    """Refuse accounts that only read.

    Raises:
        Forbidden: a platform viewer.
    """
    if person.role == PlatformRole.VIEWER:
        raise Forbidden("This account may read and not write.", code="account_reads_only")


def possible_signers(stage: ApprovalStage) -> list[User]:
    """Return who could sign the stage: its assignee and delegate, else everyone of its role who did not ask."""
    named = [person for person in (stage.assignee, stage.delegated_to) if person is not None]
    if not named:
        memberships = Membership.objects.filter(
            team_id=stage.request.session.team_id, role=stage.required_role
        ).select_related("user")
        named = [membership.user for membership in memberships.order_by("user__username", "user_id")]
    unique = {person.pk: person for person in named}
    return [person for person in unique.values() if objection_to_signer(person, stage) is None]


def tier_of(person: User, session: LabSession, *, actor: User | None = None, target: User | None = None) -> Tier | None:
    """Return what the person is to an override of the session; None for who may not write there at all.

    Args:
        actor: who executed it, where it is to be taken back.
        target: the reviewer it is about, where it is to be taken back; nobody decides by being recommended for.
    """
    if person.role == PlatformRole.VIEWER:
        return None
    if may_administer(person):
        return Tier.ADMINISTRATOR
    role = role_in(person, session.team_id)
    if role is None or Right.RUN not in RIGHTS[role]:
        return Tier.OBSERVER if role is not None else None
    tiers = [TIER_OF_ROLE[role]]
    if actor is not None and person.pk == actor.pk:
        tiers.append(Tier.OVERRIDE_ACTOR)
    if target is not None and person.pk == target.pk:
        tiers.append(Tier.TARGET_REVIEWER)
    if person.pk == session.created_by_id:
        tiers.append(Tier.SESSION_RUNNER)
    return highest(tiers)


def require_override_right(
    person: User, session: LabSession, action: OverrideKind, *, actor: User | None, target: User | None
) -> Tier:
    """Return the tier by which the person may execute ``action`` or take it back.

    Raises:
        OutOfReach: there is none.
    """
    tier = tier_of(person, session, actor=actor, target=target)
    if tier is None or not suffices(tier, action):
        raise OutOfReach(
            f"To {action.label.lower()} takes more standing in this session than you have.",
            tier=tier.told if tier is not None else None,
            rank=int(tier) if tier is not None else 0,
            rank_needed=NEEDED[action],
        )
    return tier


def may_moderate(person: User, session: LabSession) -> bool:
    """Tell whether the person flags, resolves and removes coaching notes: who leads the team, and administrators."""
    return may_administer(person) or may(person, Right.STEER_LADDERS, session.team_id)


def may_coach(person: User, override: OverrideAction) -> bool:
    """Tell whether the person writes coaching notes about the override.

    Whoever runs the bench of the team, the override's actor and reviewers, who made the session, and administrators.
    """
    if person.role == PlatformRole.VIEWER:
        return False
    concerned = {override.actor_id, override.target_reviewer_id, override.reviewer_id, override.session.created_by_id}
    return person.pk in concerned or may_administer(person) or may(person, Right.RUN, override.session.team_id)
