"""What a signature under a notebook entry is bound to, and whether it still holds."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from biolab.kernel.canonical import canonical, sha256
from biolab.kernel.signed import faults
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
        "local_time": signature.local_time,
        "key_id": signature.key_id,
    }


def holds(signature: EntrySignature, *, entry: NotebookEntry) -> bool:
    """Tell whether a signature belongs under this entry as it was then, and this instance sealed it."""
    kept = EntryVersion.objects.filter(entry=entry, version=signature.version).first()
    return (
        kept is not None
        and wording_digest(entry, kept) == signature.digest
        and not faults(signature, partial(signed_record, entry=entry))
    )
