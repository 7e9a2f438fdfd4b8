"""What a signature is bound to, and whether it still holds."""

from __future__ import annotations

from typing import Any

from biolab.kernel.signed import faults
from biolab.kernel.times import iso
from governance_app.models import Signature

FORMAT = "biolab.signature/1"


def signed_record(signature: Signature) -> dict[str, Any]:
    """Return what was signed, put together from the signature's columns and the record they stand on.

    A signature that was moved to another action, stage, request or session gives another record.
    """
    action = signature.action
    stage = action.stage
    request = stage.request
    return {
        "format": FORMAT,
        "action_id": action.public_id,
        "stage_id": stage.public_id,
        "sequence_index": stage.sequence_index,
        "execution_id": request.session.public_id,
        "subject": {
            "prefix": request.subject_prefix,
            "id": request.subject_id,
            "digest": signature.subject_digest,
            "content_digest": request.content_digest,
        },
        "snapshot_digest": signature.snapshot_digest,
        "chain": {"sequence": signature.chain_sequence, "head": signature.chain_head},
        "signer_id": signature.signer.public_id,
        "printed_name": signature.printed_name,
        "signature": signature.typed,
        "decision": signature.decision,
        "meaning": signature.meaning,
        "role": signature.role,
        "signed_at": iso(signature.signed_at),
        "zone": signature.zone,
        "local_time": signature.local_time,
        "key_id": signature.key_id,
    }


def verify_signature(signature: Signature) -> list[str]:
    """Return in words how a signature does not hold: against its record, the instance's keys, the session's chain."""
    problems = faults(signature, signed_record)
    action, request = signature.action, signature.action.stage.request
    shown = (action.signature, action.meaning, action.action_type, action.actor_id)
    if shown != (signature.typed, signature.meaning, signature.decision, signature.signer_id):
        problems.append("The action shows something else than what was signed.")
    if signature.subject_digest != request.subject_digest or signature.snapshot_digest != request.snapshot_digest:
        problems.append("What was signed is not what the request holds now.")
    if request.session.hash_at(signature.chain_sequence) != signature.chain_head:
        problems.append("The session's timeline never stood where the signature says.")
    return problems
