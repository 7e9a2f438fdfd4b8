"""What somebody takes as given when they ask what would block a step then. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sessions_app.gates import Requirement


@dataclass(frozen=True, slots=True)
class Supposition:
    """What is taken as given, by the names that requirements use."""

    approvals: frozenset[str] = frozenset()
    equipment: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.approvals or self.equipment or self.channels)

    def relieve(self, requirement: Requirement) -> Requirement:
        """Return what is left of a requirement."""
        return replace(
            requirement,
            approvals=tuple(name for name in requirement.approvals if name not in self.approvals),
            session_approvals=tuple(name for name in requirement.session_approvals if name not in self.approvals),
            equipment=tuple(name for name in requirement.equipment if name not in self.equipment),
            channels=tuple(window for window in requirement.channels if window.channel not in self.channels),
        )
