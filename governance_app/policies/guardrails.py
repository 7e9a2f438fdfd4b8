"""Questions about who may preview ladders, run the guardrails and waive them."""

from __future__ import annotations

from biolab.accounts.models import User
from biolab.accounts.policies import require, role_in
from biolab.accounts.roles import Right
from biolab.kernel.errors import Forbidden
from governance_app.errors import MayNotSign
from governance_app.policies.approvals import may_administer, require_administrator, require_writer
from sessions_app.models import LabSession


def require_previewer(person: User, session: LabSession) -> None:
    """Refuse unless the person belongs to the session's team or is an administrator.

    Raises:
        Forbidden: a platform viewer, somebody of the crew alone, or a token of another team.
    """
    require_writer(person)
    _require_team_of_token(person, session)
    if not may_administer(person) and role_in(person, session.team_id) is None:
        raise Forbidden("Only members of the session's team may do this.", code="members_only")


def require_simulator(person: User, session: LabSession) -> None:
    """Refuse unless the person runs sessions in the team: a simulation can hold its archives back.

    Raises:
        Forbidden: an observer, a platform viewer, somebody of another team, or a token of another team.
    """
    _require_team_of_token(person, session)
    require(person, Right.RUN, session.team_id)


def require_waiver(person: User) -> None:
    """Refuse unless the person is a compliance administrator who is there in person.

    Raises:
        Forbidden: they are not. MayNotSign: a service token speaks for them.
    """
    require_administrator(person)
    if person.credential is not None:
        raise MayNotSign("A signature is given by a person, not by a service token.", code="token_cannot_sign")


def _require_team_of_token(person: User, session: LabSession) -> None:
    token = person.credential
    if token is not None and token.team_id not in (None, session.team_id):
        raise Forbidden("This token is for another team.", code="token_of_another_team")
