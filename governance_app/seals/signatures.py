"""What a signature is bound to, the instance's seal over it, and whether both still hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from biolab.kernel import keys
from biolab.kernel.canonical import SIGNATURE, canonical
from biolab.kernel.times import iso
from governance_app.models import Signature
from sessions_app.models import TimelineEvent

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
        "local_time": local_time(signature),
        "key_id": signature.key_id,
    }


def local_time(signature: Signature) -> str:
    """Return when it was signed, on the clock of its zone, with the offset."""
    return signature.signed_at.astimezone(ZoneInfo(signature.zone)).isoformat()


def seal_signature(signature: Signature) -> None:
    """Fill in the canonical text and the instance's Ed25519 signature over it; the caller saves."""
    signature.key_id = keys.key_id()
    text = canonical(signed_record(signature))
    signature.canonical = text.decode()
    signature.seal = keys.sign(SIGNATURE + text).hex()


@dataclass(frozen=True)
class Verdict:
    """What checking a signature found; ``problems`` is empty where it holds."""

    problems: tuple[str, ...]

    @property
    def valid(self) -> bool:
        return not self.problems


def verify_signature(signature: Signature) -> Verdict:
    """Check a signature against the record it stands on, the instance's keys and the session's chain.

    Nothing stored is believed: the signed text is put together again from the columns.
    """
    problems = []
    if canonical(signed_record(signature)).decode() != signature.canonical:
        problems.append("The signed text does not belong to this record.")
    if not _sealed_by_us(signature):
        problems.append("The seal is not this instance's over the signed text.")
    action, request = signature.action, signature.action.stage.request
    shown = (action.signature, action.meaning, action.action_type, action.actor_id)
    if shown != (signature.typed, signature.meaning, signature.decision, signature.signer_id):
        problems.append("The action shows something else than what was signed.")
    if signature.subject_digest != request.subject_digest or signature.snapshot_digest != request.snapshot_digest:
        problems.append("What was signed is not what the request holds now.")
    if _chain_at(signature) != signature.chain_head:
        problems.append("The session's timeline never stood where the signature says.")
    return Verdict(tuple(problems))


def _sealed_by_us(signature: Signature) -> bool:
    try:
        seal = bytes.fromhex(signature.seal)
    except ValueError:
        return False
    return keys.verify(SIGNATURE + signature.canonical.encode(), seal, signature.key_id)


def _chain_at(signature: Signature) -> str | None:
    session = signature.action.stage.request.session
    if signature.chain_sequence == 0:
        return session.genesis
    events = TimelineEvent.objects.filter(session=session, sequence=signature.chain_sequence)
    return events.values_list("hash", flat=True).first()
