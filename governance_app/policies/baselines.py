"""Questions about who may propose, review, publish and roll back baselines."""

from __future__ import annotations

from biolab.accounts.models import User
from biolab.accounts.policies import may, require
from biolab.accounts.roles import PlatformRole, Right
from biolab.kernel.errors import Forbidden
from governance_app.models import GovernanceBaseline
from governance_app.policies.approvals import may_administer, require_administrator
from sessions_app.models import LabSession


def require_proposer(person: User, session: LabSession) -> None:
    """Refuse whoever does not run the session's bench.

    Raises:
        Forbidden: by their role in the session's team, or on the platform.
    """
    require(person, Right.RUN, session.team_id)


def could_review(person: User, session: LabSession) -> bool:
    """Tell whether the person may be asked to review a baseline of the session: its team, or an administrator."""
    return person.is_active and (may(person, Right.RUN, session.team_id) or may_administer(person))


def objection_to_deciding(person: User, baseline: GovernanceBaseline) -> Forbidden | None:
    """Return why the person may neither review nor publish the baseline; None when they may."""
    if not person.is_active or person.role == PlatformRole.VIEWER:
        return Forbidden("This account may read and not write.", code="account_reads_only")
    if person.pk == baseline.submitted_by_id:
        return Forbidden("Whoever proposed a baseline neither reviews nor publishes it.", code="own_baseline")
    if may_administer(person):
        return None
    if person.pk not in {row.person_id for row in baseline.reviewer_rows.all()}:
        return Forbidden(
            "Only its reviewers and compliance administrators decide on a baseline.", code="not_a_reviewer"
        )
    if not may(person, Right.RUN, baseline.session.team_id):
        return Forbidden("Your role in this team does not allow this any more.", code="wrong_role")
    return None


def require_decider(person: User, baseline: GovernanceBaseline) -> None:
    """Refuse unless the person may review and publish the baseline.

    Raises:
        Forbidden: as ``objection_to_deciding`` says.
    """
    objection = objection_to_deciding(person, baseline)
    if objection is not None:
        raise objection


def require_roller(person: User) -> None:
    """Refuse unless the person may roll baselines back.

    Raises:
        AdministratorsOnly: they are no compliance administrator.
    """
    require_administrator(person)
