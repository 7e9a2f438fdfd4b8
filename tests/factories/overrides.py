"""A session with a baseline under review, and overrides and coaching notes about its reviewers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from biolab.accounts.models import Team, User
from biolab.accounts.roles import Role
from governance_app.models import CoachingNote, GovernanceBaseline, OverrideAction
from governance_app.selectors.recommended import Recommended
from governance_app.services.baselines import submit_baseline
from governance_app.services.coaching import write_coaching_note
from governance_app.services.overrides import decide_override, reverse_override
from governance_app.states import OverrideKind, OverrideRule, OverrideStatus
from sessions_app.models import LabSession
from tests.factories.sessions import NINE, SessionFactory, make_member, make_team


@dataclass
class OverrideBench:
    """A running session of a team, its open baseline, and a person for each part."""

    team: Team
    session: LabSession
    baseline: GovernanceBaseline
    runner: User
    manager: User
    scientist: User
    reviewer: User
    spare: User

    @property
    def overload(self) -> Recommended:
        """The recommendation to take work off the reviewer."""
        return Recommended(OverrideRule.CADENCE_OVERLOAD, self.reviewer)


def make_override_bench() -> OverrideBench:
    """Return a session that ``runner``, a lead, made; its baseline is with ``reviewer`` and not with ``spare``."""
    team = make_team()
    runner, reviewer = make_member(team, Role.LEAD), make_member(team, Role.REVIEWER)
    session = SessionFactory(team=team, by=runner, with_steps=True)
    return OverrideBench(
        team=team,
        session=session,
        baseline=submit_baseline(session=session, name="Reference", reviewers=[reviewer], by=runner, at=NINE),
        runner=runner,
        manager=make_member(team, Role.MANAGER),
        scientist=make_member(team, Role.SCIENTIST),
        reviewer=reviewer,
        spare=make_member(team, Role.REVIEWER),
    )


def decide(bench: OverrideBench, **changes: Any) -> OverrideAction:
    """Execute the reassignment to the spare reviewer as the manager, with whatever is given instead."""
    wanted: dict[str, Any] = {
        "session": bench.session,
        "recommended": bench.overload,
        "decision": OverrideStatus.EXECUTED,
        "action": OverrideKind.REASSIGN,
        "baseline": bench.baseline,
        "target_reviewer": bench.spare,
        "by": bench.manager,
        "at": NINE,
        **changes,
    }
    return decide_override(**wanted)


def reverse(bench: OverrideBench, **changes: Any) -> OverrideAction:
    """Take it back as the manager, with whatever is given instead."""
    wanted: dict[str, Any] = {
        "session": bench.session,
        "recommended": bench.overload,
        "by": bench.manager,
        "at": NINE,
        **changes,
    }
    return reverse_override(**wanted)


def make_coaching_note(override: OverrideAction, by: User, **changes: Any) -> CoachingNote:
    """Return a published note about the override."""
    return write_coaching_note(
        **{"override": override, "body": "Ask sooner next time.", "by": by, "at": NINE, **changes}
    )


def override_ids(session: LabSession, *, by: User, reviewer: User, author: User) -> dict[str, str]:
    """Return ids by which doors find a recommendation, one that was executed, and a coaching note by ``author``."""
    overload = Recommended(OverrideRule.CADENCE_OVERLOAD, reviewer)
    streak = Recommended(OverrideRule.STREAK_COOLDOWN, reviewer)
    executed = decide_override(
        session=session,
        recommended=streak,
        decision=OverrideStatus.EXECUTED,
        action=OverrideKind.COOLDOWN,
        by=by,
        at=NINE,
    )
    return {
        "recommendation_id": overload.id,
        "executed": streak.id,
        "override_id": executed.public_id,
        "note_id": make_coaching_note(executed, author).public_id,
    }
