"""Guardrail simulations and waivers as the wire shows them."""

from __future__ import annotations

from typing import Any, Final

from biolab.kernel.times import iso
from governance_app.models import GuardrailSimulation, GuardrailWaiver
from governance_app.shapes.approvals import person_as_wire

_WORDS: Final = {
    "status_regression": "was ready and is {}",
    "new_blockers": "has new blockers: {}",
    "due_delay_minutes": "would be due {} later",
    "sla_increase_hours": "would have {} h more",
}


def simulation_as_wire(simulation: GuardrailSimulation) -> dict[str, Any]:
    """Return a simulation with its verdict; read it ``told()`` to keep the queries few."""
    waiver = simulation.given_waiver
    return {
        "id": simulation.public_id,
        "execution_id": simulation.session.public_id,
        "created_at": iso(simulation.created_at),
        "created_by": person_as_wire(simulation.created_by),
        "metadata": simulation.metadata,
        "comparisons": simulation.comparisons,
        "summary": {
            "state": simulation.state,
            "reasons": simulation.reasons,
            "projected_delay_minutes": simulation.projected_delay_minutes,
        },
        "waiver": waiver_as_wire(waiver) if waiver is not None else None,
    }


def waiver_as_wire(waiver: GuardrailWaiver) -> dict[str, Any]:
    """Return a waiver with what it is bound to."""
    return {
        "id": waiver.public_id,
        "printed_name": waiver.printed_name,
        "signature": waiver.typed,
        "meaning": waiver.meaning,
        "reason": waiver.reason,
        "signed_at": iso(waiver.signed_at),
        "zone": waiver.zone,
        "signer": person_as_wire(waiver.signer),
        "simulation_digest": waiver.simulation_digest,
        "chain_sequence": waiver.chain_sequence,
        "chain_head": waiver.chain_head,
        "key_id": waiver.key_id,
        "canonical": waiver.canonical,
        "seal": waiver.seal,
    }


def guardrail_state(simulation: GuardrailSimulation | None) -> str | None:
    """Return what the newest simulation of a session comes to: blocked, clear, waived; None where there is none."""
    if simulation is None:
        return None
    return "waived" if simulation.given_waiver is not None else simulation.state


def reason_in_words(reason: str) -> str:
    """Return a reason of the guardrails as a person reads it; stages count from 1 there."""
    place, _, rest = reason.partition(":")
    kind, _, what = rest.partition(":")
    stage = place.removeprefix("stage_")
    if kind not in _WORDS or not stage.isdecimal():
        return reason
    if kind == "due_delay_minutes" and what.isdecimal():
        what = span(int(what))
    return f"Stage {int(stage) + 1} {_WORDS[kind].format(what.rstrip('.'))}."


def span(minutes: int) -> str:
    """Return a number of minutes as days, hours and minutes, those that are not zero."""
    days, rest = divmod(minutes, 24 * 60)
    told = [f"{number} {unit}" for number, unit in ((days, "d"), (rest // 60, "h"), (rest % 60, "min")) if number]
    return " ".join(told) or "0 min"
