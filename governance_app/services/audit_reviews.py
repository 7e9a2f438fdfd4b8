"""An auditor's signature under a part of a session's timeline."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from django.db import transaction
from django.utils.timezone import get_current_timezone_name

from biolab.accounts.models import User
from biolab.accounts.policies import objection_to_own_signature, role_in
from biolab.accounts.roles import PlatformRole, Role
from biolab.accounts.services.reentry import Components, confirm_components, note_signing
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Invalid
from biolab.kernel.ids import new_uuid
from biolab.kernel.signed import seal
from governance_app.errors import MayNotSign
from governance_app.facts.approvals import AuditReviewed
from governance_app.models import AuditReview
from governance_app.seals.audit_reviews import reviewed_record
from governance_app.states import Meaning
from sessions_app import timeline
from sessions_app.chain import link
from sessions_app.models import LabSession, TimelineEvent

LONGEST_NOTES: Final = 10_000


def sign_audit_review(
    *,
    session: LabSession,
    first_sequence: int,
    last_sequence: int,
    signature: str,
    by: User,
    at: datetime,
    password: str = "",
    totp: str = "",
    period: str = "",
    last_hash: str | None = None,
    notes: str = "",
    zone: str = "",
) -> AuditReview:
    """Sign that the events ``first_sequence`` to ``last_sequence`` were reviewed, and return the review.

    Rules are asked in this order: role, body, whether the events are those that were shown and hold, components. Only
    the components count towards the lock. The role is asked again while the session is held.

    Args:
        last_hash: of the last event as the reviewer was shown it; None where they did not say.
        zone: the signer's time zone; by default the one in force.

    Raises:
        MayNotSign: not of the team's QA, or nobody can sign as this person now.
        Invalid: no such events, or nothing typed.
        Conflict: the events are not those that were shown, or their chain is broken.
        Forbidden, TooMany: a component is wrong, or was too often.
        RuntimeError: a transaction is open.
    """
    note, typed = partial(_note, session, by, at), signature.strip()
    require_auditor(session=session, by=by, at=at)
    _check_body(session, first_sequence, last_sequence, typed, notes)
    try:
        hashes = _hashes(session, first_sequence, last_sequence, last_hash)
    except Conflict as refusal:
        note(refusal.code)
        raise
    confirm_components(Components(password=password, totp=totp, period=period), by=by, at=at, note=note)
    try:
        with transaction.atomic():
            held = LabSession.objects.hold(session.pk)
            if (objection := objection_to_reviewing(by, held)) is not None:
                raise objection
            review = AuditReview(
                id=new_uuid(),
                session=held,
                first_sequence=first_sequence,
                last_sequence=last_sequence,
                first_hash=hashes[0],
                last_hash=hashes[1],
                reviewer=by,
                printed_name=by.printed_name,
                typed=typed,
                meaning=Meaning.REVIEW,
                role=Role.QA,
                notes=notes,
                signed_at=at,
                zone=zone or get_current_timezone_name(),
            )
            seal(review, reviewed_record)
            review.save(force_insert=True)
            timeline.record(held, _told(review), by=by, at=at)
    except MayNotSign as refusal:
        note(refusal.code)
        raise
    note_signing(by=by, period=period, at=at)
    return review


def objection_to_reviewing(person: User, session: LabSession) -> MayNotSign | None:
    """Return why the person may not review the session's audit trail; None when they may."""
    if person.credential is not None:
        return MayNotSign("A signature is given by a person, not by a service token.", code="token_cannot_sign")
    if person.role == PlatformRole.VIEWER:
        return MayNotSign("This account may read and not sign.", code="account_reads_only")
    if role_in(person, session.team_id) != Role.QA:
        return MayNotSign(
            "An audit trail is reviewed by the role QA of the session's team, which is not yours.",
            code="wrong_role",
            required_role=Role.QA,
        )
    foreign = objection_to_own_signature(person)
    return MayNotSign(foreign.sentence, code=foreign.code) if foreign is not None else None


def require_auditor(*, session: LabSession, by: User, at: datetime) -> None:
    """Refuse whoever could not review the session's audit trail whatever they sent, and write it down.

    Raises:
        MayNotSign: as ``objection_to_reviewing`` says.
    """
    objection = objection_to_reviewing(by, session)
    if objection is not None:
        _note(session, by, at, objection.code)
        raise objection


def _note(session: LabSession, by: User, at: datetime, reason: str) -> None:
    security.note_apart(
        "signature.refused", person=by, at=at, reason=reason, execution_id=session.public_id, meaning=Meaning.REVIEW
    )


def _check_body(session: LabSession, first: int, last: int, typed: str, notes: str) -> None:
    errors = []
    if not 1 <= first <= last <= session.head_sequence:
        detail = f"Name events of this session, from 1 to {session.head_sequence}."
        errors.append({"pointer": "/first_sequence" if not 1 <= first <= last else "/last_sequence", "detail": detail})
    if not 1 <= len(typed) <= 255 or not typed.isprintable():
        errors.append({"pointer": "/signature", "detail": "Type your name: 1 to 255 printable characters."})
    if len(notes) > LONGEST_NOTES or "\x00" in notes:
        errors.append({"pointer": "/notes", "detail": f"Notes hold at most {LONGEST_NOTES} characters."})
    if errors:
        raise Invalid(errors[0]["detail"], errors=errors)


def _hashes(session: LabSession, first: int, last: int, shown: str | None) -> tuple[str, str]:
    """Return the hashes of the first and the last event, once every link between them was computed again."""
    events = TimelineEvent.objects.filter(session=session, sequence__range=(first, last)).order_by("sequence")
    rows = events.values_list("sequence", "prev_hash", "hash", "canonical").iterator(chunk_size=2000)
    expected, previous, first_hash = first, None, ""
    for sequence, prev_hash, stored, text in rows:
        holds = sequence == expected and previous in (None, prev_hash) and link(prev_hash, text) == stored
        if not holds:
            raise _broken(expected)
        first_hash = first_hash or stored
        expected, previous = sequence + 1, stored
    if previous is None or expected != last + 1:
        raise _broken(expected)
    if shown is not None and shown != previous:
        raise Conflict("What you were shown is not what stands there now. Read it again.", code="content_changed")
    return first_hash, previous


def _broken(sequence: int) -> Conflict:
    return Conflict(
        f"The chain does not hold at event {sequence}. Tell an administrator; nothing was signed.",
        code="audit_trail_broken",
        sequence=sequence,
    )


def _told(review: AuditReview) -> AuditReviewed:
    return AuditReviewed(
        review_id=review.public_id,
        first_sequence=review.first_sequence,
        last_sequence=review.last_sequence,
        first_hash=review.first_hash,
        last_hash=review.last_hash,
        reviewer_id=review.reviewer.public_id,
        printed_name=review.printed_name,
        signature=review.typed,
        notes=review.notes,
    )
