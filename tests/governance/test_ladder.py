"""The pure ladder: whatever is thrown at it, stages are climbed in order and refused signatures do not count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance_app.rules.ladder import GivenSignature, Objection, StageTerms, Standing, climb
from governance_app.states import Decision, LadderState, StageStatus

YES, NO = Decision.APPROVED, Decision.REJECTED


def two_stages() -> list[StageTerms]:
    return [StageTerms(1), StageTerms(2)]


@st.composite
def ladders(draw: st.DrawFn) -> tuple[list[StageTerms], list[GivenSignature]]:
    count = draw(st.integers(1, 4))
    stages = [
        StageTerms(index, quorum=draw(st.integers(1, 3)), round=draw(st.integers(1, 2)), delegated=draw(st.booleans()))
        for index in range(1, count + 1)
    ]
    signatures = draw(
        st.lists(
            st.builds(
                GivenSignature,
                index=st.integers(0, count + 1),
                signer=st.sampled_from("abcdef"),
                decision=st.sampled_from([YES, YES, YES, NO]),
                round=st.integers(1, 2),
            ),
            max_size=16,
        )
    )
    return stages, signatures


def test_a_fresh_ladder_waits_at_its_first_stage() -> None:
    standing = climb(two_stages(), [])

    assert standing.state == LadderState.PENDING
    assert [standing.status(1), standing.status(2)] == [StageStatus.IN_PROGRESS, StageStatus.PENDING]


def test_two_signatures_by_two_people_approve_two_stages() -> None:
    standing = climb(two_stages(), [GivenSignature(1, "a", YES), GivenSignature(2, "b", YES)])

    assert standing.state == LadderState.APPROVED
    assert standing.current is None


def test_a_stage_with_a_quorum_waits_for_all_of_it() -> None:
    stages = [StageTerms(1, quorum=2)]

    assert climb(stages, [GivenSignature(1, "a", YES)]).missing(1) == 1
    assert climb(stages, [GivenSignature(1, "a", YES), GivenSignature(1, "b", YES)]).state == LadderState.APPROVED


def test_one_rejection_closes_the_ladder_and_puts_later_stages_back() -> None:
    standing = climb([*two_stages(), StageTerms(3)], [GivenSignature(1, "a", YES), GivenSignature(2, "b", NO)])

    assert standing.state == LadderState.REJECTED
    assert [standing.status(i) for i in (1, 2, 3)] == [StageStatus.APPROVED, StageStatus.REJECTED, StageStatus.RESET]


@pytest.mark.parametrize(
    ("earlier", "late", "objection"),
    [
        ([], GivenSignature(2, "a", YES), Objection.NOT_CURRENT),
        ([], GivenSignature(3, "a", YES), Objection.UNKNOWN_STAGE),
        ([GivenSignature(1, "a", YES)], GivenSignature(1, "b", YES), Objection.NOT_CURRENT),
        ([GivenSignature(1, "a", YES)], GivenSignature(2, "a", YES), Objection.SIGNED_LADDER),
        ([GivenSignature(1, "a", NO)], GivenSignature(1, "b", YES), Objection.CLOSED),
        ([GivenSignature(1, "a", YES), GivenSignature(2, "b", YES)], GivenSignature(2, "c", YES), Objection.CLOSED),
    ],
)
def test_a_signature_that_may_not_be_is_refused_and_changes_nothing(
    earlier: list[GivenSignature], late: GivenSignature, objection: Objection
) -> None:
    before = climb(two_stages(), earlier)

    after = climb(two_stages(), [*earlier, late])

    assert after.refused == ((late, objection),)
    assert after.counted == before.counted
    assert after.state == before.state


def test_nobody_signs_one_stage_twice_even_where_repeat_signers_are_allowed() -> None:
    stages = [StageTerms(1, quorum=2), StageTerms(2)]

    standing = climb(stages, [GivenSignature(1, "a", YES), GivenSignature(1, "a", YES)], repeat_signers=True)

    assert standing.refused[0][1] == Objection.SIGNED_STAGE


def test_one_person_climbs_alone_only_where_repeat_signers_are_allowed() -> None:
    both = [GivenSignature(1, "a", YES), GivenSignature(2, "a", YES)]

    assert climb(two_stages(), both, repeat_signers=True).state == LadderState.APPROVED
    assert climb(two_stages(), both).state == LadderState.PENDING


def test_signatures_of_an_earlier_round_are_history() -> None:
    stages = [StageTerms(1), StageTerms(2, round=2)]
    signatures = [GivenSignature(1, "a", YES), GivenSignature(2, "b", YES), GivenSignature(2, "b", YES, round=2)]

    assert climb(stages, signatures[:2]).state == LadderState.PENDING
    assert climb(stages, signatures).state == LadderState.APPROVED


@pytest.mark.parametrize("stages", [[], [StageTerms(2)], [StageTerms(1), StageTerms(3)], [StageTerms(1, quorum=0)]])
def test_a_malformed_ladder_is_an_error(stages: list[StageTerms]) -> None:
    with pytest.raises(ValueError, match=r"ladder|stage"):
        climb(stages, [])


def first_open(standing: Standing) -> int | None:
    return next((i for i in range(1, len(standing.stages) + 1) if standing.status(i) != StageStatus.APPROVED), None)


@given(ladders(), st.booleans(), st.booleans())
def test_no_ladder_ever_skips_a_stage(
    case: tuple[list[StageTerms], list[GivenSignature]], repeat: bool, withdrawn: bool
) -> None:
    stages, signatures = case

    standing = climb(stages, signatures, repeat_signers=repeat, withdrawn=withdrawn)

    statuses = [standing.status(terms.index) for terms in stages]
    approved = [status == StageStatus.APPROVED for status in statuses]
    assert approved == sorted(approved, reverse=True)
    order = [given_.index for given_ in standing.counted]
    assert order == sorted(order)
    assert all(standing.approvals(terms.index) <= terms.quorum for terms in stages)
    assert (standing.state == LadderState.APPROVED) == (all(approved) and not withdrawn)
    assert standing.current == first_open(standing)
    assert sum(s in {StageStatus.IN_PROGRESS, StageStatus.DELEGATED} for s in statuses) == (
        standing.state == LadderState.PENDING
    )


@given(ladders(), st.booleans())
def test_what_was_refused_never_counts(case: tuple[list[StageTerms], list[GivenSignature]], repeat: bool) -> None:
    stages, signatures = case

    standing = climb(stages, signatures, repeat_signers=repeat)

    again = climb(stages, standing.counted, repeat_signers=repeat)
    assert again.refused == ()
    assert (again.state, again.current, again.counted) == (standing.state, standing.current, standing.counted)
    for terms in stages:
        signers = [given_.signer for given_ in standing.counted if given_.index == terms.index]
        assert len(signers) == len(set(signers))
        assert all(given_.round == terms.round for given_ in standing.counted if given_.index == terms.index)
    if not repeat:
        assert len({given_.signer for given_ in standing.counted}) == len(standing.counted)


@given(ladders())
def test_each_signature_is_judged_as_the_fold_would_take_it(
    case: tuple[list[StageTerms], list[GivenSignature]],
) -> None:
    stages, signatures = case
    standing = climb(stages, signatures)

    for index in range(1, len(stages) + 1):
        late = GivenSignature(index, "z", YES, round=stages[index - 1].round)
        accepted = standing.objection(late) is None
        assert accepted == (climb(stages, [*signatures, late]).counted != standing.counted)
        assert accepted == (standing.state == LadderState.PENDING and index == standing.current)
