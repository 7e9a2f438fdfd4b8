"""The short way through the doors for batches and for single readings, which instruments knock at all day long.

It answers only when all is well; whatever it does not know, or does not like, it leaves to the door itself, which asks
the same questions one by one and says what is wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from biolab.accounts.auth.identity import SECRET_PREFIX, secret_digest
from biolab.accounts.auth.rest import split_authorization
from biolab.accounts.models import User
from biolab.kernel.api import dump
from biolab.kernel.api.throttles import may_pass
from biolab.kernel.errors import Refusal
from biolab.kernel.ids import parse_id
from sessions_app.models import LabSession
from telemetry_app import selectors
from telemetry_app.ingest.batch import NotJSONError, decode_batch, decode_reading
from telemetry_app.ingest.columns import Batch
from telemetry_app.instants import to_us
from telemetry_app.models import Channel
from telemetry_app.services.ingest import Receipt, ingest_by_token
from telemetry_app.stores.base import Reading

View = Callable[..., HttpResponseBase]

MOST_BYTES: Final = 1024 * 1024
"""Longer bodies spend their time on their readings."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a door takes and tells: how its body becomes a batch, and what the sender is told of it."""

    decode: Callable[..., Batch]
    shown: Callable[[UUID, Batch, Receipt], dict[str, Any]]


def quick(door: View, kind: Kind) -> View:
    """Return a door that takes readings with the short way in front of it."""

    @wraps(door)
    def view(request: HttpRequest, sid: str, **kwargs: Any) -> HttpResponseBase:
        answer = _answer(request, sid, kind) if _is_plain(request) else None
        return door(request, sid=sid, **kwargs) if answer is None else answer

    return view


def shown_counts(receipt: Receipt) -> dict[str, object]:
    """Return what a sender of a batch is told."""
    counts = receipt.counts
    return {"created": counts.created, "late": counts.late, "flagged": counts.flagged, "batch_id": counts.batch_id}


def shown_single(session_id: UUID, batch: Batch, receipt: Receipt) -> dict[str, Any]:
    """Return what a sender of one reading is told: the reading as it is stored."""
    known = receipt.channels[batch.names[0]]
    reading = Reading(known.id, session_id, int(batch.times[0]), float(batch.values[0]))
    return selectors.shown_reading(reading, Channel(pk=known.id, name=known.name, unit=known.unit))


BATCH: Final = Kind(decode_batch, lambda _session_id, _batch, receipt: shown_counts(receipt))
SINGLE: Final = Kind(decode_reading, shown_single)


def _is_plain(request: HttpRequest) -> bool:
    """Tell whether this is a short body of JSON under nobody's special wishes."""
    meta = request.META
    length = str(meta.get("CONTENT_LENGTH") or "")
    return (
        request.method == "POST"
        and request.content_type == "application/json"
        and length.isdecimal()
        and int(length) <= MOST_BYTES
        and not meta.get("HTTP_CONTENT_ENCODING")
        and "HTTP_IDEMPOTENCY_KEY" not in meta
        and not meta.get("QUERY_STRING")
    )


def _answer(request: HttpRequest, sid: str, kind: Kind) -> HttpResponse | None:
    scheme, secret = split_authorization(request.META.get("HTTP_AUTHORIZATION", ""))
    session_id = parse_id(sid, LabSession.id_prefix)
    if scheme not in ("token", "bearer") or not secret.startswith(SECRET_PREFIX) or session_id is None:
        return None
    body, now = request.body, timezone.now()
    taken: list[Batch] = []

    def read() -> Batch:
        taken.append(kind.decode(body, received_us=to_us(now)))
        return taken[0]

    def pass_on(person: User) -> bool:
        request.user = person
        return may_pass("write", person.pk)

    try:
        receipt = ingest_by_token(
            digest=secret_digest(secret),
            session_id=session_id,
            read=read,
            pass_on=pass_on,
            at=now,
            body_sha256=hashlib.sha256(body).hexdigest(),
        )
    except (Refusal, NotJSONError, DatabaseError):
        return None
    if receipt is None:
        return None
    headers = {"Idempotent-Replayed": "true"} if receipt.counts.replayed else None
    told = dump(kind.shown(session_id, taken[0], receipt))
    return HttpResponse(told, content_type="application/json", headers=headers)
