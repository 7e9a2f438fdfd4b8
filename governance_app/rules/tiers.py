"""Who may execute an override and who may take it back: ranks in a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from biolab.accounts.roles import Role
from governance_app.states import OverrideKind


class Tier(IntEnum):
    """What somebody is to an override; the number is their rank, and the highest counts."""

    ADMINISTRATOR = 100
    OVERRIDE_ACTOR = 80
    OWNER = 70
    TARGET_REVIEWER = 65
    MANAGER = 60
    SESSION_RUNNER = 55
    LEAD = 50
    REVIEWER = 30
    MEMBER = 20
    OBSERVER = 10

    @property
    def told(self) -> str:
        """The tier as the wire names it."""
        return self.name.lower()


TIER_OF_ROLE: Final[dict[Role, Tier]] = {
    Role.OWNER: Tier.OWNER,
    Role.MANAGER: Tier.MANAGER,
    Role.LEAD: Tier.LEAD,
    Role.REVIEWER: Tier.REVIEWER,
    Role.SCIENTIST: Tier.MEMBER,
    Role.APPROVER: Tier.MEMBER,
    Role.QA: Tier.MEMBER,
    Role.OPERATOR: Tier.MEMBER,
    Role.OBSERVER: Tier.OBSERVER,
}

NEEDED: Final[dict[OverrideKind, int]] = {
    OverrideKind.REASSIGN: 30,
    OverrideKind.COOLDOWN: 50,
    OverrideKind.ESCALATE: 60,
}


def highest(tiers: Iterable[Tier]) -> Tier | None:
    """Return the tier that counts of those a person has; None where they have none."""
    return max(tiers, default=None)


def suffices(tier: Tier | None, action: OverrideKind) -> bool:
    """Tell whether somebody of this tier may execute ``action`` or take it back."""
    return tier is not None and tier >= NEEDED[action]
