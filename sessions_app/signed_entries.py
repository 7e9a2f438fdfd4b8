"""What a signature under a notebook entry is bound to, the instance's seal over it, and whether both still hold."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from biolab.kernel import keys
from biolab.kernel.canonical import SIGNATURE, canonical, sha256
from biolab.kernel.times import iso
from sessions_app.models import EntrySignature, EntryVersion, NotebookEntry

FORMAT: Final = "biolab.notebook-signature/1"


def wording_digest(entry: NotebookEntry, wording: NotebookEntry | EntryVersion) -> str:
    """Return the digest of a wording of the entry, its present one or a kept one: what a signature is bound to."""
    return sha256(
        canonical(
            {
                "entry_id": entry.public_id,
                "execution_id": entry.session.public_id if entry.session is not None else None,
                "version": wording.version,
                "title": wording.title,
                "content": wording.content,
            }
        )
    )


def signed_record(signature: EntrySignature, *, entry: NotebookEntry) -> dict[str, Any]:
    """Return what was signed, put together from the signature's columns; under another entry it reads otherwise."""
    return {
        "format": FORMAT,
        "signature_id": signature.public_id,
        "entry_id": entry.public_id,
        "execution_id": entry.session.public_id if entry.session is not None else None,
        "version": signature.version,
        "digest": signature.digest,
        "signer_id": signature.signer.public_id,
        "printed_name": signature.printed_name,
        "signature": signature.typed,
        "meaning": signature.meaning,
        "role": signature.role,
        "signed_at": iso(signature.signed_at),
        "zone": signature.zone,
        "local_time": local_time(signature),
        "key_id": signature.key_id,
    }


def local_time(signature: EntrySignature) -> str:
    """Return when it was signed, on the clock of its zone, with the offset."""
    return signature.signed_at.astimezone(ZoneInfo(signature.zone)).isoformat()


def seal(signature: EntrySignature, *, entry: NotebookEntry) -> None:
    """Fill in the canonical text and the instance's Ed25519 signature over it; the caller saves."""
    signature.key_id = keys.key_id()
    text = canonical(signed_record(signature, entry=entry))
    signature.canonical = text.decode()
    signature.seal = keys.sign(SIGNATURE + text).hex()


def holds(signature: EntrySignature, *, entry: NotebookEntry) -> bool:
    """Tell whether a signature belongs under this entry as it was then, and this instance sealed it.

    Nothing stored is believed: the wording's digest and the signed text are put together again from the columns.
    """
    kept = EntryVersion.objects.filter(entry=entry, version=signature.version).first()
    text = signature.canonical.encode()
    return (
        kept is not None
        and wording_digest(entry, kept) == signature.digest
        and canonical(signed_record(signature, entry=entry)) == text
        and keys.verify(SIGNATURE + text, bytes.fromhex(signature.seal), signature.key_id)
    )
