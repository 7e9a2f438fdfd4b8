"""Overrides, coaching notes and decisions as the wire shows them."""

from __future__ import annotations

from typing import Any, Final

from biolab.kernel.ids import typeid
from biolab.kernel.times import iso, iso_or_none
from governance_app.models import CoachingNote, OverrideAction, OverrideReversal
from governance_app.selectors.approvals import DECISIVE
from governance_app.shapes.approvals import person_as_wire
from governance_app.states import ModerationState
from sessions_app.models import TimelineEvent

ENTRY_TYPES: Final = dict(
    zip(
        DECISIVE,
        ("override_recommendation", "override_action", "baseline_event", "coaching_note", "preview"),
        strict=True,
    )
)


def override_as_wire(row: OverrideAction) -> dict[str, Any]:
    """Return an override with what took it back, if anything; read it ``told()`` to keep the queries few."""
    reversal: OverrideReversal | None = getattr(row, "reversal", None)
    return {
        "id": row.public_id,
        "recommendation_id": row.recommendation_id,
        "rule": row.rule,
        "action": row.action,
        "status": row.status,
        "execution_id": row.session.public_id,
        "baseline_id": row.baseline.public_id if row.baseline is not None else None,
        "reviewer_id": row.reviewer.public_id,
        "target_reviewer_id": row.target_reviewer.public_id if row.target_reviewer is not None else None,
        "actor_id": row.actor.public_id,
        "actor": person_as_wire(row.actor),
        "reversible": row.reversible,
        "notes": row.notes,
        "meta": row.metadata,
        "lineage": row.lineage,
        "reversal_event": reversal_as_wire(reversal) if reversal is not None else None,
        "cooldown_expires_at": iso_or_none(row.cooldown_expires_at),
        "cooldown_window_minutes": row.cooldown_window_minutes,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
    }


def reversal_as_wire(reversal: OverrideReversal) -> dict[str, Any]:
    """Return who took an override back, by what standing, and what that changed."""
    return {
        "id": reversal.public_id,
        "actor_id": reversal.actor.public_id,
        "actor": person_as_wire(reversal.actor),
        "tier": reversal.standing,
        "tier_level": reversal.rank,
        "notes": reversal.notes,
        "meta": reversal.metadata,
        "diffs": reversal.diffs,
        "cooldown_window_minutes": reversal.cooldown_minutes,
        "created_at": iso(reversal.created_at),
    }


def coaching_note_as_wire(note: Any, *, moderates: bool) -> dict[str, Any]:
    """Return a coaching note read ``told()``; what a removed one said is for moderators alone."""
    shown = moderates or note.moderation_state != ModerationState.REMOVED
    return {
        "id": note.public_id,
        "override_id": note.override.public_id,
        "execution_id": note.override.session.public_id,
        "recommendation_id": note.override.recommendation_id,
        "parent_id": typeid(CoachingNote.id_prefix, note.parent_id) if note.parent_id is not None else None,
        "thread_root_id": typeid(CoachingNote.id_prefix, note.thread_root_id or note.pk),
        "author_id": note.author.public_id,
        "author": person_as_wire(note.author),
        "body": note.body if shown else "",
        "metadata": note.metadata if shown else {},
        "moderation_state": note.moderation_state,
        "moderation_history": [
            {
                "state": entry.state,
                "action": entry.action,
                "actor_id": entry.actor.public_id,
                "actor_name": entry.actor_name,
                "occurred_at": iso(entry.occurred_at),
                "reason": entry.reason or None,
            }
            for entry in note.moderation.all()
        ],
        "reply_count": note.reply_count,
        "version": note.version,
        "created_at": iso(note.created_at),
        "updated_at": iso(note.updated_at),
        "published_at": iso_or_none(note.published_at),
    }


def decision_as_wire(event: TimelineEvent) -> dict[str, Any]:
    """Return an entry of the decisions' timeline: the event, what sort it is, and its sentence."""
    return {**event.record, "hash": event.hash, "entry_type": entry_type(event.kind), "summary": event.told}


def entry_type(kind: str) -> str:
    """Return what sort of decision an event tells of."""
    return next(name for start, name in ENTRY_TYPES.items() if kind.startswith(start))
