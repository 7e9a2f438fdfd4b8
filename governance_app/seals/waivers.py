"""What a waiver of the guardrails is bound to, and whether it still holds."""

from __future__ import annotations

from typing import Any, Final

from biolab.kernel.canonical import canonical, sha256
from biolab.kernel.signed import faults
from biolab.kernel.times import iso
from governance_app.models import GuardrailSimulation, GuardrailWaiver

FORMAT: Final = "biolab.guardrail-waiver/1"


def simulation_text(simulation: GuardrailSimulation) -> bytes:
    """Return the canonical text of a simulation as it stands."""
    return canonical(
        {
            "simulation_id": simulation.public_id,
            "execution_id": simulation.session.public_id,
            "number": simulation.number,
            "state": simulation.state,
            "reasons": simulation.reasons,
            "projected_delay_minutes": simulation.projected_delay_minutes,
            "comparisons": simulation.comparisons,
            "created_at": iso(simulation.created_at),
        }
    )


def simulation_digest(simulation: GuardrailSimulation) -> str:
    """Return the digest of a simulation as it stands: what a waiver is signed under."""
    return sha256(simulation_text(simulation))


def waived_record(waiver: GuardrailWaiver) -> dict[str, Any]:
    """Return what was signed, put together from the waiver's columns; under another simulation it reads otherwise."""
    return {
        "format": FORMAT,
        "waiver_id": waiver.public_id,
        "simulation_id": waiver.simulation.public_id,
        "execution_id": waiver.simulation.session.public_id,
        "simulation_digest": waiver.simulation_digest,
        "chain": {"sequence": waiver.chain_sequence, "head": waiver.chain_head},
        "signer_id": waiver.signer.public_id,
        "printed_name": waiver.printed_name,
        "signature": waiver.typed,
        "meaning": waiver.meaning,
        "reason": waiver.reason,
        "signed_at": iso(waiver.signed_at),
        "zone": waiver.zone,
        "local_time": waiver.local_time,
        "key_id": waiver.key_id,
    }


def waiver_holds(waiver: GuardrailWaiver) -> bool:
    """Tell whether a waiver belongs to this simulation as it stands, this instance sealed it, and the chain agrees."""
    return (
        not faults(waiver, waived_record)
        and simulation_digest(waiver.simulation) == waiver.simulation_digest
        and waiver.simulation.session.hash_at(waiver.chain_sequence) == waiver.chain_head
    )
