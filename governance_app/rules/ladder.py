"""The pure rules of a ladder: what its signatures make of it, and which further signature would count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce

from governance_app.states import Decision, LadderState, StageStatus


@dataclass(frozen=True, slots=True)
class StageTerms:
    """What a stage asks for.

    ``index`` counts from 1. ``round`` grows each time the stage is put back; what was signed in an earlier one is
    history.
    """

    index: int
    quorum: int = 1
    round: int = 1
    delegated: bool = False


@dataclass(frozen=True, slots=True)
class GivenSignature:
    """One person's decision on one round of one stage."""

    index: int
    signer: str
    decision: Decision
    round: int = 1


class Objection(StrEnum):
    """Why a signature does not count."""

    CLOSED = "closed"
    UNKNOWN_STAGE = "unknown_stage"
    NOT_CURRENT = "not_current"
    SIGNED_STAGE = "signed_stage"
    SIGNED_LADDER = "signed_ladder"


@dataclass(frozen=True, slots=True)
class Standing:
    """A ladder after some signatures: everything about it follows from what was counted."""

    stages: tuple[StageTerms, ...]
    counted: tuple[GivenSignature, ...] = ()
    refused: tuple[tuple[GivenSignature, Objection], ...] = ()
    repeat_signers: bool = False
    withdrawn: bool = False

    def approvals(self, index: int) -> int:
        """Return how many counted signatures approve the stage."""
        return sum(1 for given in self.counted if given.index == index and given.decision == Decision.APPROVED)

    def missing(self, index: int) -> int:
        """Return how many approvals the stage still needs."""
        return max(0, self.stages[index - 1].quorum - self.approvals(index))

    @property
    def rejected_at(self) -> int | None:
        """The stage whose rejection closed the ladder."""
        return next((given.index for given in self.counted if given.decision == Decision.REJECTED), None)

    @property
    def current(self) -> int | None:
        """The lowest stage that is not approved, open or not; None when every stage is."""
        return next((terms.index for terms in self.stages if self.missing(terms.index)), None)

    @property
    def state(self) -> LadderState:
        if self.withdrawn:
            return LadderState.WITHDRAWN
        if self.rejected_at is not None:
            return LadderState.REJECTED
        return LadderState.APPROVED if self.current is None else LadderState.PENDING

    def status(self, index: int) -> StageStatus:
        """Return where one stage stands; the unsigned stages of a closed ladder are put back."""
        if index == self.rejected_at:
            return StageStatus.REJECTED
        if not self.missing(index):
            return StageStatus.APPROVED
        if self.state != LadderState.PENDING:
            return StageStatus.RESET
        if index != self.current:
            return StageStatus.PENDING
        return StageStatus.DELEGATED if self.stages[index - 1].delegated else StageStatus.IN_PROGRESS

    def objection(self, given: GivenSignature) -> Objection | None:
        """Return why ``given`` would not count now; None when it would."""
        if not 1 <= given.index <= len(self.stages):
            return Objection.UNKNOWN_STAGE
        if self.state != LadderState.PENDING:
            return Objection.CLOSED
        if given.index != self.current:
            return Objection.NOT_CURRENT
        signed = {earlier.index for earlier in self.counted if earlier.signer == given.signer}
        if given.index in signed:
            return Objection.SIGNED_STAGE
        if signed and not self.repeat_signers:
            return Objection.SIGNED_LADDER
        return None

    def after(self, given: GivenSignature) -> Standing:
        """Return the ladder with ``given`` counted, or with the reason why it was not."""
        objection = self.objection(given)
        if objection is None:
            return replace(self, counted=(*self.counted, given))
        return replace(self, refused=(*self.refused, (given, objection)))


def climb(
    stages: Sequence[StageTerms],
    signatures: Iterable[GivenSignature],
    *,
    repeat_signers: bool = False,
    withdrawn: bool = False,
) -> Standing:
    """Return where a ladder stands after ``signatures``, taken in the order in which they were given.

    Args:
        stages: indexes 1, 2, … without a gap; at least one.
        signatures: those of an earlier round of their stage are passed over.
        repeat_signers: whether one person may sign several stages; nobody signs one stage twice.
        withdrawn: the asker took the request back.

    Raises:
        ValueError: no stages, a gap in their indexes, or a quorum below 1.
    """
    if [terms.index for terms in stages] != list(range(1, len(stages) + 1)) or not stages:
        raise ValueError("a ladder has stages 1, 2, … without a gap")
    if any(terms.quorum < 1 for terms in stages):
        raise ValueError("a stage needs at least one signature")
    rounds = {terms.index: terms.round for terms in stages}
    live = [given for given in signatures if rounds.get(given.index, given.round) == given.round]
    start = Standing(tuple(stages), repeat_signers=repeat_signers)
    return replace(reduce(Standing.after, live, start), withdrawn=withdrawn)
