"""Who may execute an override or take it back: every tier, role and action."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolab.accounts.roles import Role
from governance_app.rules.tiers import NEEDED, TIER_OF_ROLE, Tier, highest, suffices
from governance_app.states import ACTION_OF_RULE, MODERATION, ModerationState, OverrideKind, OverrideRule

pytestmark = pytest.mark.sqlite_only

REACH = {
    Tier.ADMINISTRATOR: {"reassign", "cooldown", "escalate"},
    Tier.OVERRIDE_ACTOR: {"reassign", "cooldown", "escalate"},
    Tier.OWNER: {"reassign", "cooldown", "escalate"},
    Tier.TARGET_REVIEWER: {"reassign", "cooldown", "escalate"},
    Tier.MANAGER: {"reassign", "cooldown", "escalate"},
    Tier.SESSION_RUNNER: {"reassign", "cooldown"},
    Tier.LEAD: {"reassign", "cooldown"},
    Tier.REVIEWER: {"reassign"},
    Tier.MEMBER: set(),
    Tier.OBSERVER: set(),
}


@pytest.mark.parametrize("tier", Tier)
def test_each_tier_reaches_what_the_contract_says(tier: Tier) -> None:
    assert {str(action) for action in OverrideKind if suffices(tier, action)} == REACH[tier]


def test_every_role_rule_and_action_has_its_place() -> None:
    assert set(TIER_OF_ROLE) == set(Role)
    assert set(NEEDED) == set(OverrideKind)
    assert set(ACTION_OF_RULE) == set(OverrideRule)
    assert not any(suffices(None, action) for action in OverrideKind)


@settings(max_examples=60)
@given(
    tiers=st.lists(st.sampled_from(Tier), max_size=4), more=st.sampled_from(Tier), action=st.sampled_from(OverrideKind)
)
def test_another_standing_never_takes_a_right_away(tiers: list[Tier], more: Tier, action: OverrideKind) -> None:
    had = suffices(highest(tiers), action)

    has = suffices(highest([*tiers, more]), action)

    assert has >= had
    assert has == (had or suffices(more, action))


@pytest.mark.parametrize("state", ModerationState)
def test_a_removed_note_stays_removed_and_no_state_is_a_dead_end_before(state: ModerationState) -> None:
    open_moves = {move.name for move in MODERATION.moves if state in move.sources}

    assert (
        open_moves
        == {
            ModerationState.DRAFT: {"publish", "remove"},
            ModerationState.PUBLISHED: {"flag", "resolve", "remove"},
            ModerationState.FLAGGED: {"resolve", "remove"},
            ModerationState.RESOLVED: {"flag", "remove"},
            ModerationState.REMOVED: set(),
        }[state]
    )
