"""What a waiver of the guardrails is bound to, the instance's seal over it, and whether both still hold."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from biolab.kernel import keys
from biolab.kernel.canonical import SIGNATURE, canonical, sha256
from biolab.kernel.times import iso
from governance_app.models import GuardrailSimulation, GuardrailWaiver
from sessions_app.models import TimelineEvent

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
        "local_time": waiver.signed_at.astimezone(ZoneInfo(waiver.zone)).isoformat(),
        "key_id": waiver.key_id,
    }


def seal_waiver(waiver: GuardrailWaiver) -> None:
    """Fill in the canonical text and the instance's Ed25519 signature over it; the caller saves."""
    waiver.key_id = keys.key_id()
    text = canonical(waived_record(waiver))
    waiver.canonical = text.decode()
    waiver.seal = keys.sign(SIGNATURE + text).hex()


def waiver_holds(waiver: GuardrailWaiver) -> bool:
    """Tell whether a waiver belongs to this simulation as it stands, this instance sealed it, and the chain agrees.

    Nothing stored is believed: digest and text are put together again from the rows.
    """
    text = waiver.canonical.encode()
    return (
        simulation_digest(waiver.simulation) == waiver.simulation_digest
        and canonical(waived_record(waiver)) == text
        and keys.verify(SIGNATURE + text, bytes.fromhex(waiver.seal), waiver.key_id)
        and _chain_at(waiver) == waiver.chain_head
    )


def _chain_at(waiver: GuardrailWaiver) -> str | None:
    session = waiver.simulation.session
    if waiver.chain_sequence == 0:
        return session.genesis
    events = TimelineEvent.objects.filter(session=session, sequence=waiver.chain_sequence)
    return events.values_list("hash", flat=True).first()
