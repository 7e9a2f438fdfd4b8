"""Baselines in the states that tests ask for, made by the services, with the people who may decide on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Role
from governance_app.models import GovernanceBaseline
from governance_app.services.baselines import publish_baseline, review_baseline, roll_back_baseline, submit_baseline
from sessions_app.models import LabSession, Protocol
from tests.factories.governance import make_administrator
from tests.factories.sessions import NINE, ProtocolFactory, SessionFactory, make_member, make_team

STATUSES = ("submitted", "approved", "rejected", "published", "rolled_back")


@dataclass
class BaselineBench:
    """A protocol with people in each part around its baselines; the stranger is in no team."""

    team: Team
    protocol: Protocol
    submitter: User
    reviewer: User
    member: User
    observer: User
    admin: User
    stranger: User

    def session(self, **fields: Any) -> LabSession:
        """Return a finished session of the protocol."""
        fields = {"team": self.team, "by": self.submitter, "protocol": self.protocol, "completed": True, **fields}
        return SessionFactory(**fields)

    def baseline(self, status: str = "submitted", *, at: datetime = NINE, **fields: Any) -> GovernanceBaseline:
        """Return a baseline that has come so far: submitted, approved an hour later, published after another."""
        wanted = {"by": self.submitter, "reviewer": self.reviewer, "admin": self.admin, **fields}
        session = wanted.pop("session", None) or self.session()
        return propose(session, status, at=at, **wanted)


def propose(
    session: LabSession,
    status: str = "submitted",
    *,
    by: User,
    reviewer: User,
    admin: User | None = None,
    at: datetime = NINE,
    **fields: Any,
) -> GovernanceBaseline:
    """Return the session's baseline: submitted, approved an hour later, published after another, rolled back last."""
    wanted = {"name": "Reference", "reviewers": [reviewer], **fields}
    baseline = submit_baseline(session=session, by=by, at=at, **wanted)
    if status == "submitted":
        return baseline
    decision = "reject" if status == "rejected" else "approve"
    baseline = review_baseline(baseline=baseline, decision=decision, by=reviewer, at=at + timedelta(hours=1))
    if status in ("published", "rolled_back"):
        baseline = publish_baseline(baseline=baseline, by=reviewer, at=at + timedelta(hours=2))
    if status == "rolled_back":
        by = admin or make_administrator()
        baseline = roll_back_baseline(baseline=baseline, reason="Spilt", by=by, at=at + timedelta(hours=3))
    return baseline


def baseline_ids(session: LabSession, *, by: User, reviewer: User) -> dict[str, str]:
    """Return ids of baselines of the session: one proposed, one approved, one published."""
    names = {"bid": "submitted", "approved": "approved", "published": "published"}
    return {name: propose(session, status, by=by, reviewer=reviewer).public_id for name, status in names.items()}


def make_baseline_bench() -> BaselineBench:
    """Return a team with a protocol of three steps and one person for each part."""
    team = make_team()
    return BaselineBench(
        team=team,
        protocol=ProtocolFactory(team=team),
        submitter=make_member(team, Role.SCIENTIST),
        reviewer=make_member(team, Role.QA),
        member=make_member(team, Role.LEAD),
        observer=make_member(team, Role.OBSERVER),
        admin=make_administrator(),
        stranger=make_member(make_team("Another"), Role.OWNER),
    )
