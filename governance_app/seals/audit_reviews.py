"""What an audit-trail review is bound to, the instance's seal over it, and whether both still hold."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from biolab.kernel import keys
from biolab.kernel.canonical import SIGNATURE, canonical
from biolab.kernel.times import iso
from governance_app.models import AuditReview
from governance_app.seals.signatures import Verdict
from sessions_app.models import TimelineEvent

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
        "local_time": local_time(review),
        "key_id": review.key_id,
    }


def local_time(review: AuditReview) -> str:
    """Return when it was signed, on the clock of its zone, with the offset."""
    return review.signed_at.astimezone(ZoneInfo(review.zone)).isoformat()


def seal_review(review: AuditReview) -> None:
    """Fill in the canonical text and the instance's Ed25519 signature over it; the caller saves."""
    review.key_id = keys.key_id()
    text = canonical(reviewed_record(review))
    review.canonical = text.decode()
    review.seal = keys.sign(SIGNATURE + text).hex()


def verify_review(review: AuditReview) -> Verdict:
    """Check a review against its columns, the instance's keys and the session's timeline."""
    problems = []
    if canonical(reviewed_record(review)).decode() != review.canonical:
        problems.append("The signed text does not belong to this review.")
    if not _sealed_by_us(review):
        problems.append("The seal is not this instance's over the signed text.")
    hashes = dict(
        TimelineEvent.objects.filter(
            session_id=review.session_id, sequence__in=(review.first_sequence, review.last_sequence)
        ).values_list("sequence", "hash")
    )
    if (hashes.get(review.first_sequence), hashes.get(review.last_sequence)) != (review.first_hash, review.last_hash):
        problems.append("The timeline is not the one that was reviewed.")
    return Verdict(tuple(problems))


def _sealed_by_us(review: AuditReview) -> bool:
    try:
        seal = bytes.fromhex(review.seal)
    except ValueError:
        return False
    return keys.verify(SIGNATURE + review.canonical.encode(), seal, review.key_id)
