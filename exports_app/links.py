"""Addresses that let an archive be fetched without signing in, for a few minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer

from biolab.accounts.models import User
from biolab.kernel.errors import Forbidden
from exports_app import storage
from exports_app.archive.layout import root_name
from exports_app.models import NarrativeExport

PATH: Final = "/api/experiment-console/exports/narrative/signed/"
_SALT: Final = "exports_app.links"


def artifact_url(export: NarrativeExport, *, person: User, at: datetime) -> str:
    """Return where the archive can be fetched until the link runs out: at the bucket, or here, under an HMAC.

    The link is the person's: who fetches by it is written down under their name.
    """
    seconds: int = settings.ARTIFACT_URL_SECONDS
    if not storage.is_folder():
        filename = f"{root_name(export.session.public_id, export.version)}.eln"
        return storage.presigned_url(export.artifact_name, expires_in_s=seconds, filename=filename)
    until = int((at + timedelta(seconds=seconds)).timestamp())
    claim = f"{export.public_id}.{person.public_id}.{export.artifact_checksum[:32]}.{until}"
    return PATH + Signer(salt=_SALT, sep="~").sign(claim)


def read_link(text: str, *, at: datetime) -> tuple[str, str, str]:
    """Return the export's id, the person's id and the start of the checksum that a link names.

    Raises:
        Forbidden: it is none of ours, or has run out.
    """
    try:
        export_id, person_id, checksum, until = Signer(salt=_SALT, sep="~").unsign(text).split(".")
        expires_at = datetime.fromtimestamp(int(until), tz=UTC)
    except (BadSignature, ValueError, OverflowError):
        raise Forbidden("This link is not one of ours.", code="bad_link") from None
    if expires_at < at:
        raise Forbidden("This link has run out; ask for a new one.", code="link_expired")
    return export_id, person_id, checksum
