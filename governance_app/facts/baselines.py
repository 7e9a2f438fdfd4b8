"""What happens to baselines, in the words of the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from biolab.kernel.facts import Fact

PREFIX: Final = "governance.baseline."


@dataclass(frozen=True, kw_only=True)
class BaselineFact(Fact):
    """Common shape: which baseline, under which name, and what the person said about it."""

    baseline_id: str
    name: str
    notes: str = ""

    @property
    def action(self) -> str:
        """What the baseline's own history calls it."""
        return self.kind.removeprefix(PREFIX)

    @property
    def detail(self) -> dict[str, Any]:
        """Return what this kind of fact says besides."""
        common = {"baseline_id", "name", "notes"}
        return {name: value for name, value in self.payload().items() if name not in common}


@dataclass(frozen=True, kw_only=True)
class BaselineSubmitted(BaselineFact):
    """The session was proposed as its protocol's reference run."""

    kind: ClassVar[str] = "governance.baseline.submitted"
    sentence: ClassVar[str] = "This session was proposed as the baseline “{name}”."

    protocol_id: str
    snapshot_id: str | None
    reviewer_ids: tuple[str, ...]
    content_digest: str


@dataclass(frozen=True, kw_only=True)
class BaselineApproved(BaselineFact):
    """A reviewer found it fit to be a reference."""

    kind: ClassVar[str] = "governance.baseline.review.approve"
    sentence: ClassVar[str] = "The baseline “{name}” was approved. {notes}"


@dataclass(frozen=True, kw_only=True)
class BaselineRejected(BaselineFact):
    """A reviewer found it unfit."""

    kind: ClassVar[str] = "governance.baseline.review.reject"
    sentence: ClassVar[str] = "The baseline “{name}” was rejected. {notes}"


@dataclass(frozen=True, kw_only=True)
class BaselinePublished(BaselineFact):
    """It got its number and is what the protocol is held to."""

    kind: ClassVar[str] = "governance.baseline.published"
    sentence: ClassVar[str] = "The baseline “{name}” was published as version {version_number}. {notes}"

    version_number: int
    protocol_id: str
    replaces_id: str | None


@dataclass(frozen=True, kw_only=True)
class BaselineRolledBack(BaselineFact):
    """It is no longer what the protocol is held to; the notes say why."""

    kind: ClassVar[str] = "governance.baseline.rolled_back"
    sentence: ClassVar[str] = "Version {version_number} of the baseline, “{name}”, was rolled back: {notes}"

    version_number: int
    target_version_id: str | None


@dataclass(frozen=True, kw_only=True)
class BaselineRestored(BaselineFact):
    """It is current again, in the place of one that was rolled back."""

    kind: ClassVar[str] = "governance.baseline.restored"
    sentence: ClassVar[str] = "Version {version_number} of the baseline, “{name}”, is current again: {notes}"

    version_number: int
    rolled_back_from: str


@dataclass(frozen=True, kw_only=True)
class BaselineReassigned(BaselineFact):
    """An override changed who reviews it."""

    kind: ClassVar[str] = "governance.baseline.override_reassign"
    sentence: ClassVar[str] = "Other people review the baseline “{name}” now. {notes}"

    added_reviewer_ids: tuple[str, ...] = ()
    removed_reviewer_ids: tuple[str, ...] = ()
    override: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BaselineCooledDown(BaselineFact):
    """An override gave its reviewers a pause."""

    kind: ClassVar[str] = "governance.baseline.override_cooldown"
    sentence: ClassVar[str] = "Reviews of the baseline “{name}” pause. {notes}"

    override: Mapping[str, Any] = field(default_factory=dict)
