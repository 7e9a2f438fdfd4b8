"""Refusals of exports and archives."""

from __future__ import annotations

from biolab.kernel.errors import Conflict, Gone, Invalid
from biolab.kernel.storage import IntegrityFailed, StorageUnreachable

__all__ = ["ArtifactGone", "ArtifactNotReady", "EvidenceRefused", "IntegrityFailed", "StorageUnreachable"]


class EvidenceRefused(Invalid):
    """An attachment that names nothing, too much, or something that cannot be attached."""

    default_code = "evidence_refused"


class ArtifactNotReady(Conflict):
    """There is no archive yet."""

    default_code = "artifact_not_ready"


class ArtifactGone(Gone):
    """The archive was taken away: its approval was withdrawn, or its time is over."""

    default_code = "artifact_gone"
