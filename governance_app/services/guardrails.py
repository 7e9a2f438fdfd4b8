"""Guardrails: a simulated ladder held against the one in force, and the signature that waives what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Max
from django.utils.timezone import get_current_timezone_name

from biolab.accounts.models import User
from biolab.accounts.services.reentry import Components, confirm_components, note_signing
from biolab.kernel import security
from biolab.kernel.errors import Conflict, Forbidden, Invalid
from biolab.kernel.ids import new_uuid
from biolab.kernel.signed import seal
from biolab.kernel.times import parse_utc
from governance_app.facts.guardrails import GuardrailsSimulated, GuardrailsWaived
from governance_app.models import GuardrailSimulation, GuardrailWaiver, LadderPreview
from governance_app.policies.guardrails import require_simulator, require_waiver
from governance_app.rules.blueprint import check_json
from governance_app.rules.guardrails import GuardrailState, Side, StagePair, judge
from governance_app.seals.waivers import simulation_digest, waived_record
from governance_app.states import Meaning
from sessions_app import timeline
from sessions_app.models import LabSession

LONGEST_REASON: Final = 10_000


@transaction.atomic
def simulate_guardrails(
    *,
    session: LabSession,
    by: User,
    at: datetime,
    comparisons: Sequence[Mapping[str, Any]] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> GuardrailSimulation:
    """Judge a simulated ladder stage by stage, keep the verdict and return it.

    The newest simulation of a session counts: a blocked one holds its packaging, a clear one lets it go.

    Args:
        comparisons: the stages in both ladders; None takes those of the session's latest preview.

    Raises:
        Forbidden: the person does not run sessions in the team.
        Conflict: there is no preview to take them from.
        Invalid: no stages, or something JSON cannot carry.
    """
    require_simulator(by, session)
    check_json([dict(metadata or {}), [dict(one) for one in comparisons or ()]], "/metadata")
    session = LabSession.objects.hold(session.pk)
    preview = None
    if comparisons is None:
        preview = LadderPreview.objects.filter(session=session).order_by("-number").first()
        if preview is None:
            raise Conflict("This session has no preview yet. Make one, or give the comparisons.", code="no_preview")
        comparisons = preview.comparisons
    if not comparisons:
        detail = "Give at least one stage; nothing to compare is not the same as clear."
        raise Invalid(detail, errors=[{"pointer": "/comparisons", "detail": detail}])
    verdict = judge([_pair(one) for one in comparisons])
    last = GuardrailSimulation.objects.filter(session=session).aggregate(last=Max("number"))["last"] or 0
    simulation = GuardrailSimulation.objects.create(
        session=session,
        number=last + 1,
        preview=preview,
        comparisons=[dict(one) for one in comparisons],
        metadata=dict(metadata or {}),
        state=verdict.state,
        reasons=list(verdict.reasons),
        projected_delay_minutes=verdict.projected_delay_minutes,
        created_by=by,
        created_at=at,
    )
    told = GuardrailsSimulated(
        simulation_id=simulation.public_id,
        state=str(verdict.state),
        reasons=verdict.reasons,
        projected_delay_minutes=verdict.projected_delay_minutes,
        stage_count=len(comparisons),
    )
    timeline.record(session, told, by=by, at=at)
    return simulation


def waive_guardrails(
    *,
    simulation: GuardrailSimulation,
    signature: str,
    reason: str,
    given: Components,
    by: User,
    at: datetime,
    zone: str = "",
) -> GuardrailWaiver:
    """Sign that packaging may go on in spite of a blocked simulation, and return the signature.

    Rules are asked in this order: who, state of the simulation, body, password. Only the last counts towards the
    lock; it is checked in transactions of its own, and the other rules are asked again while the session is held.

    Args:
        signature: the name as the signer typed it.
        zone: the signer's time zone; by default the one in force.

    Raises:
        Forbidden: no administrator in person, or a wrong password.
        Conflict: the simulation is not the newest, is clear, or was waived already.
        Invalid, TooMany.
        RuntimeError: a transaction is open.
    """

    def note(why: str) -> None:
        security.note_apart("signature.refused", person=by, at=at, reason=why, simulation_id=simulation.public_id)

    typed, reason = signature.strip(), reason.strip()
    try:
        _judge_waiver(simulation, typed, reason, by=by)
    except Forbidden as refusal:
        note(refusal.code)
        raise
    confirm_components(given, by=by, at=at, note=note)
    with transaction.atomic():
        session = LabSession.objects.hold(simulation.session_id)
        simulation = GuardrailSimulation.objects.told().get(pk=simulation.pk)
        _judge_waiver(simulation, typed, reason, by=by)
        simulation.session = session
        waiver = GuardrailWaiver(
            id=new_uuid(),
            simulation=simulation,
            signer=by,
            printed_name=by.printed_name,
            typed=typed,
            meaning=Meaning.RESPONSIBILITY,
            reason=reason,
            simulation_digest=simulation_digest(simulation),
            chain_sequence=session.head_sequence,
            chain_head=session.head_hash,
            signed_at=at,
            zone=zone or get_current_timezone_name(),
        )
        seal(waiver, waived_record)
        waiver.save(force_insert=True)
        note_signing(by=by, period=given.period, at=at)
        told = GuardrailsWaived(
            simulation_id=simulation.public_id,
            waiver_id=waiver.public_id,
            printed_name=waiver.printed_name,
            signature=typed,
            meaning=waiver.meaning,
            reason=reason,
        )
        timeline.record(session, told, by=by, at=at)
        timeline.checkpoint(session, at=at)
    return waiver


def _judge_waiver(simulation: GuardrailSimulation, typed: str, reason: str, *, by: User) -> None:
    require_waiver(by)
    if simulation.state != GuardrailState.BLOCKED:
        raise Conflict("This simulation is clear; there is nothing to waive.", code="simulation_clear")
    if GuardrailWaiver.objects.filter(simulation=simulation).exists():
        raise Conflict("This simulation was waived already.", code="already_waived")
    if not GuardrailSimulation.objects.holding().filter(pk=simulation.pk).exists():
        raise Conflict("A newer simulation of this session counts instead.", code="simulation_outdated")
    errors = []
    if not 1 <= len(typed) <= 255 or not typed.isprintable():
        errors.append({"pointer": "/signature", "detail": "Type your name: 1 to 255 printable characters."})
    if not 1 <= len(reason) <= LONGEST_REASON or "\x00" in reason:
        errors.append({"pointer": "/reason", "detail": f"Say why: 1 to {LONGEST_REASON} characters."})
    if errors:
        raise Invalid(errors[0]["detail"], errors=errors)


def _pair(given: Mapping[str, Any]) -> StagePair:
    return StagePair(index=given["index"], baseline=_side(given["baseline"]), simulated=_side(given["simulated"]))


def _side(given: Mapping[str, Any]) -> Side:
    due = given["projected_due_at"]
    return Side(
        status=given["status"],
        sla_hours=given["sla_hours"],
        due_at=parse_utc(due) if due is not None else None,
        blockers=tuple(given["blockers"]),
    )
