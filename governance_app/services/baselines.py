"""Baselines: proposed, reviewed, published, rolled back; one current reference per protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max

from biolab.accounts.models import User
from biolab.kernel.canonical import canonical, sha256
from biolab.kernel.errors import Conflict
from biolab.kernel.machine import Move
from governance_app.facts.baselines import (
    BaselineApproved,
    BaselineFact,
    BaselinePublished,
    BaselineRejected,
    BaselineRestored,
    BaselineRolledBack,
    BaselineSubmitted,
)
from governance_app.models import BaselineContent, BaselineReviewer, GovernanceBaseline
from governance_app.policies.baselines import require_decider, require_proposer, require_roller
from governance_app.services import baseline_notices as notices
from governance_app.services.assignments import resolve_snapshot
from governance_app.services.baseline_parts import (
    check_labels,
    check_text,
    hold_baseline,
    invalid,
    named,
    refuse_drift,
    require_reviewer,
    write_event,
)
from governance_app.services.baseline_reviewers import add_reviewer, remove_reviewer, write_baseline_event
from governance_app.services.freezing import freeze_session
from governance_app.states import (
    APPROVE_BASELINE,
    BASELINE_MACHINE,
    PUBLISH_BASELINE,
    REJECT_BASELINE,
    RESTORE,
    ROLL_BACK,
    BaselineStatus,
)
from sessions_app.models import LabSession, Protocol

__all__ = [
    "DECISIONS",
    "add_reviewer",
    "publish_baseline",
    "remove_reviewer",
    "review_baseline",
    "roll_back_baseline",
    "submit_baseline",
    "write_baseline_event",
]

LONGEST_NAME: Final = 255
DECISIONS: Final[dict[str, tuple[Move, type[BaselineFact]]]] = {
    "approve": (APPROVE_BASELINE, BaselineApproved),
    "reject": (REJECT_BASELINE, BaselineRejected),
}


@transaction.atomic
def submit_baseline(
    *,
    session: LabSession,
    name: str,
    by: User,
    at: datetime,
    description: str = "",
    reviewers: Sequence[User] = (),
    labels: Sequence[Mapping[str, str]] = (),
) -> GovernanceBaseline:
    """Propose a session, in whatever state, as its protocol's reference run; its content is frozen here.

    Args:
        reviewers: who may decide on it beside the administrators.
        labels: each a ``key`` and a ``value``.

    Raises:
        Forbidden: the person does not run the session's bench.
        Conflict: the session follows no protocol, or the templates assigned to it are at odds.
        Invalid: no name, or a reviewer who could not decide on it.
    """
    session = LabSession.objects.hold(session.pk)
    require_proposer(by, session)
    if session.protocol_version is None:
        raise Conflict("This session follows no protocol, so it cannot be the reference of one.", code="no_protocol")
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise invalid("/name", f"Give a name of 1 to {LONGEST_NAME} characters.")
    check_text("/description", description)
    check_text("/name", name)
    check_labels(labels)
    people = {person.pk: person for person in reviewers}
    for place, person in enumerate(reviewers):
        require_reviewer(person, session, submitted_by=by, pointer=f"/reviewer_ids/{place}")
    snapshot = resolve_snapshot(session=session)
    try:
        text = canonical(freeze_session(session=session, snapshot=snapshot, at=at))
    except ValueError as error:
        raise Conflict("The session holds a number that cannot be frozen exactly.", code="not_exact") from error
    baseline = GovernanceBaseline.objects.create(
        session=session,
        protocol_id=session.protocol_version.protocol_id,
        snapshot=snapshot,
        name=name,
        description=description,
        labels=[{"key": label["key"], "value": label["value"]} for label in labels],
        content_digest=sha256(text),
        submitted_by=by,
        submitted_at=at,
        updated_at=at,
    )
    BaselineContent.objects.create(baseline=baseline, text=text.decode())
    BaselineReviewer.objects.bulk_create(
        [
            BaselineReviewer(baseline=baseline, person=person, assigned_by=by, assigned_at=at)
            for person in people.values()
        ]
    )
    notices.ask_reviewers(baseline, people.values(), by=by, at=at)
    fact = BaselineSubmitted(
        **named(baseline),
        protocol_id=baseline.protocol.public_id,
        snapshot_id=snapshot.public_id if snapshot is not None else None,
        reviewer_ids=tuple(person.public_id for person in people.values()),
        content_digest=baseline.content_digest,
    )
    write_event(baseline, fact, by=by, at=at)
    return baseline


@transaction.atomic
def review_baseline(
    *, baseline: GovernanceBaseline, decision: str, by: User, at: datetime, notes: str = ""
) -> GovernanceBaseline:
    """Approve or reject a proposed baseline and return it; a rejected one may be reviewed again.

    Args:
        decision: ``approve`` or ``reject``.

    Raises:
        Forbidden: its submitter, or neither a reviewer nor an administrator.
        MoveRefused: it is approved, published or rolled back.
        Invalid: another decision, or notes too long.
    """
    baseline = hold_baseline(baseline)
    require_decider(by, baseline)
    if decision not in DECISIONS:
        raise invalid("/decision", "Decide approve or reject.")
    check_text("/notes", notes)
    move, fact = DECISIONS[decision]
    BASELINE_MACHINE.make(move, baseline)
    baseline.reviewed_by, baseline.reviewed_at, baseline.review_notes, baseline.updated_at = by, at, notes, at
    baseline.save(update_fields=["status", "reviewed_by", "reviewed_at", "review_notes", "updated_at"])
    notices.tell_decided(baseline, by=by, at=at)
    write_event(baseline, fact(**named(baseline), notes=notes), by=by, at=at)
    return baseline


@transaction.atomic
def publish_baseline(*, baseline: GovernanceBaseline, by: User, at: datetime, notes: str = "") -> GovernanceBaseline:
    """Give an approved baseline the next number of its protocol, make it the current one, and return it.

    Raises:
        Forbidden: its submitter, or neither a reviewer nor an administrator.
        MoveRefused: it is not approved, or published already.
        Conflict: what was frozen no longer matches its digest.
    """
    Protocol.objects.hold(baseline.protocol_id)
    baseline = hold_baseline(baseline)
    require_decider(by, baseline)
    check_text("/notes", notes)
    BASELINE_MACHINE.make(PUBLISH_BASELINE, baseline)
    refuse_drift(baseline)
    family = GovernanceBaseline.objects.filter(protocol_id=baseline.protocol_id)
    replaced = family.current().first()
    family.current().update(is_current=False, updated_at=at)
    highest: int = family.aggregate(highest=Max("version_number"))["highest"] or 0
    baseline.version_number, baseline.is_current = highest + 1, True
    baseline.published_by, baseline.published_at, baseline.publish_notes, baseline.updated_at = by, at, notes, at
    baseline.save(
        update_fields=[
            "status",
            "version_number",
            "is_current",
            "published_by",
            "published_at",
            "publish_notes",
            "updated_at",
        ]
    )
    notices.tell_published(baseline, by=by, at=at)
    fact = BaselinePublished(
        **named(baseline),
        notes=notes,
        version_number=baseline.version_number,
        protocol_id=baseline.protocol.public_id,
        replaces_id=replaced.public_id if replaced is not None else None,
    )
    write_event(baseline, fact, by=by, at=at)
    return baseline


@transaction.atomic
def roll_back_baseline(
    *, baseline: GovernanceBaseline, reason: str, by: User, at: datetime, target: GovernanceBaseline | None = None
) -> GovernanceBaseline:
    """Take a published baseline out of use and return it.

    Args:
        target: a version of the same protocol that becomes current again in its place, rolled back before or not;
            without one nothing takes its place.

    Raises:
        AdministratorsOnly: the person may not.
        MoveRefused: it is not published.
        Invalid: no reason, or a target that is itself or another protocol's.
        Conflict: the target was never published, or no longer matches its digest.
    """
    require_roller(by)
    if not reason.strip():
        raise invalid("/reason", "Say why it is rolled back.")
    check_text("/reason", reason)
    if target is not None and (target.pk == baseline.pk or target.protocol_id != baseline.protocol_id):
        raise invalid("/target_version_id", "Name another version of the same protocol's baseline.")
    Protocol.objects.hold(baseline.protocol_id)
    for pk in sorted({baseline.session_id} | ({target.session_id} if target is not None else set())):
        LabSession.objects.hold(pk)
    baseline = hold_baseline(baseline)
    target = hold_baseline(target) if target is not None else None
    BASELINE_MACHINE.make(ROLL_BACK, baseline)
    baseline.is_current = False
    baseline.rolled_back_by, baseline.rolled_back_at, baseline.rolled_back_to = by, at, target
    baseline.rollback_notes, baseline.updated_at = reason, at
    baseline.save(update_fields=["status", "is_current", *ROLLED, "updated_at"])
    if target is not None:
        _make_current(target, at=at)
    notices.tell_rolled_back(baseline, by=by, at=at)
    number = baseline.version_number or 0
    target_id = target.public_id if target is not None else None
    fact = BaselineRolledBack(**named(baseline), notes=reason, version_number=number, target_version_id=target_id)
    write_event(baseline, fact, by=by, at=at)
    if target is not None:
        number = target.version_number or 0
        restored = BaselineRestored(
            **named(target), notes=reason, version_number=number, rolled_back_from=baseline.public_id
        )
        write_event(target, restored, by=by, at=at)
    return baseline


ROLLED: Final = ("rolled_back_by", "rolled_back_at", "rolled_back_to", "rollback_notes")


def _make_current(target: GovernanceBaseline, *, at: datetime) -> None:
    """Let a version that was published once hold again, in the place of whichever holds now."""
    if target.version_number is None:
        raise Conflict(f"{target} was never published.", code="never_published", status_now=target.status)
    refuse_drift(target)
    GovernanceBaseline.objects.filter(protocol_id=target.protocol_id).current().update(is_current=False, updated_at=at)
    if target.status == BaselineStatus.ROLLED_BACK:
        BASELINE_MACHINE.make(RESTORE, target)
    target.is_current, target.updated_at = True, at
    target.rolled_back_by = target.rolled_back_at = target.rolled_back_to = None
    target.rollback_notes = ""
    target.save(update_fields=["status", "is_current", *ROLLED, "updated_at"])
