"""What an audit-trail review is bound to, and whether it still holds."""

from __future__ import annotations

from typing import Any, Final

from biolab.kernel.signed import faults
from biolab.kernel.times import iso
from governance_app.models import AuditReview

FORMAT: Final = "biolab.audit-review/1"


def reviewed_record(review: AuditReview) -> dict[str, Any]:
    """Return what was signed, put together from the review's columns; of another session it reads otherwise."""
    return {
        "format": FORMAT,
        "review_id": review.public_id,
        "execution_id": review.session.public_id,
        "first": {"sequence": review.first_sequence, "hash": review.first_hash},
        "last": {"sequence": review.last_sequence, "hash": review.last_hash},
        "reviewer_id": review.reviewer.public_id,
        "printed_name": review.printed_name,
        "signature": review.typed,
        "meaning": review.meaning,
        "role": review.role,
        "notes": review.notes,
        "signed_at": iso(review.signed_at),
        "zone": review.zone,
        "local_time": review.local_time,
        "key_id": review.key_id,
    }


def verify_review(review: AuditReview) -> list[str]:
    """Return in words how a review does not hold: against its columns, the instance's keys, the session's timeline."""
    problems = faults(review, reviewed_record)
    hashes = (review.session.hash_at(review.first_sequence), review.session.hash_at(review.last_sequence))
    if hashes != (review.first_hash, review.last_hash):
        problems.append("The timeline is not the one that was reviewed.")
    return problems
