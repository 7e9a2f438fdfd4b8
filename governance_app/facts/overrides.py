"""What people did with recommendations and said about it, in the words of the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from biolab.kernel.facts import Fact


@dataclass(frozen=True, kw_only=True)
class OverrideActed(Fact):
    """A recommendation was accepted, declined or executed, or what was executed was taken back."""

    kind: ClassVar[str] = "governance.override.action"
    sentence: ClassVar[str] = "The override “{action}” on {rule} was {status}."

    override_id: str
    recommendation_id: str
    rule: str
    reviewer_id: str
    action: str
    status: str
    baseline_id: str | None
    target_reviewer_id: str | None
    actor_id: str
    reversible: bool
    notes: str
    meta: Mapping[str, Any]
    lineage: Mapping[str, Any] | None
    diffs: tuple[Mapping[str, Any], ...]
    cooldown_window_minutes: int | None
    cooldown_expires_at: datetime | None
    tier: str | None = None


@dataclass(frozen=True, kw_only=True)
class CoachingNoteTold(Fact):
    """A coaching note was written, answered, edited or moderated; what it says stays with the note, by its digest.

    A note that is removed later is not kept on show by the timeline.
    """

    kind: ClassVar[str] = "governance.coaching.note"
    sentence: ClassVar[str] = "A coaching note was {action}."

    coaching_note_id: str
    override_id: str
    recommendation_id: str
    parent_id: str | None
    thread_root_id: str
    action: str
    moderation_state: str
    version: int
    author_id: str
    actor_id: str
    body_digest: str
    reason: str = field(default="")
