"""Where frozen bytes and archives are kept in the artifact store, and under which names.

An object that no row names is nobody's, and ``sweep_orphans`` in ``services.upkeep`` removes it after a day.
"""

from __future__ import annotations

from typing import Any, Final

from biolab.kernel.storage import (
    CHUNK,
    INCOMING,
    Measured,
    fetch,
    is_folder,
    measure,
    measured,
    names_under,
    put,
    read,
    remove,
    spool_folder,
    store,
    stored_at,
    sweep_orphans,
    trouble,
    workbench,
)
from exports_app.archive.layout import safe_name

__all__ = [
    "ARTIFACTS",
    "CHUNK",
    "FROZEN",
    "INCOMING",
    "Measured",
    "artifact_name",
    "fetch",
    "frozen_name",
    "is_folder",
    "measure",
    "measured",
    "names_under",
    "presigned_url",
    "put",
    "read",
    "remove",
    "spool_folder",
    "store",
    "stored_at",
    "sweep_orphans",
    "workbench",
]

FROZEN: Final = "frozen"
ARTIFACTS: Final = "narratives"


def frozen_name(file: Measured) -> str:
    """Return the key of frozen bytes: their own digest."""
    return f"{FROZEN}/{file.sha256[:2]}/{file.sha256}"


def artifact_name(*, execution_id: str, version: int, file_id: str, filename: str) -> str:
    """Return the key of an archive; nothing in it comes from a person's text unsifted."""
    return f"{ARTIFACTS}/{execution_id}/v{version}/{file_id}_{safe_name(filename)}"


def presigned_url(name: str, *, expires_in_s: int, filename: str) -> str:
    """Return an address at the store itself, valid for a while; only for stores that are no folder."""
    with trouble("The artifact store gives no address."):
        parameters = {"ResponseContentDisposition": f'attachment; filename="{safe_name(filename)}"'}
        bucket: Any = store()
        return str(bucket.url(name, parameters=parameters, expire=expires_in_s))
