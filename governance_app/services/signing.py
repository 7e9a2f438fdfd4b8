"""A person's signature on a stage: asked for in a fixed order, bound to what was signed, sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.timezone import get_current_timezone_name

from biolab.accounts.models import User
from biolab.accounts.policies import objection_to_own_signature, role_in
from biolab.accounts.services.reentry import Components, note_signing
from biolab.kernel.errors import Conflict, Invalid, Missing
from biolab.kernel.ids import find, new_uuid
from biolab.kernel.signed import seal
from governance_app.errors import LadderClosed, MayNotSign, StageNotCurrent, TemplateDrifted
from governance_app.facts.approvals import LadderFinalized, LadderRejected, StageCompleted, StageSigned
from governance_app.models import ApprovalRequest, ApprovalStage, Signature, StageAction
from governance_app.policies.approvals import objection_to_signing
from governance_app.rules.blueprint import check_json
from governance_app.rules.ladder import GivenSignature, Objection, Standing
from governance_app.seals.signatures import signed_record
from governance_app.services.assignments import refuse_drift
from governance_app.services.climbing import Ladder, hold_ladder, read_ladder, settle, tell_started
from governance_app.services.passwords import check_components, note_refusal
from governance_app.states import APPROVING_MEANINGS, Decision, LadderState, Meaning
from sessions_app import timeline

LONGEST_NOTES: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the signer sent, before anything of it is believed."""

    decision: str
    typed: str
    meaning: str
    content_digest: str | None
    notes: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


def cast_signature(
    *,
    request_id: object,
    decision: str,
    signature: str,
    by: User,
    at: datetime,
    password: str = "",
    totp: str = "",
    period: str = "",
    stage_id: object = None,
    meaning: str = "",
    content_digest: str | None = None,
    notes: str = "",
    metadata: Mapping[str, Any] | None = None,
    zone: str = "",
    dry_run: bool = False,
) -> ApprovalRequest:
    """Sign the current stage of a ladder and return the request with its ladder.

    Rules are asked in this order: seen at all, state of the ladder, role and assignment, body, components. Only the
    components count towards the lock. They are checked in transactions of their own, before the session is held;
    the other rules are asked again while it is.

    Args:
        decision: ``approved`` or ``rejected``.
        totp: a code of the signer's device, where they have one.
        period: names the sign-in; the first signature in it takes every component, those soon after it one.
        stage_id: must be the current stage; None means whichever is.
        meaning: what the signature stands for; by default ``approval`` where the stage allows it, else its first.
        content_digest: what the signer was shown.
        zone: the signer's time zone; by default the one in force.
        dry_run: check everything and return what would be, with nothing written; a wrong password still counts.

    Raises:
        Missing, LadderClosed, StageNotCurrent, TemplateDrifted, MayNotSign, Invalid, Conflict, Forbidden, TooMany.
        RuntimeError: a transaction is open.
    """
    request = find(ApprovalRequest.objects.visible_to(by), request_id)
    asked = _Asked(
        decision=decision,
        typed=signature.strip(),
        meaning=meaning,
        content_digest=content_digest,
        notes=notes,
        metadata=metadata or {},
    )
    with _refusals_noted(request, by=by, at=at):
        _judge(read_ladder(request), stage_id, asked, by=by)
    check_components(request, Components(password=password, totp=totp, period=period), by=by, at=at)
    zone = zone or get_current_timezone_name()
    signed = _write(request, stage_id, asked, zone=zone, by=by, at=at, dry_run=dry_run)
    if not dry_run:
        note_signing(by=by, period=period, at=at)
    return signed


def require_turn(*, request: ApprovalRequest, by: User, at: datetime, stage_id: object = None) -> None:
    """Refuse whoever could not sign now whatever they sent: what a door asks before it reads the body.

    Raises:
        Missing, LadderClosed, StageNotCurrent, TemplateDrifted, MayNotSign, Conflict: as ``cast_signature``.
    """
    with _refusals_noted(request, by=by, at=at):
        _turn(read_ladder(request), stage_id, by=by)


@contextmanager
def _refusals_noted(request: ApprovalRequest, *, by: User, at: datetime) -> Iterator[None]:
    """Write down who was not let sign, and what could not be signed because its rules were changed."""
    try:
        yield
    except (MayNotSign, TemplateDrifted) as refusal:
        note_refusal(request, refusal.code, by=by, at=at)
        raise


def _judge(ladder: Ladder, stage_id: object, asked: _Asked, *, by: User) -> tuple[ApprovalStage, str, Standing]:
    """Return the stage, the meaning and the standing before the signature, or refuse; the password comes later."""
    stage, standing = _turn(ladder, stage_id, by=by)
    return stage, _check_body(stage, asked), standing


def _turn(ladder: Ladder, stage_id: object, *, by: User) -> tuple[ApprovalStage, Standing]:
    """Return the stage that ``by`` may sign now and the standing before it, or refuse."""
    request, standing = ladder.request, ladder.standing
    if stage_id is not None:
        stage = find(request.stages.all(), stage_id)
        stage = ladder.stage(stage.pk)
    elif standing.current is not None:
        stage = ladder.stages[standing.current - 1]
    else:
        stage = ladder.stages[-1]
    given = GivenSignature(stage.sequence_index, signer=str(by.pk), decision=Decision.APPROVED, round=stage.round)
    objection = standing.objection(given)  # the same for either decision
    if objection is Objection.CLOSED:
        raise LadderClosed(f"This request is {standing.state}.", state=standing.state)
    if objection is Objection.NOT_CURRENT:
        raise StageNotCurrent(
            f"Stage {standing.current} is the one to sign now, not stage {stage.sequence_index}.",
            current_stage_id=ladder.stages[(standing.current or 1) - 1].public_id,
        )
    if objection is Objection.SIGNED_STAGE:
        raise Conflict("You have signed this stage.", code="already_signed")
    if request.snapshot is not None:
        refuse_drift(request.snapshot)
    refusal = objection_to_signing(by, stage)
    if refusal is not None:
        raise refusal
    if objection is Objection.SIGNED_LADDER:
        raise MayNotSign("You have signed another stage of this ladder.", code="repeat_signer")
    foreign = objection_to_own_signature(by)
    if foreign is not None:
        raise MayNotSign(foreign.sentence, code=foreign.code)
    return stage, standing


def _check_body(stage: ApprovalStage, asked: _Asked) -> str:
    errors = []
    if asked.decision not in Decision.values:
        errors.append({"pointer": "/status", "detail": "Decide approved or rejected."})
    if not 1 <= len(asked.typed) <= 255 or not asked.typed.isprintable():
        errors.append({"pointer": "/signature", "detail": "Type your name: 1 to 255 printable characters."})
    allowed = [Meaning.REJECTION] if asked.decision == Decision.REJECTED else stage.meanings or APPROVING_MEANINGS
    meaning = asked.meaning or str(Meaning.APPROVAL if Meaning.APPROVAL in allowed else allowed[0])
    if meaning not in allowed:
        detail = f"This signature can mean {', '.join(allowed)}."
        errors.append({"pointer": "/meaning", "detail": detail})
    if len(asked.notes) > LONGEST_NOTES or "\x00" in asked.notes:
        errors.append({"pointer": "/notes", "detail": f"Notes hold at most {LONGEST_NOTES} characters."})
    if errors:
        raise Invalid(errors[0]["detail"], errors=errors)
    check_json({"signature": asked.typed, "notes": asked.notes, "metadata": dict(asked.metadata)}, "/metadata")
    current = {stage.request.content_digest, stage.request.subject_digest}
    if asked.content_digest is not None and asked.content_digest not in current:
        raise Conflict(
            "What you were shown is not what is to be signed now. Read it again.",
            code="content_changed",
            content_digest=stage.request.content_digest,
        )
    return meaning


def _write(
    request: ApprovalRequest,
    stage_id: object,
    asked: _Asked,
    *,
    zone: str,
    by: User,
    at: datetime,
    dry_run: bool,
) -> ApprovalRequest:
    with _refusals_noted(request, by=by, at=at), transaction.atomic():
        ladder = hold_ladder(request)
        stage, meaning, before = _judge(ladder, stage_id, asked, by=by)
        place = before.approvals(stage.sequence_index) + 1
        action = _sign(ladder, stage, asked, meaning=meaning, place=place, zone=zone, by=by, at=at)
        started = settle(ladder, at=at)
        _tell(ladder, stage, action, started, by=by, at=at)
        signed = ApprovalRequest.objects.with_ladder().get(pk=request.pk)
        transaction.set_rollback(dry_run)
    return signed


def _sign(
    ladder: Ladder,
    stage: ApprovalStage,
    asked: _Asked,
    *,
    meaning: str,
    place: int,
    zone: str,
    by: User,
    at: datetime,
) -> StageAction:
    role = role_in(by, ladder.session.team_id)
    if role is None:
        raise Missing("The signer is no longer in the team.")
    action = StageAction(
        id=new_uuid(),
        stage=stage,
        round=stage.round,
        place=place,
        action_type=asked.decision,
        actor=by,
        signature=asked.typed,
        meaning=meaning,
        notes=asked.notes,
        metadata=dict(asked.metadata),
        created_at=at,
    )
    signature = Signature(
        action=action,
        signer=by,
        printed_name=by.printed_name,
        typed=asked.typed,
        decision=asked.decision,
        meaning=meaning,
        role=role,
        subject_digest=ladder.request.subject_digest,
        snapshot_digest=ladder.request.snapshot_digest,
        chain_sequence=ladder.session.head_sequence,
        chain_head=ladder.session.head_hash,
        signed_at=at,
        zone=zone,
    )
    seal(signature, signed_record)
    try:
        action.save(force_insert=True)
    except IntegrityError as error:  # the lock decides races; the constraint stands behind it
        raise StageNotCurrent("Somebody signed this stage at the same moment.") from error
    signature.save(force_insert=True)
    return action


def _tell(
    ladder: Ladder,
    stage: ApprovalStage,
    action: StageAction,
    started: ApprovalStage | None,
    *,
    by: User,
    at: datetime,
) -> None:
    session, subject = ladder.session, ladder.subject
    named: dict[str, Any] = {
        "stage_id": stage.public_id,
        "sequence_index": stage.sequence_index,
        "actor_id": by.public_id,
    }
    missing = ladder.standing.missing(stage.sequence_index)
    if missing and action.action_type == Decision.APPROVED:
        fact = StageSigned(**subject, **named, signature=action.signature, remaining=missing)
        timeline.record(session, fact, by=by, at=at)
        return
    completed = StageCompleted(**subject, **named, status=stage.status, signature=action.signature)
    timeline.record(session, completed, by=by, at=at)
    if ladder.request.state == LadderState.REJECTED:
        timeline.record(session, LadderRejected(**subject, **named), by=by, at=at)
    elif ladder.request.state == LadderState.APPROVED:
        finalized = LadderFinalized(**subject, approved_at=at, approver_id=by.public_id)
        timeline.record(session, finalized, by=by, at=at)
    elif started is not None:
        tell_started(ladder, started, by=by, at=at)
