"""Baselines as the wire shows them."""

from __future__ import annotations

from typing import Any

from biolab.accounts.models import User
from biolab.kernel.times import iso, iso_or_none
from governance_app.models import GovernanceBaseline, GovernanceBaselineEvent
from governance_app.shapes.approvals import person_as_wire
from governance_app.states import BASELINE_MACHINE


def baseline_as_wire(baseline: GovernanceBaseline) -> dict[str, Any]:
    """Return a baseline with its history and without its content; read it ``with_events()``."""
    reviewers = [row.person for row in baseline.reviewer_rows.all()]
    target = baseline.rolled_back_to
    return {
        "id": baseline.public_id,
        "execution_id": baseline.session.public_id,
        "session_name": baseline.session.name,
        "template_id": baseline.protocol.public_id,
        "template_name": baseline.protocol.title,
        "team_id": baseline.session.team.public_id,
        "template_snapshot_id": baseline.snapshot.public_id if baseline.snapshot is not None else None,
        "name": baseline.name,
        "description": baseline.description,
        "labels": baseline.labels,
        "status": baseline.status,
        "open_moves": [move.name.replace(" ", "_") for move in BASELINE_MACHINE.open_moves(baseline)],
        "is_current": baseline.is_current,
        "version_number": baseline.version_number,
        "content_digest": baseline.content_digest,
        "reviewer_ids": [person.public_id for person in reviewers],
        "reviewers": [person_as_wire(person) for person in reviewers],
        "submitted_by_id": baseline.submitted_by.public_id,
        "submitted_at": iso(baseline.submitted_at),
        "reviewed_by_id": _id(baseline.reviewed_by),
        "reviewed_at": iso_or_none(baseline.reviewed_at),
        "review_notes": baseline.review_notes or None,
        "published_by_id": _id(baseline.published_by),
        "published_at": iso_or_none(baseline.published_at),
        "publish_notes": baseline.publish_notes or None,
        "rollback_of_id": target.public_id if target is not None else None,
        "rolled_back_by_id": _id(baseline.rolled_back_by),
        "rolled_back_at": iso_or_none(baseline.rolled_back_at),
        "rollback_notes": baseline.rollback_notes or None,
        "created_at": iso(baseline.submitted_at),
        "updated_at": iso(baseline.updated_at),
        "events": [event_as_wire(event) for event in baseline.events.all()],
    }


def whole_baseline_as_wire(baseline: GovernanceBaseline) -> dict[str, Any]:
    """Return a baseline with what was frozen of its session."""
    return {**baseline_as_wire(baseline), "content": baseline.content}


def event_as_wire(event: GovernanceBaselineEvent) -> dict[str, Any]:
    """Return one entry of a baseline's history."""
    return {
        "id": event.public_id,
        "baseline_id": event.baseline.public_id,
        "action": event.action,
        "notes": event.notes or None,
        "detail": event.detail,
        "performed_by_id": _id(event.actor),
        "actor": person_as_wire(event.actor),
        "created_at": iso(event.created_at),
    }


def _id(person: User | None) -> str | None:
    return person.public_id if person is not None else None
