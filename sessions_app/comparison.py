"""Two sessions of one protocol side by side: their steps, how long each took, and what the channels did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final

from biolab.kernel.errors import Invalid
from sessions_app.models import LabSession, ProtocolVersion, Step
from sessions_app.ports import ChannelEnvelope, readings

PLACES: Final = 200


@dataclass(frozen=True)
class StepPair:
    """A step in both sessions; None where only the other one's protocol version has it."""

    first: Step | None
    second: Step | None

    @property
    def instruction(self) -> str:
        """What the step says, in the second session where both have it."""
        step = self.second or self.first
        return step.instruction if step is not None else ""

    @property
    def planned_s(self) -> int | None:
        """How long it should take, in seconds, as the second session's protocol has it where both say so."""
        planned = [step.planned_duration_s for step in (self.second, self.first) if step is not None]
        return next((seconds for seconds in planned if seconds is not None), None)

    @property
    def took(self) -> tuple[float | None, float | None]:
        """How long it took in each, in seconds; None where it has not been done."""
        return duration_s(self.first), duration_s(self.second)

    @property
    def difference_s(self) -> float | None:
        """How much longer the second took, in seconds; None where one of them has not been done."""
        first, second = self.took
        return None if first is None or second is None else second - first


@dataclass(frozen=True)
class ChannelPair:
    """A channel in both sessions, by its name; None where one of them has no readings of it."""

    name: str
    first: ChannelEnvelope | None
    second: ChannelEnvelope | None


@dataclass(frozen=True)
class Comparison:
    """Two sessions of one protocol, step by step and channel by channel; ``version`` is what the first one runs."""

    version: ProtocolVersion
    first: LabSession
    second: LabSession
    steps: list[StepPair]
    channels: list[ChannelPair]


def compare_sessions(first: LabSession, second: LabSession, *, places: int = PLACES) -> Comparison:
    """Return two sessions side by side; both come from ``LabSession.objects.with_protocol()``.

    Args:
        places: at most so many intervals of each channel.

    Raises:
        Invalid: they do not follow the same protocol.
    """
    version, other = first.protocol_version, second.protocol_version
    if version is None or other is None or version.protocol_id != other.protocol_id:
        raise Invalid(
            "Only sessions of one protocol are compared.",
            code="not_of_one_protocol",
            errors=[{"pointer": "?with", "detail": "This session follows another protocol, or none."}],
        )
    return Comparison(version, first, second, _paired_steps(first, second), _paired_channels(first, second, places))


def duration_s(row: LabSession | Step | None) -> float | None:
    """Return how long a session or a step took, in seconds; None until it is over."""
    if row is None or row.started_at is None:
        return None
    over: datetime | None = row.ended_at if isinstance(row, LabSession) else row.completed_at
    return None if over is None else (over - row.started_at).total_seconds()


def _paired_steps(first: LabSession, second: LabSession) -> list[StepPair]:
    ours, theirs = (list(session.steps.order_by("index")) for session in (first, second))
    return [StepPair(*pair) for pair in _aligned(ours, theirs)]


def _aligned(ours: Sequence[Step], theirs: Sequence[Step]) -> Iterator[tuple[Step | None, Step | None]]:
    """Yield the steps that say the same together; what was worded anew, by its place between those."""
    texts, others = ([step.instruction for step in steps] for steps in (ours, theirs))
    for _, from_a, to_a, from_b, to_b in SequenceMatcher(None, texts, others, autojunk=False).get_opcodes():
        yield from zip_longest(ours[from_a:to_a], theirs[from_b:to_b])


def _paired_channels(first: LabSession, second: LabSession, places: int) -> list[ChannelPair]:
    ours, theirs = ({each.name: each for each in _envelopes(session, places)} for session in (first, second))
    return [ChannelPair(name, ours.get(name), theirs.get(name)) for name in sorted({*ours, *theirs})]


def _envelopes(session: LabSession, places: int) -> list[ChannelEnvelope]:
    return readings().envelopes(session, origin=session.started_at or session.created_at, places=places)
