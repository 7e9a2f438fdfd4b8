"""Signatures of an archive: the statement a signer signed, its envelope, and minisign's format.

**The statement.** What governance signs with the instance's key is ``0x03 ‖ canonical``, where ``canonical`` is the
RFC 8785 text of one object with these members (more may stand beside them):

====================  =========================================================================================
``subject``           {"prefix": "narrative_export", "id": "exp_…", "digest": ``subject_digest`` below, in hex,
                      "content_digest": SHA-256 of the dossier}
``snapshot_digest``   of the approval template's snapshot; empty where stages were given by hand
``execution_id``      the session, ``sess_…``
``chain``             {"sequence", "head"}: the session's newest event when it was signed, and its hash
``stage_id``          the stage; with ``sequence_index`` (from 1)
``decision``          ``approved`` or ``rejected``
``signer_id``         the person, ``user_…``; with ``printed_name`` as at signing
``signature``         as typed
``meaning``           what the signature stands for (review, approval, …); with ``role``
``signed_at``         ISO 8601 UTC with ``Z``; ``zone`` and ``local_time`` (with offset) are the signer's
``key_id``            the instance key that signed
====================  =========================================================================================

Beside it governance keeps the signature (64 bytes, in hex). The verifier in every archive checks both, and that the
digest is the one of what lies in the archive, so that a signature moved to another record fails.

**A waiver** of the guardrails is signed the same way, over the text that ``governance_app.seals.waivers`` defines: it
names the simulation with its digest, the session, the event before it, and who signed it why.

**The subject's digest** covers the dossier, every attachment, the template's snapshot and the readings. It is known
when the export is asked for and never changes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

from exports_app.archive import verify
from exports_app.archive.contents import ChannelSeal, SignatureRecord, Signer, WaiverRecord

PREDICATE_TYPE: Final = verify.PREDICATE_TYPE


def subject_digest(
    *,
    content_digest: str,
    attachments: Iterable[tuple[str, str, str]] = (),
    snapshot_digest: str = "",
    telemetry_digest: str = "",
) -> str:
    """Return the digest that a ladder binds: of everything the archive will hold, in hex.

    Args:
        attachments: (evidence type, reference id, SHA-256 of the frozen bytes), in the export's order.
        telemetry_digest: ``telemetry_digest(channels)``; empty where the session has no readings.
    """
    return verify.subject_digest(
        content_digest=content_digest,
        attachments=attachments,
        snapshot_digest=snapshot_digest,
        telemetry_digest=telemetry_digest,
    )


def telemetry_digest(channels: Iterable[ChannelSeal]) -> str:
    """Return the digest of all channels' names, counts and reading digests; empty without channels."""
    return verify.telemetry_digest((channel.name, channel.count, channel.digest) for channel in channels)


def envelope(record: SignatureRecord, signer: Signer) -> dict[str, Any]:
    """Return the DSSE envelope of ``record``: an in-toto statement, signed by the instance that packs."""
    subject = json.loads(record.canonical)["subject"]
    told = {
        "canonical": record.canonical,
        "signature": record.signature,
        "key_id": record.key_id,
        "standing": record.standing,
    }
    return _enveloped(PREDICATE_TYPE, subject["id"], subject["digest"], told, signer)


def waiver_envelope(record: WaiverRecord, signer: Signer) -> dict[str, Any]:
    """Return the DSSE envelope of a waiver: about the simulation it was signed under, which it brings along."""
    statement = json.loads(record.canonical)
    told = {
        "canonical": record.canonical,
        "signature": record.signature,
        "key_id": record.key_id,
        "simulation": record.simulation,
    }
    return _enveloped(verify.WAIVER_TYPE, statement["simulation_id"], statement["simulation_digest"], told, signer)


def _enveloped(kind: str, name: str, digest: str, predicate: dict[str, Any], signer: Signer) -> dict[str, Any]:
    payload = verify.canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": digest}}],
            "predicateType": kind,
            "predicate": predicate,
        }
    )
    signature = signer.sign(verify.dsse_message(verify.PAYLOAD_TYPE, payload))
    return {
        "payloadType": verify.PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": signer.key_id(), "sig": base64.b64encode(signature).decode()}],
    }


def minisign(message: bytes, signer: Signer, trusted_comment: str) -> bytes:
    """Return the ``.minisig`` file of ``message`` (pre-hashed), which ``minisign -V`` accepts.

    Args:
        trusted_comment: one line of printable ASCII; it is signed too.
    """
    signature = signer.sign(hashlib.blake2b(message).digest())
    everything = signer.sign(signature + trusted_comment.encode("ascii"))
    first = base64.b64encode(b"ED" + bytes.fromhex(signer.key_id()) + signature).decode()
    return "\n".join(
        (
            verify.UNTRUSTED_COMMENT,
            first,
            f"trusted comment: {trusted_comment}",
            base64.b64encode(everything).decode(),
            "",
        )
    ).encode("ascii")


def minisign_public_key(signer: Signer) -> str:
    """Return the public key as ``minisign -V -P`` takes it."""
    return base64.b64encode(b"Ed" + bytes.fromhex(signer.key_id()) + signer.public_key()).decode()
